#include "broker/core/placement.h"

#include <algorithm>

#include "common/protocol/fetch_pass.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// About two milliseconds of work: heartbeats must not wait longer behind a pass.
constexpr std::uint32_t kPlacementsPerPass = 1024;
constexpr std::uint64_t kLooksPerPass = 40'000;
/// What a request of a pipeline whose order moves costs after each placement, in looks at workers.
constexpr std::uint64_t kLooksPerHead = 3;
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

bool failed_on(const TaskRun& run, WorkerId worker) {
  return std::find(run.failed_on.begin(), run.failed_on.end(), worker) != run.failed_on.end();
}

}  // namespace

void Placement::place(const Now& now, Outbox& out) {
  // What was found blocked before a pass was cut stays so until the whole of it is done: else its
  // beginning would be looked at over and over again.
  const bool continued = cut_;
  if (!continued) {
    blocked_.clear();
    blocked_here_.clear();
  }
  state_.placement_due = continued;  // somebody may have got room meanwhile
  placed_ = 0;
  looks_ = 0;
  // Copied: placing may retire a pipeline whose last task fails for a lost input.
  std::vector<PipelineId> order;
  for (const auto& [rank, id] : state_.pipelines.active()) order.push_back(id);
  for (const PipelineId id : order) {
    if (is_over_bound()) break;
    PipelineRecord& record = *state_.pipelines.find(id);
    if (!record.paused) place_pipeline(record, now, out);
  }
  cut_ = is_over_bound();
  if (cut_) state_.placement_due = true;
  for (auto& [worker, drafted] : drafts_) flush(worker, drafted, out);
  drafts_.clear();
}

bool Placement::is_over_bound() const {
  return placed_ >= kPlacementsPerPass || looks_ >= kLooksPerPass;
}

bool Placement::is_blocked(PipelineId pipeline, std::uint32_t request) const {
  return blocked_.contains(request) || blocked_here_.contains({pipeline, request});
}

/// The best tasks of the requests that still have room, the best of all first.
void Placement::place_pipeline(PipelineRecord& record, const Now& now, Outbox& out) {
  gather_heads(record);
  while (!heads_.empty() && !is_over_bound()) {
    std::pop_heap(heads_.begin(), heads_.end());
    const Head head = heads_.back();
    heads_.pop_back();
    const FoundTask found{&record, record.pipeline->tasks[head.entry.index]};
    const std::size_t ready = record.scheduler->ready_count();
    const bool assigned = place_task(found, now, out);
    if (!assigned && is_blocked(record.id(), head.request)) continue;
    if (!assigned || record.scheduler->is_live() || record.scheduler->ready_count() != ready - 1) {
      gather_heads(record);  // others may have become ready, or urgent
      if (assigned) looks_ += kLooksPerHead * heads_.size();
    } else if (const auto next = record.scheduler->peek_entry(head.request)) {
      heads_.push_back({*next, head.request});
      std::push_heap(heads_.begin(), heads_.end());
    }
  }
}

void Placement::gather_heads(const PipelineRecord& record) {
  heads_.clear();
  for (const std::uint32_t request : record.scheduler->requests()) {
    if (is_blocked(record.id(), request)) continue;
    if (const auto entry = record.scheduler->peek_entry(request)) {
      heads_.push_back({*entry, request});
    }
  }
  std::make_heap(heads_.begin(), heads_.end());
}

/// False: it is not assigned, because it is over now, waits for another, or its request is blocked.
bool Placement::place_task(const FoundTask& found, const Now& now, Outbox& out) {
  if (lifecycle_.complete_kept(found, now, out)) return false;
  if (reuse_.settle(found, now, out)) return false;
  Search search{found, state_.requests.at(found.task->request)};
  WorkerRecord* worker = choose_worker(search);
  if (worker == nullptr) {
    if (search.wrong_contents) {
      blocked_here_.emplace(found.record->id(), found.task->request);
    } else {
      blocked_.insert(found.task->request);
    }
    return false;
  }
  std::vector<protocol::InputArtifact> inputs;
  // A lost input makes its producer ready instead; look again.
  if (!gather_inputs(found, *worker, inputs, now, out)) return false;
  if (reuse_.bind_to(found, *worker, now, out)) return false;
  lifecycle_.assign(found, *worker, now, out);
  draft(found, *worker, std::move(inputs), now, out);
  ++placed_;
  return true;
}

bool Placement::share_store(const WorkerRecord& a, const WorkerRecord& b) {
  return !a.offer.store_id.empty() && a.offer.store_id == b.offer.store_id;
}

/// Null: nobody has room, or only workers where it cannot be started, or where its names stand for
/// something else. Of those that have room: who is idle, rather than given ahead; who has the
/// largest input; who has the most CPUs free.
WorkerRecord* Placement::choose_worker(Search& search) {
  free_.sync(state_.workers);
  const auto mean_ms = state_.times.slowest_mean_ms(search.found.task->tool->name);
  search.is_short = mean_ms && *mean_ms < kPrefetchBelowMs;
  search.own = search.found.record->find_run(search.found.task->id);
  search.elsewhere =
      search.own != nullptr && !search.own->failed_on.empty() && !failed_everywhere(search);
  std::uint64_t& since = checked(search);
  const bool few = since != 0 && free_.remembers(since - 1);
  // Whoever had no room then, and got none since, has none now.
  const auto* gained = few ? &free_.gained_since(since - 1) : nullptr;
  for (const bool ahead : {false, true}) {
    if (ahead && !search.is_short) break;
    WorkerRecord* best = best_with_input(search, ahead);
    if (best == nullptr) {
      best = gained != nullptr ? first_good(*gained, search, ahead)
                               : first_good(free_.all(), search, ahead);
    }
    if (best != nullptr) {
      checked(search) = 0;
      return best;
    }
  }
  checked(search) = search.saw_other_reason ? 0 : free_.gains() + 1;
  return nullptr;
}

std::uint64_t& Placement::checked(const Search& search) {
  const std::size_t at = std::size_t{2} * search.found.task->request + (search.is_short ? 1 : 0);
  if (at >= checked_.size()) checked_.resize(at + 1);
  return checked_[at];
}

/// Of those that need not fetch what its last dependency left.
WorkerRecord* Placement::best_with_input(Search& search, bool ahead) {
  if (search.found.task->dependencies.empty()) return nullptr;
  const TaskRun* run = search.found.record->find_run(search.found.task->dependencies.back());
  if (run == nullptr) return nullptr;
  std::vector<FreeWorkers::Entry> best;
  for (const WorkerId id : state_.artifacts.holders(run->artifact)) {
    const WorkerRecord* holder = state_.workers.find(id);
    if (holder == nullptr) continue;
    if (const auto* sharing = free_.with_store(holder->offer.store_id)) {
      if (WorkerRecord* worker = first_good(*sharing, search, ahead)) {
        best.push_back(*free_.find(worker->id));
      }
    }
    const auto entry = free_.find(id);
    if (entry && is_good(*entry, search, ahead)) best.push_back(*entry);
  }
  if (best.empty()) return nullptr;
  return std::min_element(best.begin(), best.end())->slot->worker;
}

template <class Entries>
WorkerRecord* Placement::first_good(const Entries& entries, Search& search, bool ahead) {
  for (const FreeWorkers::Entry& entry : entries) {
    if (is_good(entry, search, ahead)) return entry.slot->worker;
  }
  return nullptr;
}

bool Placement::is_good(const FreeWorkers::Entry& entry, Search& search, bool ahead) {
  ++looks_;
  const WorkerRecord& worker = *entry.slot->worker;
  if (!worker.has_room(search.request, ahead ? std::int64_t{worker.offer.cpus_milli} : 0) ||
      !worker.takes_work() ||
      !FreeWorkers::can_run(*entry.slot, search.found.task->request, state_.requests)) {
    return false;
  }
  if (search.elsewhere && failed_on(*search.own, worker.id)) {
    search.saw_other_reason = true;
    return false;
  }
  if (reuse_.has_contents(*search.found.record, *search.found.task, worker)) return true;
  search.saw_other_reason = search.wrong_contents = true;
  return false;
}

/// Whether every worker that could run it is one that could not start it. Another one that has
/// something else by the name of the image or data set is none.
bool Placement::failed_everywhere(const Search& search) {
  const auto is_other = [&](const FreeWorkers::Entry& entry) {
    return FreeWorkers::can_run(*entry.slot, search.found.task->request, state_.requests) &&
           !failed_on(*search.own, entry.id) &&
           reuse_.has_contents(*search.found.record, *search.found.task, *entry.slot->worker);
  };
  looks_ += free_.all().size();
  return std::none_of(free_.all().begin(), free_.all().end(), is_other);
}

bool Placement::is_possible(std::uint32_t request) {
  free_.sync(state_.workers);
  return std::any_of(free_.all().begin(), free_.all().end(), [&](const auto& entry) {
    return FreeWorkers::can_run(*entry.slot, request, state_.requests);
  });
}

bool Placement::has_contents(const PipelineRecord& record, const domain::Task& task) {
  free_.sync(state_.workers);
  return std::any_of(free_.all().begin(), free_.all().end(), [&](const auto& entry) {
    return FreeWorkers::can_run(*entry.slot, task.request, state_.requests) &&
           reuse_.has_contents(record, task, *entry.slot->worker);
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
        if (holder_id != worker.id) add_source(input, holder, worker, now);
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

/// With what the holder's data port asks for, if it asks for something.
void Placement::add_source(protocol::InputArtifact& input, const WorkerRecord& holder,
                           const WorkerRecord& fetcher, const Now& now) {
  input.sources.push_back(holder.offer.data_address);
  if (holder.offer.fetch_secret.empty() || fetcher.public_key.empty()) return;
  input.passes.resize(input.sources.size());
  input.passes.back() = {holder.public_key,
                         protocol::make_fetch_pass(holder.offer.fetch_secret,
                                                   {input.artifact, fetcher.public_key}, now.wall)};
}

protocol::InputArtifact Placement::checkpoint_for(const TaskRun& run, const WorkerRecord& worker,
                                                  const Now& now) const {
  protocol::InputArtifact checkpoint{run.checkpoint, {}};
  for (const WorkerId id : state_.artifacts.holders(run.checkpoint)) {
    const WorkerRecord* holder = state_.workers.find(id);
    if (holder == nullptr || holder->session == 0 || id == worker.id) continue;
    add_source(checkpoint, *holder, worker, now);
  }
  return checkpoint;
}

void Placement::draft(const FoundTask& found, WorkerRecord& worker,
                      std::vector<protocol::InputArtifact> inputs, const Now& now, Outbox& out) {
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
    draft.bytes += 96 * input.passes.size();
  }
  draft.message.attempts.push_back({task.id, worker.attempts.at(task.id).attempt,
                                    found.record->id(), spec->second, task.config->text(),
                                    std::move(inputs),
                                    checkpoint_for(*found.record->find_run(task.id), worker, now)});
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
