/// The listing of workers.
#include <algorithm>

#include "broker/core/queries.h"
#include "broker/core/rights.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

constexpr std::size_t kPageBytesMax = 1024 * 1024;

std::uint64_t at_least_0(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

void add_room(const WorkerRecord& worker, protocol::WorkerRow& row) {
  row.drained = worker.drained;
  row.gpus_free_milli = at_least_0(worker.gpus_free_milli);
  row.memory_free_bytes = at_least_0(worker.memory_free_bytes);
  row.scratch_bytes = worker.offer.scratch_bytes;
  row.scratch_free_bytes = at_least_0(worker.scratch_free_bytes);
  row.tasks_max = worker.offer.tasks_max;
  for (const auto& [name, amount] : worker.offer.named) {
    const auto free = worker.named_free.find(name);
    row.named.push_back(
        {name, amount, free != worker.named_free.end() ? at_least_0(free->second) : 0});
  }
}

protocol::WorkerRow worker_row(const State& state, const Reservations& reservations,
                               const Caller& caller, const WorkerRecord& worker) {
  protocol::WorkerRow row;
  row.worker = worker.id;
  row.name = worker.offer.name;
  row.state = std::string(to_string(worker.state));
  if (worker.host_failures >= kHostFailuresMax) {
    row.state = "quarantined";
  } else if (worker.drained && worker.state == WorkerState::kConnected) {
    row.state = "drained";
  } else if (worker.state == WorkerState::kConnected && !worker.offer.unfit.empty()) {
    row.state = "unfit";
  }
  row.cpus_milli = worker.offer.cpus_milli;
  row.cpus_free_milli =
      static_cast<std::uint32_t>(std::max<std::int64_t>(worker.cpus_free_milli, 0));
  row.memory_bytes = worker.offer.memory_bytes;
  for (const auto& gpu : worker.offer.gpus) {
    row.gpus.push_back(std::to_string(gpu.index) + ":" + gpu.model +
                       (gpu.fault.empty() ? "" : " (" + gpu.fault + ")"));
  }
  row.labels = worker.offer.labels;
  row.runtimes = worker.offer.runtimes;
  for (const auto& dataset : worker.offer.datasets) {
    row.datasets.push_back(dataset.variant.empty() ? dataset.name
                                                   : dataset.name + ":" + dataset.variant);
  }
  row.running = static_cast<std::uint32_t>(worker.attempts.size());
  row.completed = worker.completed;
  row.failed = worker.failed;
  row.last_seen_at = worker.last_seen.unix_ms;
  row.version = worker.offer.program_version;
  if (worker.host_failures >= kHostFailuresMax) {
    row.reason = std::to_string(worker.host_failures) + " attempts in a row could not be started";
    if (sees_all(caller)) row.reason += "; the last: " + worker.host_error;
  } else if (worker.drained) {
    row.reason = worker.attempts.empty() ? "by a user; it runs nothing"
                                         : "by a user; it finishes what it has";
  } else {
    row.reason = worker.offer.unfit;
  }
  row.bytes_fetched = worker.bytes_fetched;
  add_room(worker, row);
  if (const Reservation* kept = reservations.at(worker.id)) {
    const auto found = state.pipelines.find_task(kept->task);
    if (found && sees(caller, *found->record)) row.reserved_for = to_string(kept->task);
  }
  return row;
}

}  // namespace

protocol::WorkerList worker_list(const State& state, const Reservations& reservations,
                                 const Caller& caller, WorkerId after) {
  protocol::WorkerList list;
  std::size_t bytes = 0;
  const auto& all = state.workers.all();
  for (auto it = all.upper_bound(after); it != all.end(); ++it) {
    if (list.rows.size() >= protocol::kPageRowsMax || bytes >= kPageBytesMax) {
      list.more = true;
      break;
    }
    // Everything in a row that can be long is of the offer, but for the last failure's words.
    bytes += it->second.offer_bytes + it->second.host_error.size();
    list.rows.push_back(worker_row(state, reservations, caller, it->second));
  }
  for (const auto& [name, amount] : state.requests.shared()) {
    list.named.push_back({name, amount, at_least_0(state.workers.shared_free().at(name))});
  }
  return list;
}

}  // namespace landseer::broker
