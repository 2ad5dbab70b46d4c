/// What workers say about what they have: GPUs, data sets, images and artifacts.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/offers.h"
#include "common/protocol/fetch_pass.h"

namespace landseer::broker {
namespace {

constexpr std::size_t kOfferTextBytesMax = 256;

bool is_short(const std::string& text) { return text.size() <= kOfferTextBytesMax; }

/// Tasks looked at to answer one ReleaseRequest: a fraction of a millisecond. What cannot be
/// decided within them is kept, and asked for again.
constexpr std::size_t kLooksPerRequest = 10'000;

std::size_t bytes_in(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += sizeof text + text.size();
  return bytes;
}

}  // namespace

std::size_t bytes_of(const protocol::Hello& offer) {
  std::size_t bytes = sizeof offer + offer.program_version.size() + offer.data_address.size() +
                      offer.unfit.size() + bytes_in(offer.runtimes);
  for (const auto& dataset : offer.datasets) {
    bytes +=
        sizeof dataset + dataset.name.size() + dataset.variant.size() + bytes_in(dataset.names);
  }
  for (const auto& image : offer.images) {
    bytes += sizeof image + image.image.size() + image.kept.size() * sizeof(Digest);
  }
  for (const auto& gpu : offer.gpus) {
    bytes += sizeof gpu + gpu.model.size() + gpu.uuid.size() + gpu.fault.size();
  }
  for (const auto& label : offer.labels) {
    bytes += sizeof label + label.first.size() + label.second.size();
  }
  for (const auto& named : offer.named) bytes += sizeof named + named.name.size();
  return bytes;
}

bool is_modest(const protocol::Hello& hello) {
  const auto all = [](const auto& list, auto&& good) {
    return std::all_of(list.begin(), list.end(), good);
  };
  return hello.gpus.size() <= protocol::kGpusMax && hello.labels.size() <= protocol::kLabelsMax &&
         hello.runtimes.size() <= protocol::kRuntimesMax &&
         bytes_of(hello) <= protocol::kOfferBytesMax &&
         hello.datasets.size() <= protocol::kDatasetsMax &&
         hello.images.size() <= protocol::kImagesMax && is_short(hello.data_address) &&
         is_short(hello.boot_id) && is_short(hello.program_version) && is_short(hello.unfit) &&
         (hello.fetch_secret.empty() || hello.fetch_secret.size() == protocol::kFetchSecretBytes) &&
         hello.store_id.size() <= protocol::kNameBytesMax && all(hello.runtimes, is_short) &&
         hello.named.size() <= protocol::kNamedOffersMax &&
         all(hello.named,
             [](const auto& named) {
               return !named.name.empty() && named.name.size() <= protocol::kNameBytesMax &&
                      named.amount <= protocol::kNamedAmountMax;
             }) &&
         all(hello.gpus,
             [](const auto& gpu) {
               return is_short(gpu.model) && is_short(gpu.uuid) && is_short(gpu.fault);
             }) &&
         all(hello.labels,
             [](const auto& label) { return is_short(label.first) && is_short(label.second); }) &&
         all(hello.datasets,
             [](const auto& dataset) {
               return is_short(dataset.name) && is_short(dataset.variant) &&
                      dataset.names.size() <= protocol::kDatasetNamesMax &&
                      std::all_of(dataset.names.begin(), dataset.names.end(), is_short);
             }) &&
         all(hello.images, [](const auto& image) {
           return is_short(image.image) && image.kept.size() <= protocol::kImageVersionsMax;
         });
}

void adopt_offer(WorkerRecord& worker, State& state) {
  state.workers.set_offer_bytes(worker, bytes_of(worker.offer));
  state.workers.adopt_names(worker);
  const auto for_each = [&](auto&& act) {
    for (const auto& [task, attempt] : worker.attempts) {
      const std::uint32_t request = worker.request_of(*state.pipelines.find_task(task)->task);
      act(attempt, state.requests.at(request));
    }
  };
  // What they have of the broker's own resources is counted elsewhere than at the worker.
  for_each([&](const auto& attempt, const Request& request) {
    state.workers.release(worker, attempt, request);
  });
  state.workers.reset_room(worker);
  for_each([&](const auto& attempt, const Request& request) {
    state.workers.reserve(worker, attempt, request);
  });
}

void Broker::on_worker(PeerId peer, const protocol::Offer& offer, const Now& now, Outbox& out) {
  WorkerRecord* worker = require_session(peer, offer.session, now, out);
  if (worker == nullptr) return;
  protocol::Hello changed = worker->offer;
  changed.gpus = offer.gpus;
  changed.datasets = offer.datasets;
  changed.images = offer.images;
  changed.unfit = offer.unfit;
  const std::size_t max = state_.settings.offers_bytes_max;
  if (!is_modest(changed) || !state_.workers.has_room_for_offer(worker, bytes_of(changed), max)) {
    ++state_.stale_messages;
    return;
  }
  worker->offer = std::move(changed);
  adopt_offer(*worker, state_);
  reuse_.bind_by_worker(*worker, now, out);
  state_.workers.changed();
  state_.placement_due = true;
}

void Broker::on_worker(PeerId peer, const protocol::Holding& holding, const Now& now, Outbox& out) {
  WorkerRecord* worker = require_session(peer, holding.session, now, out);
  if (worker == nullptr) return;
  worker->bytes_fetched += holding.bytes;
  for (const Digest& artifact : holding.artifacts) {
    state_.artifacts.add_holder(artifact, worker->id);
  }
}

void Broker::on_worker(PeerId peer, const protocol::Dropped& dropped, const Now& now, Outbox& out) {
  const WorkerRecord* worker = require_session(peer, dropped.session, now, out);
  if (worker == nullptr) return;
  for (const Digest& artifact : dropped.artifacts) {
    state_.artifacts.remove_holder(artifact, worker->id);
  }
}

/// A pipeline that is not over needs what a task of it may still read, what is the end of a
/// workflow, which people may want to fetch, and checkpoints of what is to go on.
bool Broker::is_needed(const Digest& artifact, std::size_t& looks) {
  const ArtifactTable::Artifact* known = state_.artifacts.find(artifact);
  if (known == nullptr) return false;
  for (const TaskId id : known->producers) {
    if (looks == 0) return true;
    --looks;
    const auto found = state_.pipelines.find_task(id);
    if (!found || found->record->terminal()) continue;
    if (!domain::is_terminal(found->task->status)) return true;
    const auto below = found->record->scheduler->look_below(id, looks);
    if (below != domain::PriorityScheduler::Below::kOver) return true;
  }
  return false;
}

/// Whether the worker, which is about to leave, has a checkpoint that nobody else has and that
/// another worker fetches now, or may in a moment.
bool Broker::is_wanted(const Digest& checkpoint, const WorkerRecord& leaving, std::size_t& looks) {
  const ArtifactTable::Artifact* known = state_.artifacts.find(checkpoint);
  if (known == nullptr || !leaving.offer.store_id.empty()) return false;  // a common store stays
  for (const WorkerId id : known->holders) {
    const WorkerRecord* holder = state_.workers.find(id);
    if (holder == nullptr || holder == &leaving || holder->leaving) continue;
    if (holder->state == WorkerState::kConnected && holder->session != 0) return false;
  }
  for (const TaskId id : known->producers) {
    if (looks == 0) return true;
    --looks;
    const auto found = state_.pipelines.find_task(id);
    if (!found || found->record->terminal() || found->record->paused) continue;
    if (found->record->scheduler->is_paused(id)) continue;
    const TaskRun* run = found->record->find_run(id);
    if (run == nullptr || run->checkpoint != checkpoint) continue;
    if (found->task->status == domain::TaskStatus::kPending &&
        placement_.has_contents(*found->record, *found->task)) {
      return true;
    }
    if (run->live() && run->worker != leaving.id && run->attempts.back().started_at == 0)
      return true;
  }
  return false;
}

void Broker::on_worker(PeerId peer, const protocol::ReleaseRequest& asked, const Now& now,
                       Outbox& out) {
  const WorkerRecord* worker = require_session(peer, asked.session, now, out);
  if (worker == nullptr) return;
  protocol::Release release{worker->session, {}};
  std::size_t looks = kLooksPerRequest;
  for (const Digest& artifact : asked.artifacts) {
    // One that leaves wants to know whether it may; it keeps what it has for when it comes back.
    if (worker->leaving ? is_wanted(artifact, *worker, looks) : is_needed(artifact, looks))
      continue;
    if (!worker->leaving) state_.artifacts.remove_holder(artifact, worker->id);
    release.artifacts.push_back(artifact);
  }
  out.to_workers.push_back({peer, std::move(release)});
}

}  // namespace landseer::broker
