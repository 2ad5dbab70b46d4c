#include "broker/core/placement.h"

#include <algorithm>

#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// About two milliseconds of work: heartbeats must not wait longer behind a pass.
constexpr std::uint32_t kPlacementsPerPass = 2048;
/// Below this a task is over before the next one could be asked for; see docs/architecture.md.
constexpr double kPrefetchBelowMs = 1000;
/// Far below the frame limit, so that one message never has to be taken apart again.
constexpr std::size_t kAssignBytesMax = 512 * 1024;

/// About what a spec takes on the wire.
std::size_t spec_bytes(const domain::Task& task) {
  const domain::TaskOptions& options = *task.options;
  std::size_t bytes = 256 + task.tool->name.size() + task.tool->container.image.size() +
                      task.tool->container.command.size() + options.env.size();
  for (const auto* list :
       {&options.required_artifacts, &options.artifact_roots, &options.metrics}) {
    for (const std::string& text : *list) bytes += 8 + text.size();
  }
  return bytes;
}

protocol::WorkSpec spec_of(const PipelineRecord& record, const domain::Task& task) {
  const domain::TaskOptions& options = *task.options;
  const domain::ContainerConfig& container = task.tool->container;
  protocol::WorkSpec spec;
  spec.tool = task.tool->name;
  spec.image = container.image;
  spec.command = container.command;
  spec.runtime = container.runtime.value_or("");
  spec.type = static_cast<std::uint8_t>(task.type);
  spec.env = options.env;
  spec.timeout_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
  spec.cpus_milli = options.resources.cpus_milli;
  spec.gpus_milli = options.resources.gpus_milli;
  spec.memory_bytes = options.resources.memory_bytes;
  spec.gpu_memory_bytes = options.resources.gpu_memory_bytes;
  spec.network = options.network;
  spec.required_artifacts = options.required_artifacts;
  spec.artifact_roots = options.artifact_roots;
  spec.metrics = options.metrics;
  spec.dataset_name = record.pipeline->dataset.name;
  spec.dataset_variant = record.pipeline->dataset.variant;
  spec.model_script = record.key_context.model_script;
  spec.image_content = record.image_content(task);
  spec.dataset_content = record.dataset_content;
  return spec;
}

}  // namespace

void Placement::place(const Now& now, Outbox& out) {
  state_.placement_due = false;
  blocked_.clear();
  std::uint32_t placed = 0;
  // Copied: placing may retire a pipeline whose last task fails for a lost input.
  std::vector<PipelineId> order;
  for (const auto& [rank, id] : state_.pipelines.active()) order.push_back(id);
  for (const PipelineId id : order) {
    PipelineRecord& record = *state_.pipelines.find(id);
    if (record.paused) continue;
    blocked_here_.clear();
    while (placed < kPlacementsPerPass && place_best(record, now, out)) ++placed;
  }
  if (placed >= kPlacementsPerPass) state_.placement_due = true;
  for (auto& [worker, drafted] : drafts_) flush(worker, drafted, out);
  drafts_.clear();
}

/// Places the pipeline's best task among the requests that still have room. False: none is left.
bool Placement::place_best(PipelineRecord& record, const Now& now, Outbox& out) {
  for (;;) {
    std::optional<domain::ReadyQueue::Entry> best;
    std::uint32_t best_request = 0;
    for (const std::uint32_t request : record.scheduler->requests()) {
      if (blocked_.contains(request) || blocked_here_.contains(request)) continue;
      const auto entry = record.scheduler->peek_entry(request);
      if (entry && (!best || *entry < *best)) {
        best = entry;
        best_request = request;
      }
    }
    if (!best) return false;
    const FoundTask found{&record, record.pipeline->tasks[best->index]};
    if (lifecycle_.complete_kept(found, now, out)) continue;
    if (reuse_.settle(found, now, out)) continue;
    bool wrong_contents = false;
    WorkerRecord* worker = choose_worker(found, wrong_contents);
    if (worker == nullptr) {
      (wrong_contents ? blocked_here_ : blocked_).insert(best_request);
      continue;
    }
    std::vector<protocol::InputArtifact> inputs;
    // A lost input makes its producer ready instead; look again.
    if (!gather_inputs(found, *worker, inputs, now, out)) continue;
    if (reuse_.bind_to(found, *worker, now, out)) continue;
    lifecycle_.assign(found, *worker, now, out);
    draft(found, *worker, std::move(inputs), out);
    return true;
  }
}

bool Placement::share_store(const WorkerRecord& a, const WorkerRecord& b) {
  return !a.offer.store_id.empty() && a.offer.store_id == b.offer.store_id;
}

bool Placement::has_artifact(const std::vector<WorkerId>& holders,
                             const WorkerRecord& worker) const {
  return std::any_of(holders.begin(), holders.end(), [&](WorkerId id) {
    const WorkerRecord* holder = state_.workers.find(id);
    return id == worker.id || (holder != nullptr && share_store(*holder, worker));
  });
}

WorkerRecord* Placement::choose_worker(const FoundTask& found, bool& wrong_contents) {
  const Request& request = state_.requests.at(found.task->request);
  const auto mean_ms = state_.times.slowest_mean_ms(found.task->tool->name);
  const bool short_task = mean_ms && *mean_ms < kPrefetchBelowMs;
  const std::vector<WorkerId>* holders = nullptr;
  if (!found.task->dependencies.empty()) {
    const TaskRun* run = found.record->find_run(found.task->dependencies.back());
    if (run != nullptr) holders = &state_.artifacts.holders(run->artifact);
  }
  struct Score {
    bool idle = false;       // has room without prefetching
    bool has_input = false;  // need not fetch the largest input
    std::int64_t free = 0;
    auto operator<=>(const Score&) const = default;
  };
  WorkerRecord* best = nullptr;
  Score best_score;
  const TaskRun* own = found.record->find_run(found.task->id);
  const auto failed_on = [&](WorkerId id) {
    return own != nullptr &&
           std::find(own->failed_on.begin(), own->failed_on.end(), id) != own->failed_on.end();
  };
  const std::vector<WorkerId>& workers = capable(found.task->request);
  // Another worker that has something else by the name of the image or data set is none.
  const auto is_better = [&](WorkerId id) {
    return !failed_on(id) &&
           reuse_.has_contents(*found.record, *found.task, *state_.workers.find(id));
  };
  const bool elsewhere = own != nullptr && !own->failed_on.empty() &&
                         std::any_of(workers.begin(), workers.end(), is_better);
  for (const WorkerId id : workers) {
    WorkerRecord& worker = *state_.workers.find(id);
    if (!worker.takes_work() || (elsewhere && failed_on(id))) continue;
    const std::int64_t ahead = short_task ? std::int64_t{worker.offer.cpus_milli} : 0;
    if (!worker.has_room(request, ahead)) continue;
    if (!reuse_.has_contents(*found.record, *found.task, worker)) {
      wrong_contents = true;
      continue;
    }
    const Score score{worker.has_room(request, 0),
                      holders != nullptr && has_artifact(*holders, worker),
                      worker.cpus_free_milli - std::int64_t{worker.noops}};
    if (best == nullptr || best_score < score) {
      best = &worker;
      best_score = score;
    }
  }
  return best;
}

const std::vector<WorkerId>& Placement::capable(std::uint32_t request) {
  Capable& known = capable_[request];
  if (known.generation != state_.workers.generation()) {
    known.generation = state_.workers.generation();
    known.workers.clear();
    for (const auto& [id, worker] : state_.workers.all()) {
      if (worker.takes_work() && worker.can_run(state_.requests.at(request))) {
        known.workers.push_back(id);
      }
    }
  }
  return known.workers;
}

bool Placement::is_possible(std::uint32_t request) { return !capable(request).empty(); }

bool Placement::has_contents(const PipelineRecord& record, const domain::Task& task) {
  const std::vector<WorkerId>& workers = capable(task.request);
  return std::any_of(workers.begin(), workers.end(), [&](WorkerId id) {
    return reuse_.has_contents(record, task, *state_.workers.find(id));
  });
}

/// False if an input cannot be had now: then the task is not ready any more. Its producer was made
/// to run again, or, while a worker that has the input may come back within its lease, it waits.
bool Placement::gather_inputs(const FoundTask& found, const WorkerRecord& worker,
                              std::vector<protocol::InputArtifact>& inputs, const Now& now,
                              Outbox& out) {
  for (const TaskId id : found.record->ancestors(*found.task)) {
    const domain::TaskPtr ancestor = found.record->scheduler->find_task(id);
    const TaskRun* run = found.record->find_run(id);
    if (ancestor->status != domain::TaskStatus::kCompleted && is_terminal(ancestor->status)) {
      lifecycle_.fail_for_input(found, *ancestor, now, out);
      return false;
    }
    if (ancestor->status != domain::TaskStatus::kCompleted) {
      // Running again, for another consumer; this one must wait for it too.
      lifecycle_.rerun_producer({found.record, ancestor}, found, now, out);
      return false;
    }
    if (run == nullptr || run->artifact.empty()) continue;
    protocol::InputArtifact input{run->artifact, {}};
    bool here = false;
    bool may_come_back = false;
    for (const WorkerId holder_id : state_.artifacts.holders(run->artifact)) {
      const WorkerRecord* known = state_.workers.find(holder_id);
      if (known == nullptr) continue;  // forgotten
      const WorkerRecord& holder = *known;
      here = here || holder_id == worker.id || share_store(holder, worker);
      if (holder.session != 0 && holder.state == WorkerState::kConnected) {
        if (holder_id != worker.id) input.sources.push_back(holder.offer.data_address);
      } else if (holder.state != WorkerState::kLost) {
        may_come_back = true;
      }
    }
    if (!here && input.sources.empty()) {
      if (may_come_back) {
        lifecycle_.wait_for_input(found, now);
      } else {
        lifecycle_.rerun_producer({found.record, ancestor}, found, now, out);
      }
      return false;
    }
    inputs.push_back(std::move(input));
  }
  return true;
}

protocol::InputArtifact Placement::checkpoint_for(const TaskRun& run,
                                                  const WorkerRecord& worker) const {
  protocol::InputArtifact checkpoint{run.checkpoint, {}};
  for (const WorkerId id : state_.artifacts.holders(run.checkpoint)) {
    const WorkerRecord* holder = state_.workers.find(id);
    if (holder == nullptr || holder->session == 0 || id == worker.id) continue;
    checkpoint.sources.push_back(holder->offer.data_address);
  }
  return checkpoint;
}

void Placement::draft(const FoundTask& found, WorkerRecord& worker,
                      std::vector<protocol::InputArtifact> inputs, Outbox& out) {
  Draft& draft = drafts_[worker.id];
  const domain::Task& task = *found.task;
  const auto key = std::pair<const void*, const void*>(task.tool.get(), task.options.get());
  const auto [spec, added] =
      draft.specs.emplace(key, static_cast<std::uint32_t>(draft.message.specs.size()));
  if (added) {
    draft.bytes += spec_bytes(task);
    draft.message.specs.push_back(spec_of(*found.record, task));
  }
  draft.bytes += 64 + task.config->text().size();
  for (const auto& input : inputs) {
    draft.bytes += 40;
    for (const std::string& source : input.sources) draft.bytes += 8 + source.size();
  }
  draft.message.attempts.push_back({task.id, worker.attempts.at(task.id).attempt,
                                    found.record->id(), spec->second, task.config->text(),
                                    std::move(inputs),
                                    checkpoint_for(*found.record->find_run(task.id), worker)});
  if (draft.message.attempts.size() >= protocol::kBatchMax || draft.bytes >= kAssignBytesMax) {
    flush(worker.id, draft, out);
  }
}

void Placement::flush(WorkerId id, Draft& draft, Outbox& out) {
  if (draft.message.attempts.empty()) return;
  const WorkerRecord& worker = *state_.workers.find(id);
  draft.message.session = worker.session;
  draft.message.epoch = state_.settings.epoch;
  out.to_workers.push_back({worker.peer, std::move(draft.message)});
  draft = Draft{};
}

}  // namespace landseer::broker
