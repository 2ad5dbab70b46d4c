/// What the gateway knows of the broker's pipelines and workers, shared by all browsers: the feed
/// thread keeps it up to date, the threads that answer read it. Each pipeline has a lock of its
/// own, so that a long answer about one holds nobody else up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dashboard/gateway/critical_path.h"
#include "dashboard/gateway/pipeline_model.h"

namespace landseer::gateway {

struct SharedPipeline {
  explicit SharedPipeline(protocol::PipelineRow row) : model(std::move(row)) {}
  std::mutex mutex;  ///< of everything below
  PipelineModel model;
  std::vector<std::string> notices;  ///< the broker's last word
  std::int64_t used_at = 0;          ///< Unix milliseconds
  ToolTimes tool_times;              ///< of its tools
  std::int64_t tool_times_at = 0;    ///< when the broker was asked for them; 0: never
  std::mutex loading;                ///< held by who loads it
};

using PipelinePtr = std::shared_ptr<SharedPipeline>;

struct BrokerState {
  bool connected = false;
  std::string address;
  std::string version;
  std::int64_t last_heard_at = 0;
  std::string message;  ///< why it is not connected
  bool operator==(const BrokerState&) const = default;
};

struct WorkerNews {
  std::vector<protocol::WorkerRow> changed;
  std::vector<WorkerId> gone;
  bool empty() const { return changed.empty() && gone.empty(); }
};

/// What of a change list is to be told beyond its own rows.
struct AppliedChange {
  PipelineId pipeline{};
  std::vector<protocol::TaskChange> tasks;
};

class Model {
 public:
  /// Tasks kept of pipelines that nobody looks at now; beyond it, those not used longest go.
  static constexpr std::size_t kLoadedTasksMax = 500'000;

  /// Everything anew: all that was known is forgotten.
  void reset(std::vector<protocol::PipelineRow> rows);
  /// Returns what changed by pipeline, in the order told, with tasks that became ready thereby.
  std::vector<AppliedChange> apply(const protocol::ChangeList& changes, std::int64_t now_ms);
  WorkerNews set_workers(std::vector<protocol::WorkerRow> rows);
  void set_broker(const BrokerState& state);

  PipelinePtr find(PipelineId id) const;
  /// Oldest first.
  std::vector<PipelinePtr> pipelines() const;
  std::vector<protocol::PipelineRow> rows() const;
  std::vector<protocol::WorkerRow> workers() const;
  BrokerState broker() const;
  /// Grows with every change of anything.
  std::uint64_t version() const;
  /// Unloads what was not used longest, until the limit holds. Not to be called with a lock held.
  void make_room();

 private:
  mutable std::mutex mutex_;
  std::map<PipelineId, PipelinePtr> pipelines_;
  std::vector<protocol::WorkerRow> workers_;
  BrokerState broker_;
  std::uint64_t version_ = 1;
};

}  // namespace landseer::gateway
