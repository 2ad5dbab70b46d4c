/// Giving up what a pipeline's rules make needless: `stop_after`, once enough workflows are
/// complete; `stop_when`, once an evaluation reported what a rule asks for. Decides; the changes
/// are records, and the ledger makes them. docs/architecture.md, "Stopping early".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/ledger.h"
#include "broker/core/lifecycle.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// What an evaluation evaluates: the last task above it that is no evaluation itself; null: none.
domain::TaskPtr evaluated_task(const PipelineRecord& record, const domain::Task& evaluation);

/// Why an evaluation that is completed stopped nothing, in words; empty: there are no rules, or one
/// held.
std::string why_no_rule_holds(const PipelineRecord& record, const domain::Task& evaluation);

class Pruner {
 public:
  Pruner(State& state, Ledger& ledger, Lifecycle& lifecycle)
      : state_(state), ledger_(ledger), lifecycle_(lifecycle) {}

  /// After events, before what they made ready is placed: decides for the evaluations that are due
  /// and the pipelines that were touched. O(these, and what is given up).
  void settle(const Now& now, Outbox& out);

 private:
  void judge(const FoundTask& evaluation, const Now& now, Outbox& out);
  void stop_if_enough(PipelineRecord& record, const Now& now, Outbox& out);
  void prune(PipelineRecord& record, TasksPruned decision, std::vector<domain::TaskPtr> tasks,
             const Now& now, Outbox& out);
  void add_saved(const PipelineRecord& record, const domain::Task& task, const Now& now,
                 TasksPruned& decision) const;

  State& state_;
  Ledger& ledger_;
  Lifecycle& lifecycle_;
};

}  // namespace landseer::broker
