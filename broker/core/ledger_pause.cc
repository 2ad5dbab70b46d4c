/// Records of what users hold back: a whole pipeline, or parts of one.
#include <algorithm>

#include "broker/core/ledger.h"
#include "broker/core/parts.h"
#include "broker/core/pauses.h"
#include "common/base/check.h"

namespace landseer::broker {

void Ledger::apply(const PauseChanged& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] { record.paused = r.paused; });
  state_.placement_due = true;
  state_.touch(record);
}

Result<void> Ledger::check_pause(const PartPauseChanged& r) const {
  const PipelineRecord* record = state_.pipelines.find(r.pipeline);
  const bool is_whole = number(r.task) == 0 && r.tool.empty() && r.workflows.empty();
  if (record == nullptr || (is_whole && r.paused) ||
      (number(r.task) != 0 && !record->scheduler->find_task(r.task))) {
    return contradiction("nothing to pause or resume a part of");
  }
  return check_part(record, r.workflows);
}

void Ledger::apply(const PartPauseChanged& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] { change_pauses(record, r); });
  update_pauses(record, tasks_of_change(record, r));
  state_.placement_due = true;
  state_.touch(record);
}

void Ledger::update_pauses(PipelineRecord& record, const std::vector<domain::TaskPtr>& tasks) {
  for (const domain::TaskPtr& task : tasks) update_pause(record, *task);
}

void Ledger::update_pauses_of(PipelineRecord& record,
                              const std::vector<protocol::WorkflowRange>& workflows) {
  if (record.pauses.workflows.empty() || workflows.empty()) return;
  update_pauses(record, tasks_of_part(record, {record.id(), TaskId{}, 0, {}, workflows}));
}

void Ledger::update_pause(PipelineRecord& record, const domain::Task& task) {
  const bool paused = is_held_back(record, task);
  if (record.scheduler->is_paused(task.id) == paused) return;
  // It no longer claims what another pipeline's task does for both.
  if (paused && state_.joined.erase(task.id) > 0 && record.scheduler->is_held(task.id)) {
    CHECK(record.scheduler->release(task.id), "a held task can be released");
  }
  record.scheduler->set_paused(task.id, paused);
  state_.changes.note(record.id(), task.id);
}

}  // namespace landseer::broker
