// The reference for work that pipelines share: results that are taken, attempts that several wait
// for, and attempts that outlive who asked for them.
#include <algorithm>
#include <utility>

#include "tests/simulation/model.h"

namespace landseer::simulation {

using broker::Decision;
using domain::TaskStatus;

std::vector<Digest> Model::inputs_of(const TaskModel& task) {
  std::vector<Digest> inputs;
  const PlannedSubmission& planned = world_.workload.at(task.place.submission);
  for (const std::uint32_t index : planned.ancestors[task.place.index]) {
    inputs.push_back(neighbour(task, index).artifact);
  }
  return inputs;
}

/// Itself included.
const std::vector<std::uint32_t>& Model::equal_work(const TaskModel& task) const {
  return works_.at(world_.workload.work_of(task.place));
}

bool Model::is_cancelled(const TaskModel& task) const {
  return task.cancel_requested || pipelines_[task.pipeline].cancel_requested;
}

bool Model::has_inputs_of(const TaskModel& follower, const TaskModel& leader) {
  return dependencies_completed(follower) && inputs_of(follower) == leader.inputs;
}

/// For all who still want it; those that share nothing count alone.
std::uint32_t Model::failures_of_work(const TaskModel& task) const {
  if (!pipelines_[task.pipeline].shares) return task.failures;
  std::uint32_t failures = 0;
  for (const std::uint32_t index : equal_work(task)) {
    const TaskModel& other = tasks_[index];
    if (pipelines_[other.pipeline].shares && !domain::is_terminal(other.status)) {
      failures += other.failures;
    }
  }
  return failures;
}

/// Nobody does this work already, and nobody knows its result.
void Model::check_assigned_once(TaskModel& owner) {
  if (!pipelines_[owner.pipeline].shares) return;
  const Contents own = bound(owner);
  const auto may_be = [](const Digest& wanted, const Digest& there) {
    return wanted.empty() || wanted == there;
  };
  for (const std::uint32_t index : equal_work(owner)) {
    const TaskModel& other = tasks_[index];
    if (&other == &owner || other.inputs != owner.inputs) continue;
    if (other.live() && pipelines_[other.pipeline].shares && !is_cancelled(other) &&
        knows_image(other, bound(other).image) && agree(owner, other)) {
      throw Violation(to_string(id_of(owner)) + " is assigned while " + to_string(id_of(other)) +
                      " does the same work");
    }
    if (other.status == TaskStatus::kCompleted && knows_image(other, other.made_with.image) &&
        !(own.image.empty() && workers_differ(owner)) && may_be(own.image, other.made_with.image) &&
        may_be(own.dataset, other.made_with.dataset)) {
      suspects_.push_back({id_of(owner), id_of(other), other.artifact});
    }
  }
}

bool Model::is_available(const broker::State& state, const Digest& artifact) {
  if (artifact.empty()) return true;
  const auto& holders = state.artifacts.holders(artifact);
  return std::any_of(holders.begin(), holders.end(), [&](WorkerId id) {
    const broker::WorkerRecord* holder = state.workers.find(id);
    return holder != nullptr && holder->state != broker::WorkerState::kLost;
  });
}

/// At the end of a turn, as placement comes last in it.
void Model::check_suspects(const broker::State& state) {
  // What a worker offers that is late to look at it is not relied on.
  const auto& workers = state.workers.all();
  if (std::any_of(workers.begin(), workers.end(),
                  [](const auto& known) { return known.second.unchecked != 0; })) {
    suspects_.clear();
  }
  for (const Suspect& suspect : suspects_) {
    if (!is_available(state, suspect.artifact)) continue;
    throw Violation(to_string(suspect.assigned) + " runs again, though the result of " +
                    to_string(suspect.known) + " is known");
  }
  suspects_.clear();
}

void Model::on(const broker::ContentBound& r) {
  Digest& bound = pipelines_.at(number(r.pipeline) - 1).contents[r.image];
  if (!bound.empty()) {
    throw Violation(to_string(r.pipeline) + " is bound to another content than before");
  }
  const std::string what = r.image.empty() ? "data" : r.image;
  if (r.content != Workload::content(what, 1) && r.content != Workload::content(what, 2)) {
    throw Violation(to_string(r.pipeline) + " is bound to a content that no worker has");
  }
  bound = r.content;
  world_.kernel.note(11, number(r.pipeline));
}

void Model::on(const broker::TasksCached& r) {
  const PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  if (!pipeline.shares) {
    throw Violation(to_string(r.pipeline) + " takes a result, though it shares nothing");
  }
  for (const broker::TaskHit& hit : r.tasks) {
    TaskModel& owner = task(hit.task);
    const TaskModel& source = task(hit.from);
    const std::string who = to_string(hit.task) + " takes the result of " + to_string(hit.from);
    if (pipelines_[owner.pipeline].id != r.pipeline || owner.pipeline == source.pipeline) {
      throw Violation(who + ", which is of the wrong pipeline");
    }
    if (owner.status != TaskStatus::kPending || !dependencies_completed(owner)) {
      throw Violation(who + ", but it is not its turn");
    }
    if (source.status != TaskStatus::kCompleted) throw Violation(who + ", which has none");
    if (is_held_back(owner)) throw Violation(who + ", but a part that it belongs to is paused");
    if (world_.workload.work_of(owner.place) != world_.workload.work_of(source.place)) {
      throw Violation(who + ", which is other work");
    }
    if (inputs_of(owner) != source.inputs) {
      throw Violation(who + ", which was made from other inputs");
    }
    if (!knows_image(source, source.made_with.image) || bound(owner) != source.made_with) {
      throw Violation(who + ", which was made with another image or data set, or an unknown one");
    }
    owner.artifact = source.artifact;
    owner.inputs = source.inputs;
    owner.made_with = source.made_with;
    owner.cached_from = hit.from;
    owner.checkpoint = {};
    owner.kept = false;
    owner.metrics = source.metrics;
    owner.evaluation_skipped = source.evaluation_skipped;
    set_status(owner, TaskStatus::kCompleted);
    note_evaluation(owner);
    ++world_.kernel.counters.hits;
    world_.kernel.note(12, number(hit.task), number(hit.from));
  }
}

/// What the end of an attempt means for those who waited for it.
void Model::follow_end(const TaskModel& leader, Decision decision, std::uint64_t delay_ms) {
  const TaskId id = id_of(leader);
  for (auto it = joined_.begin(); it != joined_.end();) {
    if (it->second != id) {
      ++it;
      continue;
    }
    TaskModel& follower = task(it->first);
    if (decision == Decision::kFail && has_inputs_of(follower, leader) && agree(follower, leader)) {
      due_failures_.push_back(it->first);
    } else if (decision == Decision::kAgain && delay_ms > 0 &&
               leader.status == TaskStatus::kPending) {
      follower.not_before = leader.not_before;
      follower.pauses_for_work = true;
    }
    it = joined_.erase(it);
  }
}

/// The most urgent one that can go on with the attempt.
std::optional<TaskId> Model::heir_of(const TaskModel& leader) {
  std::optional<std::pair<std::pair<std::int64_t, PipelineId>, TaskId>> best;
  for (const auto& [follower, followed] : joined_) {
    const TaskModel& waits = task(follower);
    const PipelineModel& pipeline = pipelines_[waits.pipeline];
    if (followed != id_of(leader) || pipeline.paused || pipeline.cancel_requested ||
        !has_inputs_of(waits, leader) || !agree(waits, leader)) {
      continue;
    }
    const std::pair order{std::pair{-pipeline.priority, pipeline.id}, follower};
    if (!best || order < *best) best = order;
  }
  return best ? std::optional(best->second) : std::nullopt;
}

void Model::expect_handover(TaskModel& cancelled) {
  if (const auto heir = heir_of(cancelled)) due_handovers_[id_of(cancelled)] = *heir;
}

void Model::check_due() {
  if (!due_handovers_.empty()) {
    const auto [from, to] = *due_handovers_.begin();
    throw Violation(to_string(from) + " is cancelled, and its attempt does not go on for " +
                    to_string(to) + ", which waits for it");
  }
  if (!due_failures_.empty()) {
    throw Violation(to_string(due_failures_.front()) +
                    " waited for work that failed, and does not fail with it");
  }
}

/// A rule may end a task in the very turn in which another began to wait for it, which is in no
/// record: then that one may be the heir.
bool Model::may_have_joined(TaskId leader, TaskId follower) {
  const TaskModel& leads = task(leader);
  const TaskModel& waits = task(follower);
  const PipelineModel& pipeline = pipelines_[waits.pipeline];
  return leads.pruned && !joined_.contains(follower) && waits.status == TaskStatus::kPending &&
         !pipeline.paused && !pipeline.cancel_requested && pipeline.shares &&
         waits.pipeline != leads.pipeline &&
         world_.workload.work_of(waits.place) == world_.workload.work_of(leads.place) &&
         has_inputs_of(waits, leads) && agree(waits, leads);
}

void Model::on(const broker::AttemptHandedOver& r) {
  const auto due = due_handovers_.find(r.from);
  const bool is_due = due != due_handovers_.end() && due->second == r.to;
  if (!is_due && !may_have_joined(r.from, r.to)) {
    throw Violation("the attempt of " + to_string(r.from) + " goes on for " + to_string(r.to) +
                    ", which is not the one to have it");
  }
  if (due != due_handovers_.end()) due_handovers_.erase(due);
  if (is_held_back(task(r.to))) {
    throw Violation(to_string(r.to) + " goes on with an attempt while it is paused");
  }
  TaskModel& from = task(r.from);
  TaskModel& to = task(r.to);
  AttemptModel given = from.attempts.back();
  from.attempts.back().live = false;
  to.attempts.push_back(given);
  to.inputs = from.inputs;
  attempt(given.key).served = r.to;
  for (auto& [follower, followed] : joined_) {
    if (followed == r.from) followed = r.to;
  }
  set_status(to, TaskStatus::kRunning);
  set_status(from, TaskStatus::kCancelled);
  skip_dependents(from);
  ++world_.kernel.counters.handed;
  world_.kernel.note(13, number(r.from), number(r.to));
}

/// Who waits for whom is not in the records: it is taken from the broker at the end of each turn,
/// after it was seen to make sense.
void Model::note_joined(const broker::State& state) {
  const auto before = std::exchange(joined_, {});
  for (const auto& [follower, leader] : state.joined) {
    const TaskModel& waits = task(follower);
    const broker::PipelineRecord* record = state.pipelines.find(pipelines_[waits.pipeline].id);
    if (waits.status != TaskStatus::kPending || !record->scheduler->is_held(follower)) continue;
    TaskModel& leads = task(leader);
    if (!leads.live()) continue;
    joined_.emplace(follower, leader);
    if (!before.contains(follower)) ++world_.kernel.counters.joins;
    if (world_.workload.work_of(waits.place) != world_.workload.work_of(leads.place) ||
        waits.pipeline == leads.pipeline || !pipelines_[waits.pipeline].shares ||
        !pipelines_[leads.pipeline].shares) {
      throw Violation(to_string(follower) + " waits for " + to_string(leader) +
                      ", which does other work");
    }
  }
}

/// A task that is not ready though its dependencies are completed waits for work that is being
/// done, or for a moment.
void Model::check_held(const broker::State& state, TaskId id) const {
  const auto joined = state.joined.find(id);
  if (joined != state.joined.end() && tasks_.at(number(joined->second) - 1).live()) return;
  const bool has_timer = std::any_of(state.held.begin(), state.held.end(),
                                     [&](const auto& entry) { return entry.second == id; });
  if (!has_timer) throw Violation(to_string(id) + " is held, and nothing will release it");
}

/// A worker is told to give an attempt up: nobody may want it any more.
void Model::check_stop(const protocol::AttemptRef& key, std::uint32_t host) {
  if (number(key.task) == 0 || number(key.task) > tasks_.size()) return;
  const TaskModel& owner = task(attempt(key).served);
  if (!owner.live() || owner.attempts.back().key != key || owner.attempts.back().host != host ||
      is_cancelled(owner)) {
    return;
  }
  // It said that its image is another now.
  for (const auto& [uid, contents] : new_offers_) {
    const Digest image = pick(contents, owner).image;
    const bool is_other = !image.empty() && image != bound(owner).image;
    if (uid == uids_[owner.attempts.back().worker] && is_other) return;
  }
  throw Violation(name(key) + " is stopped, though " + to_string(id_of(owner)) + " needs it");
}

void Model::check_cached(const broker::State& state) const {
  std::vector<std::uint64_t> cached(pipelines_.size(), 0);
  for (const TaskModel& each : tasks_) {
    const bool is_hit = number(each.cached_from) != 0 && each.status == TaskStatus::kCompleted;
    if (is_hit) ++cached[each.pipeline];
  }
  for (std::size_t i = 0; i < pipelines_.size(); ++i) {
    const broker::PipelineRecord* record = state.pipelines.find(pipelines_[i].id);
    if (record->cached == cached[i]) continue;
    throw Violation(to_string(pipelines_[i].id) + " counts " + std::to_string(record->cached) +
                    " cached results, but by the records " + std::to_string(cached[i]));
  }
}

std::optional<std::pair<TaskId, TaskId>> Model::some_joined(Random& random) const {
  if (joined_.empty()) return std::nullopt;
  auto some = joined_.begin();
  std::advance(some, static_cast<std::ptrdiff_t>(random.below(joined_.size())));
  return *some;
}

}  // namespace landseer::simulation
