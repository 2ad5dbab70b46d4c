// Which attempt has a slot, and which comes next.
#include <algorithm>

#include "worker/core/agent.h"

namespace landseer::worker {
namespace {

constexpr Duration kGraceMax = std::chrono::seconds(10);

}  // namespace

/// A tool that is told to stop has this long to save what it can; less when the lease is short, so
/// that it is gone before the broker may give its task away.
Duration Agent::grace() const { return std::min(kGraceMax, lease_ / 6); }

/// It runs: its slot can be another's when it ends.
void Agent::occupied(Attempt& attempt) {
  attempt.phase = Phase::kRunning;
  if (!attempt.slot.empty()) ++places_[attempt.slot].running;
}

void Agent::no_longer_held(const AttemptKey& key, Attempt& attempt) {
  std::erase(held_, key);
  const auto place = places_.find(attempt.slot);
  if (--place->second.held == 0 && place->second.running == 0) places_.erase(place);
}

/// A held one was started where another one ended.
void Agent::took_over(const AttemptKey& key) {
  Attempt* attempt = find(key);
  if (attempt == nullptr || attempt->phase != Phase::kHeld) return;  // was started otherwise, too
  no_longer_held(key, *attempt);
  slots_.occupy(attempt->job.spec, attempt->gpus);
  occupied(*attempt);
}

void Agent::free_slot(Attempt& attempt, const Now& now) {
  if (const auto place = places_.find(attempt.slot); place != places_.end()) {
    if (--place->second.running == 0 && place->second.held == 0) places_.erase(place);
  }
  slots_.give_back(attempt.job.spec, attempt.gpus);
  for (const std::uint32_t gpu : attempt.gpus) {
    if (slots_.is_idle(gpu)) gpu_watch_.released(gpu, now);
  }
  attempt.gpus.clear();
  apply_gpu_watch();
}

/// What the watch says of each GPU, to the slots and, if it is news, to the broker.
void Agent::apply_gpu_watch() {
  for (protocol::GpuOffer& gpu : settings_.offer.gpus) {
    const bool is_watched = gpu.memory_bytes != 0;
    if (is_watched) slots_.set_usable(gpu.index, gpu_watch_.is_usable(gpu.index));
    std::string fault = is_watched ? gpu_watch_.fault(gpu.index) : gpu.fault;
    if (fault == gpu.fault) continue;
    gpu.fault = std::move(fault);
    offer_changed_ = true;
  }
}

/// What is held came before what is ready. The place it waits for may be taken meanwhile, but
/// another one is free.
void Agent::start_held(std::vector<Effect>& out) {
  const std::deque<AttemptKey> held = held_;
  for (const AttemptKey& key : held) {
    Attempt& attempt = attempts_.at(key);
    if (attempt.stopping || !slots_.take(attempt.job.spec)) continue;
    no_longer_held(key, attempt);
    occupied(attempt);
    out.push_back(StartHeld{key});
  }
}

/// One for each that runs and takes as much.
void Agent::hold_next(std::vector<Effect>& out) {
  std::size_t room = 0;
  for (const auto& [slot, place] : places_)
    room += place.running - std::min(place.running, place.held);
  for (auto it = ready_.begin(); can_hold_ && room > 0 && it != ready_.end();) {
    Attempt& attempt = attempts_.at(*it);
    attempt.slot = slot_of(attempt.job.spec);
    const auto place = places_.find(attempt.slot);
    if (place == places_.end() || place->second.held >= place->second.running) {
      ++it;
      continue;
    }
    ++place->second.held;
    --room;
    attempt.phase = Phase::kHeld;
    held_.push_back(*it);
    out.push_back(Run{*it, {}, grace(), attempt.slot, true});
    it = ready_.erase(it);
  }
}

void Agent::start_ready(std::vector<Effect>& out) {
  start_held(out);
  for (auto it = ready_.begin(); it != ready_.end();) {
    Attempt& attempt = attempts_.at(*it);
    auto gpus = slots_.take(attempt.job.spec);
    if (!gpus) {
      ++it;  // a smaller one behind it may fit
      continue;
    }
    attempt.gpus = *gpus;
    attempt.result.gpus = *gpus;
    for (const std::uint32_t gpu : *gpus) gpu_watch_.taken(gpu);
    attempt.slot = slot_of(attempt.job.spec);
    occupied(attempt);
    out.push_back(Run{*it, std::move(*gpus), grace(), attempt.slot});
    it = ready_.erase(it);
  }
  hold_next(out);
}

}  // namespace landseer::worker
