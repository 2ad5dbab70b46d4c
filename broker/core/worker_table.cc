#include "broker/core/worker_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace landseer::broker {
namespace {

/// No-op attempts take no resources, so a count bounds what one worker is given ahead.
constexpr std::uint32_t kNoopsAheadMax = 2048;
/// Above that a look at each worker costs no more; a replay may go on for long without any.
constexpr std::size_t kRoomChangesMax = 4096;

}  // namespace

std::string_view to_string(WorkerState state) {
  switch (state) {
    case WorkerState::kConnected:
      return "connected";
    case WorkerState::kSilent:
      return "silent";
    case WorkerState::kLost:
      return "lost";
    case WorkerState::kLeft:
      return "left";
  }
  return "unknown";
}

WorkerRecord::Refusal WorkerRecord::why_refused() const {
  if (host_failures >= kHostFailuresMax) {
    return {
        "host",
        "gets no work: it could not start " + std::to_string(host_failures) + " attempts in a row",
        ", the last: " + host_error};
  }
  if (state != WorkerState::kConnected) {
    return {to_string(state), "is " + std::string(to_string(state))};
  }
  if (session == 0) return {"silent", "has no conversation with the broker now"};
  if (leaving) return {"leaving", "is about to leave"};
  if (drained) return {"drained", "is drained: `landseer undrain " + offer.name + "`"};
  if (!offer.unfit.empty()) return {"unfit", "gets no work: " + offer.unfit};
  return {};
}

bool WorkerRecord::can_run(const Request& request) const {
  const auto offers_runtime = [&](const std::string& runtime) {
    return request.runtime.empty() ? runtime != kNoopRuntime : runtime == request.runtime;
  };
  if (std::none_of(offer.runtimes.begin(), offer.runtimes.end(), offers_runtime)) return false;
  if (request.runtime == kNoopRuntime) return true;
  if (!request.dataset.empty() && find_dataset(request.dataset, request.variant) == nullptr) {
    return false;
  }
  if (!missing_name(request).empty()) return false;
  const domain::ResourceRequest& needs = request.resources;
  const auto offers = [&](const domain::NamedAmount& wanted) {
    return offered(wanted.name) >= wanted.amount;
  };
  const auto fits = [&](const domain::LabelRule& rule) { return satisfies(rule); };
  return needs.cpus_milli <= offer.cpus_milli && needs.memory_bytes <= offer.memory_bytes &&
         needs.scratch_bytes <= offer.scratch_bytes && gpus.could_serve(request.gpus()) &&
         std::all_of(needs.labels.begin(), needs.labels.end(), fits) &&
         std::all_of(needs.named.begin(), needs.named.end(), offers);
}

bool WorkerRecord::satisfies(const domain::LabelRule& rule) const {
  const auto label = offer.labels.find(rule.key);
  const bool has = label != offer.labels.end();
  const bool is_named =
      has && std::find(rule.values.begin(), rule.values.end(), label->second) != rule.values.end();
  switch (rule.relation) {
    case domain::LabelRelation::kOneOf:
      return is_named;
    case domain::LabelRelation::kNoneOf:
      return !is_named;
    case domain::LabelRelation::kExists:
      return has;
    case domain::LabelRelation::kAbsent:
      return !has;
  }
  return false;
}

std::uint64_t WorkerRecord::offered(const std::string& name) const {
  for (const protocol::NamedAmount& has : offer.named) {
    if (has.name == name) return has.amount;
  }
  return 0;
}

Digest WorkerRecord::image_content(const std::string& image) const {
  const auto found = images.find(image);
  return found != images.end() ? found->second.content : Digest{};
}

bool WorkerRecord::doubts(const std::string& image) const {
  const auto found = images.find(image);
  return found != images.end() && found->second.content.empty();
}

bool WorkerRecord::can_run(const std::string& image, const Digest& content) const {
  const auto found = images.find(image);
  if (found == images.end()) return true;
  const auto& kept = found->second.kept;
  return content.empty() ? !found->second.content.empty()
                         : found->second.content == content ||
                               std::find(kept.begin(), kept.end(), content) != kept.end();
}

const protocol::DatasetOffer* WorkerRecord::find_dataset(const std::string& name,
                                                         const std::string& variant) const {
  const protocol::DatasetOffer* general = nullptr;
  for (const protocol::DatasetOffer& dataset : offer.datasets) {
    if (dataset.name != name) continue;
    if (dataset.variant == variant) return &dataset;
    if (dataset.variant.empty()) general = &dataset;
  }
  return general;
}

Digest WorkerRecord::dataset_content(const std::string& name, const std::string& variant) const {
  const protocol::DatasetOffer* const dataset = find_dataset(name, variant);
  return dataset != nullptr ? dataset->content : Digest{};
}

std::string WorkerRecord::missing_name(const Request& request) const {
  const auto* const dataset =
      request.required.empty() ? nullptr : find_dataset(request.dataset, request.variant);
  if (dataset == nullptr || dataset->names.empty()) return {};
  for (const std::string& name : request.required) {
    const auto& names = dataset->names;
    if (std::find(names.begin(), names.end(), name) == names.end()) return name;
  }
  return {};
}

bool WorkerRecord::has_room(const Request& request, std::int64_t overcommit_milli) const {
  if (request.runtime == kNoopRuntime) return noops < kNoopsAheadMax;
  const auto& needs = request.resources;
  const auto has_named = [&](const domain::NamedAmount& wanted) {
    const auto found = named_free.find(wanted.name);
    return found != named_free.end() && found->second >= static_cast<std::int64_t>(wanted.amount);
  };
  return cpus_free_milli + overcommit_milli >= std::int64_t{needs.cpus_milli} &&
         memory_free_bytes >= static_cast<std::int64_t>(needs.memory_bytes) &&
         (needs.gpus_milli == 0 ||
          (gpus_free_milli >= std::int64_t{needs.gpus_milli} && gpus.fits(request.gpus()))) &&
         scratch_free_bytes >= static_cast<std::int64_t>(needs.scratch_bytes) &&
         (offer.tasks_max == 0 || attempts.size() - noops < offer.tasks_max) &&
         std::all_of(needs.named.begin(), needs.named.end(), has_named);
}

std::uint32_t WorkerRecord::request_of(const domain::Task& task) const {
  const auto known = inherited.find(task.id);
  return known != inherited.end() ? known->second : task.request;
}

void WorkerTable::change_room(WorkerRecord& worker, const Request& request, int sign) {
  const domain::ResourceRequest& needs = request.resources;
  worker.cpus_free_milli += sign * std::int64_t{needs.cpus_milli};
  worker.memory_free_bytes += sign * static_cast<std::int64_t>(needs.memory_bytes);
  worker.scratch_free_bytes += sign * static_cast<std::int64_t>(needs.scratch_bytes);
  for (const auto& [name, amount] : needs.named) {
    worker.named_free[name] += sign * static_cast<std::int64_t>(amount);
  }
  for (const auto& [name, amount] : request.shared) {
    shared_free_[name] += sign * static_cast<std::int64_t>(amount);
  }
}

void WorkerTable::reserve(WorkerRecord& worker, const protocol::AttemptRef& attempt,
                          const Request& request) {
  note_room(worker);
  if (request.runtime == kNoopRuntime) {
    ++worker.noops;
    return;
  }
  change_room(worker, request, -1);
  if (request.resources.gpus_milli == 0) return;
  // A worker that is away, or has less than it had, may not have them: then it has none to count.
  worker.gpus_taken[attempt] =
      worker.gpus.take(request.gpus()).value_or(std::vector<std::uint32_t>{});
  worker.gpus_free_milli = worker.gpus.free_milli();
}

void WorkerTable::release(WorkerRecord& worker, const protocol::AttemptRef& attempt,
                          const Request& request) {
  note_room(worker);
  ++worker.releases;
  if (request.runtime == kNoopRuntime) {
    --worker.noops;
    return;
  }
  change_room(worker, request, 1);
  const auto taken = worker.gpus_taken.find(attempt);
  if (taken == worker.gpus_taken.end()) return;
  worker.gpus.give_back(request.gpus(), taken->second);
  worker.gpus_taken.erase(taken);
  worker.gpus_free_milli = worker.gpus.free_milli();
}

void WorkerTable::reset_room(WorkerRecord& worker) {
  note_room(worker);
  ++worker.offer_number;
  worker.cpus_free_milli = worker.offer.cpus_milli;
  worker.memory_free_bytes = static_cast<std::int64_t>(worker.offer.memory_bytes);
  worker.scratch_free_bytes = static_cast<std::int64_t>(worker.offer.scratch_bytes);
  worker.named_free.clear();
  for (const auto& [name, amount] : worker.offer.named) {
    worker.named_free[name] = static_cast<std::int64_t>(amount);
  }
  worker.gpus.clear();
  worker.gpus_taken.clear();
  for (const protocol::GpuOffer& gpu : worker.offer.gpus) {
    worker.gpus.add(gpu.index, gpu.model, gpu.memory_bytes, gpu.fault.empty());
  }
  worker.gpus_free_milli = worker.gpus.free_milli();
  worker.noops = 0;
}

void WorkerTable::adopt_names(WorkerRecord& worker) {
  worker.images.clear();
  for (const protocol::ImageOffer& offer : worker.offer.images) worker.images[offer.image] = offer;
  by_image_.set(worker.id, worker.offer.images, [](const auto& offer) { return offer.image; });
  by_dataset_.set(worker.id, worker.offer.datasets, [](const auto& offer) { return offer.name; });
}

const std::set<WorkerId>& WorkerTable::with_image(const std::string& image) const {
  return by_image_.with(image);
}

const std::set<WorkerId>& WorkerTable::with_dataset(const std::string& dataset) const {
  return by_dataset_.with(dataset);
}

void WorkerTable::set_shared(const std::map<std::string, std::uint64_t>& amounts) {
  for (const auto& [name, amount] : amounts) {
    shared_free_[name] = static_cast<std::int64_t>(amount);
  }
}

bool WorkerTable::has_shared(const Request& request) const {
  return std::all_of(request.shared.begin(), request.shared.end(), [&](const auto& wanted) {
    const auto found = shared_free_.find(wanted.name);
    return found != shared_free_.end() && found->second >= static_cast<std::int64_t>(wanted.amount);
  });
}

void WorkerTable::note_room(const WorkerRecord& worker) {
  // One attempt after the other of the same worker, as a rule.
  if (!room_changes_.empty() && room_changes_.back() == worker.id) return;
  if (room_changes_.size() >= kRoomChangesMax) {
    room_changes_.clear();
    changed();
  }
  room_changes_.push_back(worker.id);
}

WorkerRecord& WorkerTable::add(std::string uid) {
  return restore(WorkerId{next_id_++}, std::move(uid));
}

WorkerRecord& WorkerTable::restore(WorkerId id, std::string uid) {
  by_uid_[uid] = id;
  WorkerRecord& worker = workers_[id];
  worker.id = id;
  worker.offer.uid = std::move(uid);
  return worker;
}

void WorkerTable::forget(WorkerId id) {
  WorkerRecord* worker = find(id);
  if (worker == nullptr) return;
  CHECK(worker->attempts.empty(), "only workers without attempts are forgotten");
  unbind_peer(*worker);
  stop_watching(*worker);
  by_image_.remove(id);
  by_dataset_.remove(id);
  by_uid_.erase(worker->offer.uid);
  set_offer_bytes(*worker, 0);
  workers_.erase(id);
  changed();
}

std::optional<WorkerId> WorkerTable::find_gone() const {
  for (const auto& [id, worker] : workers_) {
    const bool gone = worker.state == WorkerState::kLost || worker.state == WorkerState::kLeft;
    if (gone && worker.attempts.empty()) return id;
  }
  return std::nullopt;
}

WorkerRecord* WorkerTable::find(WorkerId id) {
  const auto found = workers_.find(id);
  return found != workers_.end() ? &found->second : nullptr;
}

const WorkerRecord* WorkerTable::find(WorkerId id) const {
  const auto found = workers_.find(id);
  return found != workers_.end() ? &found->second : nullptr;
}

WorkerRecord* WorkerTable::find_uid(const std::string& uid) {
  const auto found = by_uid_.find(uid);
  return found != by_uid_.end() ? find(found->second) : nullptr;
}

WorkerRecord* WorkerTable::find_name(const std::string& name) {
  for (auto& [id, worker] : workers_) {
    if (worker.offer.name == name && worker.session != 0) return &worker;
  }
  return nullptr;
}

WorkerRecord* WorkerTable::find_peer(PeerId peer) {
  const auto found = by_peer_.find(peer);
  return found != by_peer_.end() ? find(found->second) : nullptr;
}

void WorkerTable::bind_peer(WorkerRecord& worker, PeerId peer) {
  unbind_peer(worker);
  worker.peer = peer;
  by_peer_[peer] = worker.id;
}

void WorkerTable::unbind_peer(WorkerRecord& worker) {
  const auto found = by_peer_.find(worker.peer);
  if (found != by_peer_.end() && found->second == worker.id) by_peer_.erase(found);
  worker.peer = PeerId{0};
  worker.session = 0;
}

bool WorkerTable::has_room_for_offer(const WorkerRecord* worker, std::size_t bytes,
                                     std::size_t max) const {
  const std::size_t own = worker != nullptr ? worker->offer_bytes : 0;
  return offers_bytes_ - own + bytes <= max;
}

void WorkerTable::set_offer_bytes(WorkerRecord& worker, std::size_t bytes) {
  offers_bytes_ += bytes - worker.offer_bytes;
  worker.offer_bytes = bytes;
}

bool WorkerTable::heard(WorkerRecord& worker, const Now& now) {
  const bool was_connected = worker.state == WorkerState::kConnected;
  stop_watching(worker);
  worker.state = WorkerState::kConnected;
  worker.last_heard = now.instant;
  worker.last_seen = now.wall;
  connected_.emplace(worker.last_heard, worker.id);
  return !was_connected;
}

void WorkerTable::fell_silent(WorkerRecord& worker, Instant now) {
  stop_watching(worker);
  worker.state = WorkerState::kSilent;
  worker.fell_silent_at = now;
  silent_.emplace(worker.last_heard, worker.id);
  falls_.emplace(now, worker.id);
}

void WorkerTable::await(WorkerRecord& worker, const Now& now) {
  stop_watching(worker);
  worker.state = WorkerState::kSilent;
  worker.last_heard = now.instant;
  worker.last_seen = now.wall;
  silent_.emplace(worker.last_heard, worker.id);
}

void WorkerTable::left(WorkerRecord& worker) {
  stop_watching(worker);
  worker.state = WorkerState::kLeft;
  left_.emplace(worker.last_heard, worker.id);
}

void WorkerTable::lost(WorkerRecord& worker) {
  stop_watching(worker);
  worker.state = WorkerState::kLost;
}

void WorkerTable::stop_watching(const WorkerRecord& worker) {
  for (ByTime* set : {&connected_, &silent_, &left_}) set->erase({worker.last_heard, worker.id});
  falls_.erase({worker.fell_silent_at, worker.id});
}

std::size_t WorkerTable::silent_since(Instant from) {
  falls_.erase(falls_.begin(), falls_.upper_bound({from, WorkerId{}}));
  return falls_.size();
}

}  // namespace landseer::broker
