#include "broker/core/reservations.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace landseer::broker {
namespace {

constexpr std::size_t kWorkersPerReservation = 8;

/// What a pile of resources has left, by kind; enough to see when a request fits.
struct Pile {
  std::int64_t cpus_milli = 0;
  std::int64_t gpus_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t scratch_bytes = 0;
  std::int64_t tasks = 0;
  std::map<std::string, std::int64_t> named;

  void add(const Request& request) {
    if (request.runtime == kNoopRuntime) return;
    cpus_milli += request.resources.cpus_milli;
    gpus_milli += request.resources.gpus_milli;
    memory_bytes += static_cast<std::int64_t>(request.resources.memory_bytes);
    scratch_bytes += static_cast<std::int64_t>(request.resources.scratch_bytes);
    tasks += 1;
    for (const auto& [name, amount] : request.resources.named) {
      named[name] += static_cast<std::int64_t>(amount);
    }
  }
  bool fits(const Request& request) const {
    const domain::ResourceRequest& needs = request.resources;
    return cpus_milli >= std::int64_t{needs.cpus_milli} &&
           gpus_milli >= std::int64_t{needs.gpus_milli} &&
           memory_bytes >= static_cast<std::int64_t>(needs.memory_bytes) &&
           scratch_bytes >= static_cast<std::int64_t>(needs.scratch_bytes) && tasks > 0 &&
           std::all_of(needs.named.begin(), needs.named.end(), [&](const auto& wanted) {
             const auto found = named.find(wanted.name);
             return found != named.end() &&
                    found->second >= static_cast<std::int64_t>(wanted.amount);
           });
  }
};

Pile free_of(const WorkerRecord& worker) {
  const auto used = static_cast<std::int64_t>(worker.attempts.size()) - worker.noops;
  return {worker.cpus_free_milli,
          worker.gpus_free_milli,
          worker.memory_free_bytes,
          worker.scratch_free_bytes,
          worker.offer.tasks_max != 0 ? worker.offer.tasks_max - used : used + 1,
          worker.named_free};
}

/// Whether `taken` leaves free what `kept` asks for, of each thing that it takes itself.
bool leaves_room(const WorkerRecord& worker, const Request& taken, const Request& kept) {
  const auto leaves = [](std::int64_t free, std::uint64_t takes, std::uint64_t wants) {
    return takes == 0 ||
           free - static_cast<std::int64_t>(takes) >= static_cast<std::int64_t>(wants);
  };
  const auto& takes = taken.resources;
  const auto& wants = kept.resources;
  if (!leaves(worker.cpus_free_milli, takes.cpus_milli, wants.cpus_milli) ||
      !leaves(worker.memory_free_bytes, takes.memory_bytes, wants.memory_bytes) ||
      !leaves(worker.scratch_free_bytes, takes.scratch_bytes, wants.scratch_bytes)) {
    return false;
  }
  const auto used = static_cast<std::int64_t>(worker.attempts.size()) - worker.noops;
  if (worker.offer.tasks_max != 0 && worker.offer.tasks_max - used < 2) return false;
  for (const auto& taking : takes.named) {
    const auto wanted = std::find_if(wants.named.begin(), wants.named.end(),
                                     [&](const auto& other) { return other.name == taking.name; });
    const auto free = worker.named_free.find(taking.name);
    if (wanted != wants.named.end() && free != worker.named_free.end() &&
        !leaves(free->second, taking.amount, wanted->amount)) {
      return false;
    }
  }
  if (takes.gpus_milli == 0 || wants.gpus_milli == 0) return true;
  domain::GpuPool rest = worker.gpus;
  return rest.take(taken.gpus()) && rest.fits(kept.gpus());
}

}  // namespace

Duration expected_run(const State& state, const domain::Task& task) {
  const Duration limit = task.options->timeout;
  if (const auto learned = state.times.expected(task.tool->name)) return std::min(*learned, limit);
  const Duration said = task.options->time_estimate;
  return said > Duration::zero() ? std::min(said, limit) : limit;
}

bool knows_run(const State& state, const domain::Task& task) {
  return state.times.expected(task.tool->name) || task.options->time_estimate > Duration::zero();
}

const Reservation* Reservations::find(std::uint32_t request) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Reservation& reservation) {
    return reservation.request == request;
  });
  return found != all_.end() ? &*found : nullptr;
}

const Reservation* Reservations::at(WorkerId worker) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Reservation& reservation) {
    return reservation.worker == worker;
  });
  return found != all_.end() ? &*found : nullptr;
}

void Reservations::begin_pass() {
  for (Reservation& reservation : all_) reservation.in_force = false;
}

bool Reservations::keep(const Passed& passed, FreeWorkers& free) {
  const std::uint32_t request = passed.found.task->request;
  const Reservation* known = find(request);
  if (known == nullptr) return false;
  const auto entry = free.find(known->worker);
  const bool is_good = entry && FreeWorkers::can_run(*entry->slot, request, state_.requests) &&
                       passed.may_be_at(*entry->slot->worker);
  if (is_good) {
    all_[static_cast<std::size_t>(known - all_.data())].in_force = true;
  } else {
    placed(request, free);  // that worker is gone, or drained
  }
  return is_good;
}

/// At the worker that could take it first; of several the one that placement prefers.
void Reservations::make(const Passed& passed, FreeWorkers& free, const Now& now,
                        std::uint64_t& looks) {
  const std::uint32_t index = passed.found.task->request;
  if (find(index) != nullptr) return;  // of another pipeline
  const Request& request = state_.requests.at(index);
  const std::size_t most = std::min(kMost, 1 + free.all().size() / kWorkersPerReservation);
  if (all_.size() >= most) {
    // One whose turn is later in this pass, if at all, gives way.
    const auto other = std::find_if(all_.begin(), all_.end(), [](const Reservation& reservation) {
      return !reservation.in_force;
    });
    if (other == all_.end()) return;
    placed(other->request, free);
  }
  const WorkerRecord* best = nullptr;
  Duration best_time{};
  std::size_t timelines = 0;
  for (const FreeWorkers::Entry& entry : free.all()) {
    ++looks;
    if (at(entry.id) != nullptr || !FreeWorkers::can_run(*entry.slot, index, state_.requests)) {
      continue;
    }
    const WorkerRecord& worker = *entry.slot->worker;
    if (!passed.may_be_at(worker)) continue;
    looks += worker.attempts.size();
    const Duration time = time_to_room(worker, request, now).time;
    if (best == nullptr || time < best_time) best = &worker, best_time = time;
    if (++timelines >= kTimelinesMax) break;
  }
  if (best == nullptr) return;  // whatever is free, nobody could run it
  all_.push_back({index, passed.found.task->id, best->id, now.instant + best_time, now.wall, true});
}

/// Until enough of what runs there has ended, as far as is known when that will be. What is late
/// already may take until its time limit.
Reservations::Room Reservations::time_to_room(const WorkerRecord& worker, const Request& request,
                                              const Now& now) const {
  struct End {
    Duration left;
    TaskId task;
    const Request* request;
  };
  std::vector<End> ends;
  for (const auto& [task, attempt] : worker.attempts) {
    const auto found = state_.pipelines.find_task(task);
    const TaskRun* run = found->record->find_run(task);
    const Duration limit = found->task->options->timeout;
    const auto ran = std::chrono::milliseconds(
        std::max<std::int64_t>(now.wall.unix_ms - run->attempts.back().assigned_at, 0));
    Duration left = expected_run(state_, *found->task) - ran;
    if (left <= Duration::zero()) left = std::max<Duration>(limit - ran, Duration::zero());
    ends.push_back({left, task, &state_.requests.at(worker.request_of(*found->task))});
  }
  std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.left < b.left; });
  Pile pile = free_of(worker);
  Room room;
  for (const End& end : ends) {
    if (pile.fits(request)) break;
    pile.add(*end.request);
    room = {end.left, end.task};
  }
  return room;
}

void Reservations::placed(std::uint32_t request, FreeWorkers& free) {
  const Reservation* known = find(request);
  if (known == nullptr) return;
  free.note_gain(known->worker);  // others may have what was kept
  all_.erase(all_.begin() + (known - all_.data()));
}

bool Reservations::end_pass(FreeWorkers& free) {
  const std::size_t before = all_.size();
  for (const Reservation& reservation : all_) {
    if (!reservation.in_force) free.note_gain(reservation.worker);
  }
  std::erase_if(all_, [](const Reservation& reservation) { return !reservation.in_force; });
  return all_.size() != before;
}

bool Reservations::allows(const WorkerRecord& worker, const FoundTask& found,
                          const Now& now) const {
  for (const Reservation& kept : all_) {
    if (kept.worker != worker.id || !kept.in_force || kept.request == found.task->request) continue;
    const Request& request = state_.requests.at(found.task->request);
    if (request.runtime == kNoopRuntime) continue;
    if (now.instant + expected_run(state_, *found.task) <= kept.start) continue;
    if (!leaves_room(worker, request, state_.requests.at(kept.request))) return false;
  }
  return true;
}

}  // namespace landseer::broker
