#include "broker/core/placement.h"

#include <algorithm>
#include <limits>

namespace landseer::broker {
namespace {

/// A millisecond or two of work, in looks at workers: heartbeats must not wait longer behind a
/// pass.
constexpr std::uint64_t kLooksPerPass = 40'000;
/// What a placement costs: the record, the books, and its part of the mail.
constexpr std::uint64_t kLooksPerPlacement = 37;
constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();
/// What a request of a pipeline whose order moves costs after each placement, in looks at workers.
constexpr std::uint64_t kLooksPerHead = 3;
/// How often pipelines that get no worker are looked for.
constexpr Duration kStarvingCheck = std::chrono::minutes(1);

}  // namespace

void Placement::place(const Now& now, Outbox& out) {
  // What was found blocked before a pass was cut stays so until the whole of it is done: else its
  // beginning would be looked at over and over again.
  const bool continued = cut_;
  if (!continued) {
    blocked_.clear();
    blocked_here_.clear();
    held_shared_.clear();
    reservations_.begin_pass();
  }
  state_.placement_due = continued;  // somebody may have got room meanwhile
  looks_ = 0;
  place_starving(now, out);
  // Copied: placing may retire a pipeline whose last task fails for a lost input.
  std::vector<PipelineId> order;
  for (const auto& [rank, id] : state_.pipelines.active()) order.push_back(id);
  for (const PipelineId id : order) {
    if (is_over_bound()) break;
    PipelineRecord& record = *state_.pipelines.find(id);
    if (!record.paused) place_pipeline(record, kAll, now, out);
  }
  cut_ = is_over_bound();
  if (cut_) keep_room(now);  // what is left of the pass comes after them
  waiting_.clear();
  if (cut_ || reservations_.end_pass(free_)) state_.placement_due = true;
  for (auto& [worker, drafted] : drafts_) flush(worker, drafted, out);
  drafts_.clear();
}

/// Pipelines that had something ready for long, but got no worker: those of higher priority left
/// none. One task of each goes first, so that nothing waits for ever.
void Placement::find_starving(const Now& now) {
  if (now.instant < next_starving_) return;
  next_starving_ = now.instant + kStarvingCheck;
  starving_.clear();
  for (const auto& [rank, id] : state_.pipelines.active()) {
    PipelineRecord& record = *state_.pipelines.find(id);
    const bool waits = !record.paused && record.scheduler->ready_count() > 0;
    if (!waits || record.served_at == Instant{}) record.served_at = now.instant;
    if (now.instant - record.served_at >= kStarvedAfter) {
      starving_.emplace_back(record.served_at, id);
    }
  }
  std::sort(starving_.begin(), starving_.end());
}

void Placement::place_starving(const Now& now, Outbox& out) {
  find_starving(now);
  std::erase_if(starving_, [&](const auto& since) {
    PipelineRecord* record = state_.pipelines.find(since.second);
    if (record == nullptr || record->terminal() || record->paused) return true;
    return !is_over_bound() && place_pipeline(*record, 1, now, out) > 0;
  });
}

bool Placement::is_over_bound() const { return looks_ >= kLooksPerPass; }

bool Placement::is_blocked(PipelineId pipeline, std::uint32_t request) const {
  return blocked_.contains(request) || blocked_here_.contains({pipeline, request});
}

/// The best tasks of the requests that still have room, the best of all first.
std::uint32_t Placement::place_pipeline(PipelineRecord& record, std::uint32_t most, const Now& now,
                                        Outbox& out) {
  std::uint32_t count = 0;
  gather_heads(record);
  while (!heads_.empty() && count < most && !is_over_bound()) {
    std::pop_heap(heads_.begin(), heads_.end());
    const Head head = heads_.back();
    heads_.pop_back();
    const FoundTask found{&record, record.pipeline->tasks[head.entry.index]};
    const std::size_t ready = record.scheduler->ready_count();
    const bool assigned = place_task(found, now, out);
    if (assigned) ++count;
    if (!assigned && is_blocked(record.id(), head.request)) continue;
    looks_ += kLooksPerPlacement;  // also if it was completed, or waits for another
    if (!assigned || record.scheduler->is_live() || record.scheduler->ready_count() != ready - 1) {
      gather_heads(record);  // others may have become ready, or urgent
      if (assigned) looks_ += kLooksPerHead * heads_.size();
    } else if (const auto next = record.scheduler->peek_entry(head.request)) {
      heads_.push_back({*next, head.request});
      std::push_heap(heads_.begin(), heads_.end());
    }
  }
  return count;
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
  Search search{found, state_.requests.at(found.task->request), nullptr, 0, false, false, false,
                now};
  // Whoever gives something back makes a pass due, in which it is looked at again.
  if (!may_take_shared(search.request)) {
    blocked_.insert(found.task->request);
    hold_shared(found.task->request);
    return false;
  }
  WorkerRecord* worker = choose_worker(search);
  if (worker == nullptr) {
    block(search);
    return false;
  }
  std::vector<protocol::InputArtifact> inputs;
  // A lost input makes its producer ready instead; look again.
  if (!gather_inputs(found, *worker, inputs, now, out)) return false;
  if (reuse_.bind_to(found, *worker, now, out)) return false;
  lifecycle_.assign(found, *worker, now, out);
  draft(found, *worker, std::move(inputs), now, out);
  reservations_.placed(found.task->request, free_);
  found.record->served_at = now.instant;
  return true;
}

/// It is there, and not held for a task that was passed over for want of it.
bool Placement::may_take_shared(const Request& request) const {
  if (request.shared.empty() || request.runtime == kNoopRuntime) return true;
  if (!state_.workers.has_shared(request)) return false;
  return std::all_of(request.shared.begin(), request.shared.end(), [&](const auto& wanted) {
    const auto held = held_shared_.find(wanted.name);
    return held == held_shared_.end() || state_.workers.shared_free().at(wanted.name) -
                                                 static_cast<std::int64_t>(wanted.amount) >=
                                             static_cast<std::int64_t>(held->second);
  });
}

void Placement::hold_shared(std::uint32_t request) {
  const Request& wanted = state_.requests.at(request);
  if (wanted.shared.empty() || !is_possible(request)) return;
  for (const auto& [name, amount] : wanted.shared) {
    held_shared_[name] = std::max(held_shared_[name], amount);
  }
}

/// Nobody has room for it: those after it leave it some.
void Placement::block(const Search& search) {
  const std::uint32_t request = search.found.task->request;
  if (search.wrong_contents) {
    blocked_here_.emplace(search.found.record->id(), request);
  } else {
    blocked_.insert(request);
  }
  hold_shared(request);
  if (search.request.runtime == kNoopRuntime) return;
  if (reservations_.keep(passed(search.found, search.elsewhere), free_)) return;
  if (waiting_.size() < Reservations::kMost) waiting_.push_back({search.found, search.elsewhere});
}

Reservations::Passed Placement::passed(const FoundTask& found, bool elsewhere) const {
  return {found, [this, &found, elsewhere](const WorkerRecord& worker) {
            const TaskRun* run = elsewhere ? found.record->find_run(found.task->id) : nullptr;
            return !(run != nullptr && failed_on(*run, worker.id)) &&
                   reuse_.has_contents(*found.record, *found.task, worker);
          }};
}

/// For those who were passed over: only now, as nobody pays for it who does not compete.
void Placement::keep_room(const Now& now) {
  for (const Waiting& waiting : waiting_) {
    reservations_.make(passed(waiting.found, waiting.elsewhere), free_, now, looks_);
  }
  waiting_.clear();
}

}  // namespace landseer::broker
