#include "broker/core/free_workers.h"

#include <algorithm>

namespace landseer::broker {
namespace {

/// Gains that are remembered: several for each worker of a large cluster, between two passes.
constexpr std::size_t kGainsMax = 16'384;
/// Requests whose verdicts are kept for each worker; beyond that each look costs a comparison.
constexpr std::size_t kVerdictsMax = 1024;

}  // namespace

void FreeWorkers::sync(WorkerTable& workers) {
  if (generation_ != workers.generation()) {
    generation_ = workers.generation();
    for (auto each = slots_.begin(); each != slots_.end();) {
      const bool known = workers.find(each->first) != nullptr;
      if (!known) list(each->second, false);
      each = known ? std::next(each) : slots_.erase(each);
    }
    for (const auto& [id, worker] : workers.all()) refresh(*workers.find(id));
  } else {
    for (const WorkerId id : workers.room_changes()) {
      if (WorkerRecord* worker = workers.find(id)) refresh(*worker);
    }
  }
  workers.forget_room_changes();
  if (gained_.size() <= kGainsMax) return;
  const auto old = static_cast<std::ptrdiff_t>(gained_.size() / 2);
  gained_.erase(gained_.begin(), gained_.begin() + old);
  first_gain_ += static_cast<std::uint64_t>(old);
}

void FreeWorkers::refresh(WorkerRecord& worker) {
  Slot& slot = slots_[worker.id];
  const bool takes_work = worker.takes_work();
  const bool is_new = slot.worker == nullptr || slot.offer != worker.offer_number;
  const bool gained = takes_work && (is_new || !slot.listed || worker.releases != slot.releases);
  const bool moves = takes_work != slot.listed || worker.cpus_free_milli != slot.cpus_milli ||
                     worker.gpus_free_milli != slot.gpus_milli || worker.noops != slot.noops ||
                     is_new;
  if (moves && slot.listed) list(slot, false);
  if (is_new) {
    slot.worker = &worker;
    slot.id = worker.id;
    slot.offer = worker.offer_number;
    slot.store_id = worker.offer.store_id;
    slot.grade = worker.gpus.grade();
    slot.verdicts.clear();
  }
  slot.cpus_milli = worker.cpus_free_milli;
  slot.gpus_milli = worker.gpus_free_milli;
  slot.noops = worker.noops;
  slot.releases = worker.releases;
  if (takes_work && !slot.listed) list(slot, true);
  if (gained) gained_.push_back(worker.id);
}

FreeWorkers::Entry FreeWorkers::entry_of(Slot& slot) {
  return {slot.grade, slot.gpus_milli, std::int64_t{slot.noops} - slot.cpus_milli, slot.id, &slot};
}

void FreeWorkers::list(Slot& slot, bool in) {
  if (slot.listed == in) return;
  slot.listed = in;
  const Entry entry = entry_of(slot);
  if (in) {
    all_.insert(entry);
    if (!slot.store_id.empty()) by_store_[slot.store_id].insert(entry);
    return;
  }
  all_.erase(entry);
  const auto store = by_store_.find(slot.store_id);
  if (store == by_store_.end()) return;
  store->second.erase(entry);
  if (store->second.empty()) by_store_.erase(store);
}

const FreeWorkers::Order* FreeWorkers::with_store(const std::string& store_id) const {
  const auto found = by_store_.find(store_id);
  return found != by_store_.end() ? &found->second : nullptr;
}

std::optional<FreeWorkers::Entry> FreeWorkers::find(WorkerId id) {
  const auto found = slots_.find(id);
  if (found == slots_.end() || !found->second.listed) return std::nullopt;
  return entry_of(found->second);
}

bool FreeWorkers::can_run(Slot& slot, std::uint32_t request, const RequestTable& requests) {
  if (request >= kVerdictsMax) return slot.worker->can_run(requests.at(request));
  if (request >= slot.verdicts.size()) slot.verdicts.resize(request + 1);
  std::uint8_t& verdict = slot.verdicts[request];
  if (verdict == 0) verdict = slot.worker->can_run(requests.at(request)) ? 1 : 2;
  return verdict == 1;
}

const std::vector<FreeWorkers::Entry>& FreeWorkers::gained_since(std::uint64_t since) {
  found_.clear();
  for (std::uint64_t at = since; at < gains(); ++at) {
    if (const auto entry = find(gained_[at - first_gain_])) found_.push_back(*entry);
  }
  std::sort(found_.begin(), found_.end());
  const auto is_same = [](const Entry& a, const Entry& b) { return a.id == b.id; };
  found_.erase(std::unique(found_.begin(), found_.end(), is_same), found_.end());
  return found_;
}

}  // namespace landseer::broker
