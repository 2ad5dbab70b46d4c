/// What the silence of workers says: when one counts as silent, when as lost, and when the broker
/// should rather doubt itself or the network.
#include <algorithm>

#include "broker/core/broker.h"

namespace landseer::broker {

using protocol::Outcome;

/// After a stall (the process was stopped, the machine swapped) signs of life wait in the sockets.
/// Nobody's silence counts before they had time to be read: three heartbeats.
bool Broker::is_loop_healthy(const Now& now) {
  if (settle_due_ && now.instant > *settle_due_ + settings().heartbeat()) {
    doubt_until_ = now.instant + settings().silence();
    out_of_step_ = true;
  }
  return now.instant >= doubt_until_;
}

void Broker::check_liveness(const Now& now, Outbox& out) {
  if (!is_loop_healthy(now)) {
    if (out_of_step_) {
      out.notices.push_back("the broker was held up: silent workers keep their leases for now");
      out_of_step_ = false;
    }
    return;
  }
  WorkerTable& workers = state_.workers;
  const auto is_over = [&](const WorkerTable::ByTime& set, Duration limit) {
    return !set.empty() && set.begin()->first + limit <= now.instant;
  };
  bool fell = false;
  while (is_over(workers.connected(), settings().silence())) {
    workers.fell_silent(*workers.find(workers.connected().begin()->second), now.instant);
    workers.changed();
    fell = true;
  }
  if (fell) freeze_expiry_if_many(now, out);
  thaw_expiry(now, out);
  while (is_over(workers.gone(), settings().loss())) {
    lose(*workers.find(workers.gone().begin()->second), now, out);
  }
  if (state_.expiry_frozen_until) return;
  while (is_over(workers.silent(), settings().loss())) {
    lose(*workers.find(workers.silent().begin()->second), now, out);
  }
}

void Broker::freeze_expiry_if_many(const Now& now, Outbox& out) {
  if (state_.expiry_frozen_until) return;
  const std::size_t fallen = state_.workers.silent_since(now.instant - kMassSilenceWindow);
  const std::size_t before = state_.workers.connected().size() + fallen;
  if (fallen < kMassSilenceWorkersMin || 100 * fallen < kMassSilencePercent * before) return;
  state_.expiry_frozen_until = now.instant + kExpiryFreezeMax;
  state_.expiry_notice =
      std::to_string(fallen) + " of " + std::to_string(before) +
      " workers fell silent at once: is the network all right? They keep what they hold for up to "
      "10 minutes more; see `landseer workers`";
  out.notices.push_back(state_.expiry_notice);
}

void Broker::thaw_expiry(const Now& now, Outbox& out) {
  if (!state_.expiry_frozen_until) return;
  const std::size_t silent = state_.workers.silent().size();
  if (silent > 0 && now.instant < *state_.expiry_frozen_until) return;
  state_.expiry_frozen_until.reset();
  state_.expiry_notice.clear();
  out.notices.push_back(silent == 0 ? "all workers that fell silent are back"
                                    : std::to_string(silent) +
                                          " workers are still silent: their leases end as usual");
}

void Broker::lose(WorkerRecord& worker, const Now& now, Outbox& out) {
  state_.workers.lost(worker);
  state_.workers.unbind_peer(worker);
  state_.workers.changed();
  take_back_all(worker, Outcome::kWorkerLost,
                worker.offer.name + " was not heard from for its lease", now, out);
}

std::optional<Instant> Broker::liveness_deadline() const {
  const WorkerTable& workers = state_.workers;
  std::optional<Instant> deadline;
  const auto add = [&](const WorkerTable::ByTime& set, Duration limit, Instant not_before) {
    if (set.empty()) return;
    const Instant due = std::max(set.begin()->first + limit, not_before);
    if (!deadline || due < *deadline) deadline = due;
  };
  add(workers.connected(), settings().silence(), doubt_until_);
  add(workers.gone(), settings().loss(), doubt_until_);
  const Instant thaw = state_.expiry_frozen_until.value_or(doubt_until_);
  add(workers.silent(), settings().loss(), std::max(thaw, doubt_until_));
  return deadline;
}

}  // namespace landseer::broker
