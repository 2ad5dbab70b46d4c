#include "dashboard/gateway/model.h"

#include <algorithm>
#include <utility>

namespace landseer::gateway {
namespace {

/// Whether anything but the time it was last heard of is another.
bool is_other(protocol::WorkerRow a, const protocol::WorkerRow& b) {
  a.last_seen_at = b.last_seen_at;
  return !(a == b);
}

}  // namespace

void Model::reset(std::vector<protocol::PipelineRow> rows) {
  const std::lock_guard lock(mutex_);
  pipelines_.clear();
  for (protocol::PipelineRow& row : rows) {
    const PipelineId id = row.pipeline;
    pipelines_.emplace(id, std::make_shared<SharedPipeline>(std::move(row)));
  }
  ++version_;
}

std::vector<AppliedChange> Model::apply(const protocol::ChangeList& changes, std::int64_t now_ms) {
  for (const protocol::PipelineRow& row : changes.pipelines) {
    PipelinePtr pipeline;
    {
      const std::lock_guard lock(mutex_);
      PipelinePtr& entry = pipelines_[row.pipeline];
      if (!entry) entry = std::make_shared<SharedPipeline>(row);
      pipeline = entry;
      ++version_;
    }
    const std::lock_guard lock(pipeline->mutex);
    pipeline->model.set_row(row, now_ms);
  }
  std::map<PipelineId, AppliedChange> applied;
  for (const protocol::TaskChange& change : changes.tasks) {
    AppliedChange& entry = applied[change.row.pipeline];
    entry.pipeline = change.row.pipeline;
    const PipelinePtr pipeline = find(change.row.pipeline);
    if (!pipeline) continue;
    const std::lock_guard lock(pipeline->mutex);
    const auto others = pipeline->model.apply(change, now_ms);
    entry.tasks.push_back(change);
    for (const TaskId id : others) {
      const protocol::AttemptRow* last = pipeline->model.last_attempt(id);
      entry.tasks.push_back(
          {*pipeline->model.find(id), last != nullptr ? *last : protocol::AttemptRow{}});
    }
  }
  const std::lock_guard lock(mutex_);
  for (const PipelineId id : changes.forgotten) {
    pipelines_.erase(id);
    ++version_;
  }
  std::vector<AppliedChange> all;
  for (auto& [id, entry] : applied) all.push_back(std::move(entry));
  return all;
}

WorkerNews Model::set_workers(std::vector<protocol::WorkerRow> rows) {
  WorkerNews news;
  const std::lock_guard lock(mutex_);
  std::map<WorkerId, const protocol::WorkerRow*> before;
  for (const protocol::WorkerRow& row : workers_) before.emplace(row.worker, &row);
  for (const protocol::WorkerRow& row : rows) {
    const auto known = before.find(row.worker);
    if (known == before.end() || is_other(*known->second, row)) news.changed.push_back(row);
    if (known != before.end()) before.erase(known);
  }
  for (const auto& [id, row] : before) news.gone.push_back(id);
  if (!news.empty()) ++version_;
  workers_ = std::move(rows);
  return news;
}

void Model::set_broker(const BrokerState& state) {
  const std::lock_guard lock(mutex_);
  if (state.connected != broker_.connected) ++version_;
  broker_ = state;
}

PipelinePtr Model::find(PipelineId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = pipelines_.find(id);
  return found != pipelines_.end() ? found->second : nullptr;
}

std::vector<PipelinePtr> Model::pipelines() const {
  const std::lock_guard lock(mutex_);
  std::vector<PipelinePtr> all;
  for (const auto& [id, pipeline] : pipelines_) all.push_back(pipeline);
  return all;
}

std::vector<protocol::PipelineRow> Model::rows() const {
  std::vector<protocol::PipelineRow> rows;
  for (const PipelinePtr& pipeline : pipelines()) {
    const std::lock_guard lock(pipeline->mutex);
    rows.push_back(pipeline->model.row());
  }
  return rows;
}

std::vector<protocol::WorkerRow> Model::workers() const {
  const std::lock_guard lock(mutex_);
  return workers_;
}

BrokerState Model::broker() const {
  const std::lock_guard lock(mutex_);
  return broker_;
}

std::uint64_t Model::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

void Model::make_room() {
  struct Use {
    std::int64_t used_at;
    std::size_t tasks;
    PipelinePtr pipeline;
  };
  std::vector<Use> uses;
  std::size_t sum = 0;
  for (const PipelinePtr& pipeline : pipelines()) {
    const std::lock_guard lock(pipeline->mutex);
    if (!pipeline->model.loaded()) continue;
    uses.push_back({pipeline->used_at, pipeline->model.tasks().size(), pipeline});
    sum += uses.back().tasks;
  }
  std::sort(uses.begin(), uses.end(),
            [](const Use& a, const Use& b) { return a.used_at < b.used_at; });
  // The one that is used now stays, however large it is.
  for (std::size_t i = 0; i + 1 < uses.size() && sum > kLoadedTasksMax; ++i) {
    const std::lock_guard lock(uses[i].pipeline->mutex);
    uses[i].pipeline->model.unload();
    sum -= uses[i].tasks;
  }
}

}  // namespace landseer::gateway
