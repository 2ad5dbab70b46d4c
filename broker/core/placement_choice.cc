/// Which worker gets a task.
#include <algorithm>
#include <limits>

#include "broker/core/placement.h"
#include "broker/core/requirements.h"

namespace landseer::broker {
namespace {

/// Below this a task is over before the next one could be asked for; see docs/architecture.md.
constexpr double kPrefetchBelowMs = 1000;
/// Below this several are.
constexpr double kManyBelowMs = 10;
/// What finding out whether a worker could ever run a request costs, in looks.
constexpr std::uint64_t kLooksPerVerdict = 12;
/// Workers looked at for one that has the image, after one that has room.
constexpr int kImageLooks = 4;

}  // namespace

bool Placement::failed_on(const TaskRun& run, WorkerId worker) {
  return std::find(run.failed_on.begin(), run.failed_on.end(), worker) != run.failed_on.end();
}

bool Placement::share_store(const WorkerRecord& a, const WorkerRecord& b) {
  return !a.offer.store_id.empty() && a.offer.store_id == b.offer.store_id;
}

/// Null: nobody has room, or only workers where it cannot be started, or where its names stand for
/// something else. Of those that have room: who is idle, rather than given ahead; who has the
/// what its last dependency left; then in the order of FreeWorkers, and who has the image.
WorkerRecord* Placement::choose_worker(Search& search) {
  free_.sync(state_.workers);
  const auto mean_ms = state_.times.slowest_mean_ms(search.found.task->tool->name);
  if (mean_ms && *mean_ms < kPrefetchBelowMs)
    search.ahead = *mean_ms < kManyBelowMs ? kAheadMax : 1;
  search.own = search.found.record->find_run(search.found.task->id);
  search.elsewhere =
      search.own != nullptr && !search.own->failed_on.empty() && !failed_everywhere(search);
  const std::uint64_t since = checked(search);
  // Whoever had no room then, and got none since, has none now.
  const bool few = since != 0 && free_.remembers(since - 1);
  if (few) gather_few(since - 1);
  for (const bool ahead : {false, true}) {
    if (ahead && search.ahead == 0) break;
    WorkerRecord* best = best_with_input(search, ahead);
    if (best == nullptr)
      best = few ? first_of_few(search, ahead) : first_good(free_.all(), search, ahead);
    if (best != nullptr) {
      checked(search) = 0;
      return best;
    }
  }
  checked(search) = search.saw_other_reason ? 0 : free_.gains() + 1;
  return nullptr;
}

/// Those that have more room since then, and those where room is kept, for whom that is depends on
/// who asks.
void Placement::gather_few(std::uint64_t since) {
  few_ = free_.gained_since(since);
  const std::size_t gained = few_.size();
  for (const Reservation& reservation : reservations_.all()) {
    const auto entry = free_.find(reservation.worker);
    const auto is_same = [&](const auto& other) { return other.id == reservation.worker; };
    if (entry && std::none_of(few_.begin(), few_.end(), is_same)) few_.push_back(*entry);
  }
  if (few_.size() > gained) std::sort(few_.begin(), few_.end());
}

WorkerRecord* Placement::first_of_few(Search& search, bool ahead) {
  for (const FreeWorkers::Entry& entry : few_) {
    if (is_good(entry, search, ahead)) return entry.slot->worker;
  }
  return nullptr;
}

/// Workers whose GPUs are too small, or too few of them free, are not looked at.
WorkerRecord* Placement::first_good(const FreeWorkers::Order& entries, Search& search, bool ahead) {
  const bool is_noop = search.request.runtime == kNoopRuntime;
  const std::int64_t gpus = is_noop ? 0 : search.request.resources.gpus_milli;
  const std::uint64_t memory = search.request.resources.gpu_memory_bytes;
  const std::uint64_t grade = gpus > 0 ? std::max<std::uint64_t>(memory, 1) : 0;
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::int64_t from = gpus > 0 ? gpus : kLeast;
  auto at = entries.lower_bound({grade, from, kLeast, WorkerId{}, nullptr});
  while (at != entries.end()) {
    if (at->gpus_milli < from) {
      at = entries.lower_bound({at->grade, from, kLeast, WorkerId{}, nullptr});
    } else if (is_good(*at, search, ahead)) {
      return or_with_image(entries, at, search, ahead);
    } else {
      ++at;
    }
  }
  return nullptr;
}

/// The good one, or one of the next, no worse one that need not fetch the image first.
WorkerRecord* Placement::or_with_image(const FreeWorkers::Order& entries,
                                       FreeWorkers::Order::iterator good, Search& search,
                                       bool ahead) {
  WorkerRecord* const first = good->slot->worker;
  const auto has_image = [&](const WorkerRecord& worker) {
    return worker.images.contains(search.request.image);
  };
  if (search.request.image.empty() || has_image(*first)) return first;
  auto at = good;
  for (int i = 0; i < kImageLooks && ++at != entries.end(); ++i) {
    if (at->grade != good->grade || at->gpus_milli != good->gpus_milli) break;
    if (has_image(*at->slot->worker) && is_good(*at, search, ahead)) return at->slot->worker;
  }
  return first;
}

std::uint64_t& Placement::checked(const Search& search) {
  const std::size_t kind = search.ahead == 0 ? 0 : search.ahead == 1 ? 1 : 2;
  const std::size_t at = std::size_t{3} * search.found.task->request + kind;
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

bool Placement::is_good(const FreeWorkers::Entry& entry, Search& search, bool ahead) {
  ++looks_;
  const WorkerRecord& worker = *entry.slot->worker;
  const std::uint32_t request = search.found.task->request;
  const std::int64_t overcommit = ahead ? search.ahead * worker.offer.cpus_milli : 0;
  if (!worker.has_room(search.request, overcommit) || !worker.takes_work()) {
    return false;
  }
  if (!FreeWorkers::knows(*entry.slot, request)) looks_ += kLooksPerVerdict;
  if (!FreeWorkers::can_run(*entry.slot, request, state_.requests)) return false;
  if (search.elsewhere && failed_on(*search.own, worker.id)) {
    search.saw_other_reason = true;
    return false;
  }
  if (!waiting_.empty()) keep_room(search.now);
  // As if it had no room. Such workers are looked at again, whoever got room since.
  if (!reservations_.allows(worker, search.found, search.now)) return false;
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

bool Placement::avoids(const FoundTask& found, const WorkerRecord& worker) {
  free_.sync(state_.workers);
  Search search{found, state_.requests.at(found.task->request), nullptr, 0, false, false, false,
                Now{}};
  search.own = found.record->find_run(found.task->id);
  return search.own != nullptr && failed_on(*search.own, worker.id) && !failed_everywhere(search);
}

std::uint64_t Placement::held_shared(const std::string& name) const {
  const auto held = held_shared_.find(name);
  return held != held_shared_.end() ? held->second : 0;
}

bool Placement::is_possible(std::uint32_t request) {
  free_.sync(state_.workers);
  const auto& totals = state_.requests.shared();
  for (const auto& [name, amount] : state_.requests.at(request).shared) {
    const auto has = totals.find(name);
    if (has == totals.end() || has->second < amount) return false;
  }
  return std::any_of(free_.all().begin(), free_.all().end(), [&](const auto& entry) {
    return FreeWorkers::can_run(*entry.slot, request, state_.requests);
  });
}

const std::string& Placement::impossible(std::uint32_t request) {
  Verdict& verdict = impossible_[request];
  if (verdict.generation != state_.workers.generation()) {
    verdict.generation = state_.workers.generation();
    verdict.text = is_possible(request) ? std::string() : impossible_text(state_, request);
  }
  return verdict.text;
}

bool Placement::has_contents(const PipelineRecord& record, const domain::Task& task) {
  free_.sync(state_.workers);
  return std::any_of(free_.all().begin(), free_.all().end(), [&](const auto& entry) {
    return FreeWorkers::can_run(*entry.slot, task.request, state_.requests) &&
           reuse_.has_contents(record, task, *entry.slot->worker);
  });
}

}  // namespace landseer::broker
