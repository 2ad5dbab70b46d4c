#include "broker/core/reuse.h"

#include <algorithm>

#include "common/base/check.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

/// What taking a result costs more than looking for one.
constexpr std::uint64_t kLooksPerHit = 8;

bool agree(const Digest& bound, const Digest& other) { return bound.empty() || bound == other; }

/// A name that may stand for anything shares nothing: somebody may have edited the tool.
bool knows_image(const domain::Task& task, const Digest& content) {
  return !has_image(task) || !content.empty();
}

/// Neither knows better than the other.
bool compatible(const Digest& a, const Digest& b) { return a.empty() || b.empty() || a == b; }

/// A no-op reads no data set, whatever its pipeline has.
bool reads_dataset(const domain::Task& task) {
  return task.tool->container.runtime.value_or("") != kNoopRuntime;
}

Digest dataset_content(const PipelineRecord& record, const domain::Task& task) {
  return reads_dataset(task) ? record.dataset_content : Digest{};
}

bool agree_on_contents(const FoundTask& a, const FoundTask& b) {
  return compatible(a.record->image_content(*a.task), b.record->image_content(*b.task)) &&
         compatible(dataset_content(*a.record, *a.task), dataset_content(*b.record, *b.task));
}

/// What is said to another owner names nothing of the leader's: not even what its reason names.
std::string why_it_failed_too(const FoundTask& follower, const FoundTask& leader) {
  if (follower.record->owner == leader.record->owner) {
    return to_string(leader.task->id) + " of " + to_string(leader.record->id()) +
           ", which did the same work, failed: " + leader.task->reason.text();
  }
  const TaskRun* run = leader.record->find_run(leader.task->id);
  const bool has_run = run != nullptr && !run->attempts.empty();
  return "a task of another owner, which did the same work, failed" +
         (has_run ? ": " + run->attempts.back().reason : "");
}

Digest hash_of(const std::vector<Digest>& artifacts) {
  std::string bytes;
  for (const Digest& artifact : artifacts) {
    bytes.append(reinterpret_cast<const char*>(artifact.bytes.data()), artifact.bytes.size());
  }
  return bytes.empty() ? Digest{} : sha256(bytes);
}

}  // namespace

bool Reuse::waits_for(TaskId follower, TaskId leader) const {
  const auto known = state_.joined.find(follower);
  return known != state_.joined.end() && known->second == leader;
}

/// Somebody has it, or may come back with it.
bool Reuse::is_available(const Digest& artifact) const {
  if (artifact.empty()) return true;
  const auto& holders = state_.artifacts.holders(artifact);
  return std::any_of(holders.begin(), holders.end(), [&](WorkerId id) {
    const WorkerRecord* holder = state_.workers.find(id);
    return holder != nullptr && holder->state != WorkerState::kLost;
  });
}

std::optional<TaskId> Reuse::find_hit(const PipelineRecord& record, const domain::Task& task,
                                      const Digest& inputs, const Digest& image,
                                      const Digest& dataset, std::uint64_t& looks) const {
  std::optional<TaskId> hit;
  state_.pipelines.keys().find(task.key, [&](TaskId id) {
    ++looks;
    const auto other = state_.pipelines.find_task(id);
    if (!other || other->record == &record || other->task->key != task.key ||
        other->task->status != TaskStatus::kCompleted) {
      return true;
    }
    const TaskRun* run = other->record->find_run(id);
    if (run == nullptr || !knows_image(task, run->image_content) || run->inputs != inputs ||
        !agree(image, run->image_content) || !agree(dataset, run->dataset_content) ||
        !is_available(run->artifact)) {
      return true;
    }
    hit = id;
    return false;
  });
  return hit;
}

std::optional<Digest> Reuse::artifact_of(const PipelineRecord& record, const HitSearch& search,
                                         TaskId task) {
  const auto found = search.artifacts.find(task);
  if (found != search.artifacts.end()) return found->second;
  if (record.scheduler->find_task(task)->status != TaskStatus::kCompleted) return std::nullopt;
  const TaskRun* run = record.find_run(task);
  return run != nullptr ? run->artifact : Digest{};
}

/// What the task would read; none: not all of it is known.
std::optional<std::vector<Digest>> Reuse::inputs_of(const PipelineRecord& record,
                                                    const HitSearch& search,
                                                    const domain::Task& task) {
  std::vector<Digest> artifacts;
  for (const TaskId id : task.dependencies) {
    if (!artifact_of(record, search, id)) return std::nullopt;
  }
  if (task.dependencies.empty()) return artifacts;
  for (const TaskId id : record.ancestors(task)) {
    artifacts.push_back(artifact_of(record, search, id).value_or(Digest{}));
  }
  return artifacts;
}

std::optional<TaskId> Reuse::look_at(const PipelineRecord& record, HitSearch& search,
                                     const domain::Task& task, std::uint64_t& looks) const {
  if (task.status != TaskStatus::kPending) return std::nullopt;
  // Paused between two slices. Its result is taken when it may go on: settle().
  if (record.scheduler->is_paused(task.id)) return std::nullopt;
  const auto inputs = inputs_of(record, search, task);
  if (!inputs) return std::nullopt;
  looks += inputs->size();
  if (!search.is_dataset_doubtful) search.is_dataset_doubtful = is_dataset_doubtful(record);
  if (*search.is_dataset_doubtful && reads_dataset(task)) return std::nullopt;
  // What has no image stands under no name.
  const std::string name = has_image(task) ? task.tool->container.image : std::string();
  const auto [meaning, is_new] = search.images.try_emplace(name);
  if (is_new) meaning->second = meaning_of(record, task);
  if (meaning->second.is_doubtful) return std::nullopt;
  Digest none;
  Digest& image = name.empty() ? none : meaning->second.content;
  Digest& dataset = reads_dataset(task) ? search.dataset : none;
  const auto hit = find_hit(record, task, hash_of(*inputs), image, dataset, looks);
  if (!hit) return std::nullopt;
  looks += kLooksPerHit;
  const TaskRun& run = *state_.pipelines.find_task(*hit)->record->find_run(*hit);
  if (image.empty()) image = run.image_content;
  if (search.dataset.empty()) search.dataset = run.dataset_content;
  search.artifacts[task.id] = run.artifact;
  return hit;
}

void Reuse::find_hits(const PipelineRecord& record, HitSearch& search,
                      std::uint64_t looks_max) const {
  const auto& tasks = record.pipeline->tasks;
  const bool is_known = state_.pipelines.find(record.id()) == &record;  // not just a plan
  const bool is_vain =
      !record.use_cache || record.terminal() || (is_known && !state_.pipelines.keys().has_equal());
  if (is_vain) search.next = tasks.size();
  if (search.dataset.empty()) search.dataset = record.dataset_content;
  for (std::uint64_t looks = 0; search.next < tasks.size() && looks < looks_max; ++looks) {
    const domain::Task& task = *tasks[search.next++];
    if (const auto hit = look_at(record, search, task, looks)) {
      search.found.push_back({task.id, *hit});
    }
  }
  search.done = search.next == tasks.size();
}

void Reuse::take_hits(PipelineRecord& record, HitSearch& search, std::uint64_t looks_max,
                      const Now& now, Outbox& out) {
  // Since the last slice it may have been bound, and what was found is completed.
  HitSearch slice;
  slice.next = search.next;
  search = std::move(slice);
  find_hits(record, search, looks_max);
  for (const TaskHit& hit : search.found) {
    const auto source = *state_.pipelines.find_task(hit.from);
    bind_like(record, *record.scheduler->find_task(hit.task), *source.record->find_run(hit.from),
              now, out);
  }
  for (std::size_t i = 0; i < search.found.size(); i += kHitsPerRecordMax) {
    const auto begin = search.found.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = search.found.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                i + kHitsPerRecordMax, search.found.size()));
    ledger_.commit(TasksCached{record.id(), {begin, end}, now.wall.unix_ms}, now, out);
  }
}

bool Reuse::settle(const FoundTask& found, const Now& now, Outbox& out) {
  PipelineRecord& record = *found.record;
  if (!record.use_cache) return false;
  const ImageMeaning meaning = meaning_of(record, *found.task);
  if (meaning.is_doubtful) return false;
  if (reads_dataset(*found.task)) {
    bind_dataset(record, now, out);
    if (is_dataset_doubtful(record)) return false;
  }
  if (!meaning.content.empty() && record.image_content(*found.task).empty()) {
    const std::string& image = found.task->tool->container.image;
    ledger_.commit(ContentBound{record.id(), image, meaning.content}, now, out);
  }
  return complete(found, now, out) || join(found);
}

bool Reuse::complete(const FoundTask& found, const Now& now, Outbox& out) {
  if (!state_.pipelines.keys().has_equal()) return false;
  const domain::Task& task = *found.task;
  PipelineRecord& record = *found.record;
  bool any = false;  // most keys occur once: do not look at the inputs for nothing
  state_.pipelines.keys().find(task.key, [&](TaskId id) { return !(any = id != task.id); });
  if (!any) return false;
  std::uint64_t looks = 0;
  const auto hit = find_hit(record, task, record.inputs_of(task), record.image_content(task),
                            dataset_content(record, task), looks);
  if (!hit) return false;
  const auto source = *state_.pipelines.find_task(*hit);
  bind_like(record, task, *source.record->find_run(*hit), now, out);
  ledger_.commit(TasksCached{record.id(), {{task.id, *hit}}, now.wall.unix_ms}, now, out);
  return true;
}

std::optional<TaskId> Reuse::work_under_way(const FoundTask& found) const {
  if (!found.record->use_cache || !state_.pipelines.keys().has_equal()) return std::nullopt;
  const domain::Task& task = *found.task;
  const PipelineRecord& record = *found.record;
  std::optional<TaskId> leader;
  state_.pipelines.keys().find(task.key, [&](TaskId id) {
    const auto other = state_.pipelines.find_task(id);
    if (!other || other->record == found.record || other->task->key != task.key ||
        other->task->status != TaskStatus::kRunning || !other->record->use_cache) {
      return true;
    }
    const TaskRun& run = *other->record->find_run(id);
    // What it runs with is what its pipeline is bound to, or its result will not count. The worker
    // may not have said yet what it has: after a restart of the broker.
    const Digest image = other->record->image_content(*other->task);
    if (run.cancel_requested || !knows_image(task, image) || run.inputs != record.inputs_of(task) ||
        !agree_on_contents(found, *other)) {
      return true;
    }
    leader = id;
    return false;
  });
  return leader;
}

bool Reuse::join(const FoundTask& found) {
  const auto leader = work_under_way(found);
  if (!leader) return false;
  const TaskId id = found.task->id;
  CHECK(found.record->scheduler->hold(id), "the caller has checked that it is ready");
  followers_[*leader].insert(id);
  state_.joined[id] = *leader;
  state_.touch(*found.record);
  state_.changes.note(found.record->id(), id);
  return true;
}

/// Those who have not joined, as their turn did not come yet, get the result now: their next tasks
/// need not wait for that turn.
void Reuse::spread(const FoundTask& completed, const Now& now, Outbox& out) {
  if (!state_.pipelines.keys().has_equal()) return;
  std::vector<TaskId> others;
  state_.pipelines.keys().find(completed.task->key, [&](TaskId id) {
    if (id != completed.task->id) others.push_back(id);
    return true;
  });
  for (const TaskId id : others) {
    const auto other = state_.pipelines.find_task(id);
    if (other && other->record->use_cache && other->record->scheduler->is_ready(id)) {
      complete(*other, now, out);
    }
  }
}

void Reuse::attempt_ended(const FoundTask& leader, Duration delay, const Now& now, Outbox& out) {
  const TaskId id = leader.task->id;
  if (leader.task->status == TaskStatus::kCompleted) spread(leader, now, out);
  const auto known = followers_.find(id);
  if (known == followers_.end()) return;
  const std::set<TaskId> followers = std::move(known->second);
  followers_.erase(known);
  for (const TaskId follower : followers) {
    const bool waited = waits_for(follower, id);
    if (waited) state_.joined.erase(follower);
    const auto found = state_.pipelines.find_task(follower);
    // Cancelled, or forgotten, while it waited.
    if (!waited || !found || !found->record->scheduler->is_held(follower)) continue;
    state_.touch(*found->record);
    state_.changes.note(found->record->id(), follower);
    state_.placement_due = true;
    if (leader.task->status == TaskStatus::kFailed && is_same(*found, leader)) {
      ledger_.commit(TaskFailed{follower, why_it_failed_too(*found, leader), now.wall.unix_ms}, now,
                     out);
    } else if (leader.task->status == TaskStatus::kPending && delay > Duration::zero()) {
      state_.held.emplace(now.instant + delay, follower);
    } else {
      CHECK(found->record->scheduler->release(follower), "a held task can be released");
      if (found->record->scheduler->is_ready(follower)) complete(*found, now, out);
    }
  }
}

/// While it waited, an input may have been lost, and made anew, or its pipeline was bound to
/// another content.
bool Reuse::is_same(const FoundTask& follower, const FoundTask& leader) {
  const auto is_completed = [&](TaskId id) {
    return follower.record->scheduler->find_task(id)->status == TaskStatus::kCompleted;
  };
  const auto& above = follower.task->dependencies;
  return std::all_of(above.begin(), above.end(), is_completed) &&
         follower.record->inputs_of(*follower.task) ==
             leader.record->find_run(leader.task->id)->inputs &&
         agree_on_contents(follower, leader);
}

std::optional<TaskId> Reuse::heir(const FoundTask& leader) const {
  const auto known = followers_.find(leader.task->id);
  if (known == followers_.end()) return std::nullopt;
  std::optional<std::pair<std::pair<std::int64_t, PipelineId>, TaskId>> best;
  for (const TaskId follower : known->second) {
    const auto found = state_.pipelines.find_task(follower);
    if (!waits_for(follower, leader.task->id) || !found ||
        !found->record->scheduler->is_held(follower) || found->record->paused ||
        found->record->cancel_requested || !is_same(*found, leader)) {
      continue;
    }
    const std::pair order{std::pair{-found->record->priority, found->record->id()}, follower};
    if (!best || order < *best) best = order;
  }
  return best ? std::optional(best->second) : std::nullopt;
}

void Reuse::handed_over(TaskId leader, TaskId heir) {
  auto followers = followers_.extract(leader);
  if (followers.empty()) return;
  followers.mapped().erase(heir);
  state_.joined.erase(heir);
  for (const TaskId follower : followers.mapped()) {
    if (waits_for(follower, leader)) state_.joined[follower] = heir;
  }
  followers.key() = heir;
  if (!followers.mapped().empty()) followers_.insert(std::move(followers));
}

std::uint32_t Reuse::failures_of_work(const FoundTask& found) const {
  std::uint32_t failures = found.record->find_run(found.task->id)->failures;
  if (!found.record->use_cache || !state_.pipelines.keys().has_equal()) return failures;
  state_.pipelines.keys().find(found.task->key, [&](TaskId id) {
    const auto other = state_.pipelines.find_task(id);
    if (!other || id == found.task->id || other->task->key != found.task->key ||
        !other->record->use_cache || domain::is_terminal(other->task->status)) {
      return true;
    }
    const TaskRun* run = other->record->find_run(id);
    if (run != nullptr) failures += run->failures;
    return true;
  });
  return failures;
}

}  // namespace landseer::broker
