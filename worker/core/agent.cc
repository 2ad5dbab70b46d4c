#include "worker/core/agent.h"

#include <algorithm>
#include <set>

#include "common/domain/config.h"
#include "common/protocol/limits.h"
#include "worker/core/batches.h"

namespace landseer::worker {
namespace {

using protocol::Outcome;

constexpr const char* kNoopRuntime = "noop";
/// Until the broker says how often it wants to hear us.
constexpr Duration kHelloFirst = std::chrono::milliseconds(250);
constexpr Duration kHelloMax = std::chrono::seconds(2);
/// A tool that is told to stop has this long to save what it can; less when the lease is short, so
/// that it is gone before the broker may give its task away.
constexpr Duration kGraceMax = std::chrono::seconds(10);
/// After it was asked to end, for others that fetch checkpoints from it. Whoever asked waits for 15
/// seconds, docs/operations.md.
constexpr Duration kStayMax = std::chrono::seconds(13);
/// Heartbeats under way: the session is doubted after four without any message.
constexpr std::size_t kBeatsMax = 64;
/// Attempts remembered after their end: an Assign that comes twice comes soon.
constexpr std::size_t kDoneMax = 65'536;
/// Messages stay far below the frame limit.
constexpr std::size_t kResultsBytesMax = 1024 * 1024;

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Every declared metric as null: the evaluation did not run.
std::string null_metrics(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string text = "{";
  for (const std::string& name : names) {
    if (text.size() > 1) text += ",";
    domain::append_json_string(text, name);
    text += ":null";
  }
  return text + "}";
}

/// Whether a later attempt of the task is likely. One that a user cancelled has none; a host that
/// cannot start tools has nothing to save.
bool may_go_on(Outcome outcome) {
  return outcome != Outcome::kCancelled && outcome != Outcome::kRuntimeError;
}

}  // namespace

Agent::Agent(AgentSettings settings)
    : settings_(std::move(settings)), slots_(settings_.offer), gpu_watch_(settings_.offer.gpus) {
  apply_gpu_watch();
}

Instant Agent::next_deadline() const {
  const Instant next = is_waiting_to_leave() ? std::min(next_speech_, ask_again_) : next_speech_;
  return std::min(next, gpu_watch_.next_deadline().value_or(next));
}

Agent::Attempt* Agent::find(const AttemptKey& key) {
  const auto found = attempts_.find(key);
  return found != attempts_.end() ? &found->second : nullptr;
}

void Agent::adopt(const AttemptJob& job, const std::vector<std::uint32_t>& gpus) {
  Attempt& attempt = attempts_[job.key];
  attempt.job = job;
  attempt.phase = Phase::kRunning;
  attempt.gpus = gpus;
  attempt.result.gpus = gpus;
  attempt.result.epoch = job.key.epoch;
  attempt.result.task = job.key.task;
  attempt.result.attempt = job.key.attempt;
  attempt.result.dataset_content = job.spec.dataset_content;  // what it was prepared with
  attempt.result.image_content = job.spec.image_content;
  slots_.occupy(job.spec, gpus);
  for (const std::uint32_t gpu : gpus) gpu_watch_.taken(gpu);
  apply_gpu_watch();
}

void Agent::handle(const Event& event, const Now& now, std::vector<Effect>& out) {
  std::visit([&](const auto& what) { on(what, now, out); }, event);
}

void Agent::settle(const Now& now, std::vector<Effect>& out) {
  gpu_watch_.settle(now, out);
  start_ready(out);
  if (session_ != 0) {
    if (shutting_down_ && !said_leaving_) {
      out.push_back(Send{protocol::Leaving{session_}});
      said_leaving_ = true;
    }
    // Before what follows from it: a result may be judged by the image it names.
    if (offer_changed_) {
      const protocol::Hello& offer = settings_.offer;
      out.push_back(
          Send{protocol::Offer{session_, offer.gpus, offer.datasets, offer.images, offer.unfit}});
      offer_changed_ = false;
    }
    if (looked_ != 0) {
      out.push_back(Send{protocol::ContentsChecked{session_, std::exchange(looked_, 0)}});
    }
    in_batches(started_, [&](auto part) {
      out.push_back(Send{protocol::Started{session_, std::move(part)}});
    });
    send_holdings(out);
    send_results(out);
    leave(now, out);
  }
  if (now.instant >= next_speech_) speak(now, out);
}

void Agent::connection_lost(const Now& now) {
  session_ = 0;
  next_speech_ = now.instant + kHelloFirst;
}

bool Agent::finished() const {
  return shutting_down_ && (said_goodbye_ || (session_ == 0 && attempts_.empty()));
}

// --- Attempts ---

void Agent::accept(AttemptJob job, const Now& now, std::vector<Effect>& out) {
  const AttemptKey key = job.key;
  if (done_.contains(key)) return;  // said again, after it was over
  const auto [found, added] = attempts_.try_emplace(key);
  if (!added) return;  // said twice
  Attempt& attempt = found->second;
  attempt.job = std::move(job);
  attempt.result.epoch = key.epoch;
  attempt.result.task = key.task;
  attempt.result.attempt = key.attempt;
  if (shutting_down_) {
    report(key, Outcome::kReturned, "the worker is stopping", out);
  } else if (attempt.job.spec.runtime == kNoopRuntime) {
    attempt.result.started_at = attempt.result.finished_at = now.wall.unix_ms;
    report(key, Outcome::kSucceeded, {}, out);
  } else {
    out.push_back(Prepare{attempt.job});
  }
}

void Agent::on(const Prepared& event, const Now& now, std::vector<Effect>& out) {
  fetched_.insert(fetched_.end(), event.fetched.begin(), event.fetched.end());
  bytes_fetched_ += event.bytes_fetched;
  for (const Digest& artifact : event.fetched) spare(artifact);
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kPreparing) return;
  attempt->result.dataset_content = event.dataset_content;
  attempt->result.image_content = event.image_content;
  if (!event.missing_required.empty()) {
    attempt->result.evaluation_skipped = true;
    attempt->result.metrics = null_metrics(attempt->job.spec.metrics);
    attempt->result.started_at = attempt->result.finished_at = now.wall.unix_ms;
    report(event.key, Outcome::kSucceeded,
           "skipped: nobody produced " + join(event.missing_required), out);
    return;
  }
  attempt->phase = Phase::kReady;
  ready_.push_back(event.key);
}

void Agent::on(const PrepareFailed& event, const Now&, std::vector<Effect>& out) {
  if (!event.missing_input.empty()) dropped_.push_back(event.missing_input);
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kPreparing) return;
  attempt->result.missing_input = event.missing_input;
  attempt->result.host_is_well = event.host_is_well;
  report(event.key, event.outcome, event.reason, out);
}

void Agent::on(const RunStarted& event, const Now&, std::vector<Effect>&) {
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kRunning || attempt->unwanted) return;
  attempt->result.started_at = event.at.unix_ms;
  started_.push_back({event.key, event.at.unix_ms, attempt->gpus});
}

void Agent::on(const RunEnded& event, const Now& now, std::vector<Effect>& out) {
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kRunning) return;
  free_slot(*attempt, now);
  if (attempt->unwanted) {
    forget(event.key, out);
    return;
  }
  attempt->result.exit_code = event.exit_code;
  attempt->result.host_is_well = event.host_is_well;
  attempt->result.log_tail = event.log_tail;
  if (event.started_at.unix_ms != 0) attempt->result.started_at = event.started_at.unix_ms;
  attempt->result.finished_at = event.finished_at.unix_ms;
  attempt->result.cpu_ms = event.cpu_ms;
  attempt->result.memory_peak_bytes = event.memory_peak_bytes;
  attempt->result.gpu_memory_peak_bytes = event.gpu_memory_peak_bytes;
  if (event.outcome == Outcome::kSucceeded) {
    attempt->phase = Phase::kCapturing;
    out.push_back(Capture{event.key});
    return;
  }
  const bool is_wanted_back = shutting_down_ || attempt->recalled;
  const bool given_back = is_wanted_back && event.outcome == Outcome::kCancelled;
  attempt->result.outcome = given_back ? Outcome::kReturned : event.outcome;
  attempt->result.reason = event.reason;
  if (may_go_on(attempt->result.outcome)) {
    attempt->phase = Phase::kSaving;
    out.push_back(CaptureCheckpoint{event.key});
    return;
  }
  report(event.key, attempt->result.outcome, event.reason, out);
}

void Agent::on(const Captured& event, const Now&, std::vector<Effect>& out) {
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kCapturing) return;
  attempt->result.artifact = event.artifact;
  attempt->result.artifact_bytes = event.bytes;
  spare(event.artifact);
  attempt->result.metrics = event.metrics;
  attempt->result.evaluation_skipped = event.evaluation_skipped;
  attempt->result.log_tail.clear();
  report(event.key, Outcome::kSucceeded, event.skip_reason, out);
}

void Agent::on(const CaptureFailed& event, const Now&, std::vector<Effect>& out) {
  const Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kCapturing) return;
  report(event.key, event.outcome, event.reason, out);
}

void Agent::report(const AttemptKey& key, Outcome outcome, std::string reason,
                   std::vector<Effect>& out) {
  Attempt& attempt = attempts_.at(key);
  if (attempt.unwanted) {
    forget(key, out);
    return;
  }
  attempt.phase = Phase::kReported;
  attempt.result.outcome = outcome;
  attempt.result.reason = std::move(reason);
  unsent_.push_back(key);
}

void Agent::forget(const AttemptKey& key, std::vector<Effect>& out) {
  const Attempt& attempt = attempts_.at(key);
  if (attempt.job.spec.runtime != kNoopRuntime) out.push_back(Discard{key});
  attempts_.erase(key);
  done_.insert(key);
  if (done_.size() > kDoneMax) done_.erase(done_.begin());
}

/// Ends an attempt wherever it stands; `outcome` is what is reported if nothing runs.
void Agent::stop(const AttemptKey& key, Outcome outcome, std::vector<Effect>& out) {
  Attempt& attempt = attempts_.at(key);
  switch (attempt.phase) {
    case Phase::kReady:
      std::erase(ready_, key);
      [[fallthrough]];
    case Phase::kPreparing:
      report(key, outcome, outcome == Outcome::kCancelled ? "cancelled" : "given back", out);
      break;
    case Phase::kRunning:
      if (!attempt.stopping) out.push_back(StopRun{key});
      attempt.stopping = true;
      break;
    case Phase::kCapturing:  // over in a moment, as the next
    case Phase::kSaving:
      break;
    case Phase::kReported:
      if (attempt.unwanted) forget(key, out);
      break;
  }
}

void Agent::free_slot(Attempt& attempt, const Now& now) {
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

void Agent::start_ready(std::vector<Effect>& out) {
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
    attempt.phase = Phase::kRunning;
    out.push_back(Run{*it, std::move(*gpus), std::min(kGraceMax, lease_ / 6)});
    it = ready_.erase(it);
  }
}

void Agent::send_results(std::vector<Effect>& out) {
  protocol::Results message{session_, {}};
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (!message.results.empty()) out.push_back(Send{message});
    message.results.clear();
    bytes = 0;
  };
  for (const AttemptKey& key : unsent_) {
    Attempt* attempt = find(key);
    if (attempt == nullptr || attempt->sent) continue;
    attempt->sent = true;
    message.results.push_back(attempt->result);
    bytes += 200 + attempt->result.log_tail.size() + attempt->result.metrics.size() +
             attempt->result.reason.size();
    if (message.results.size() >= protocol::kBatchMax || bytes >= kResultsBytesMax) flush();
  }
  flush();
  unsent_.clear();
}

// --- What is offered ---

void Agent::on(const GpusChanged& event, const Now&, std::vector<Effect>&) {
  settings_.offer.gpus = event.gpus;
  offer_changed_ = true;
}

void Agent::on(const DatasetsChanged& event, const Now&, std::vector<Effect>&) {
  settings_.offer.datasets = event.datasets;
  offer_changed_ = true;
}

void Agent::on(const ImagesChanged& event, const Now&, std::vector<Effect>&) {
  settings_.offer.images = event.images;
  offer_changed_ = true;
}

void Agent::on(const ContentsLooked& event, const Now&, std::vector<Effect>&) {
  looked_ = std::max(looked_, event.number);
}

void Agent::on(const FitnessChanged& event, const Now&, std::vector<Effect>&) {
  settings_.offer.unfit = event.unfit;
  offer_changed_ = true;
}

void Agent::on(const GpusChecked& event, const Now& now, std::vector<Effect>&) {
  for (const GpuReading& reading : event.readings) gpu_watch_.on_reading(reading, now);
  apply_gpu_watch();
}

// --- The conversation ---

void Agent::speak(const Now& now, std::vector<Effect>& out) {
  if (session_ != 0 && now.instant - last_heard_ > 4 * heartbeat_) session_ = 0;
  if (session_ != 0) {
    ++beat_;
    beats_sent_.push_back(now.instant);
    if (beats_sent_.size() > kBeatsMax) beats_sent_.pop_front();
    out.push_back(Send{protocol::Heartbeat{session_, beat_}});
    next_speech_ = now.instant + heartbeat_;
    return;
  }
  protocol::Hello hello = settings_.offer;
  for (const auto& [key, attempt] : attempts_) {
    if (!attempt.unwanted) hello.held.push_back(key);
  }
  hello.number = ++hello_number_;
  offer_changed_ = false;
  hello_answered_ = false;
  hello_sent_ = now.instant;
  out.push_back(Send{std::move(hello)});
  // Doubling, spread by a fifth, so that a restarted broker is not met by all workers at once.
  Duration pause = kHelloFirst;
  for (std::uint32_t i = 0; i < hellos_ && pause < kHelloMax; ++i) pause *= 2;
  pause = std::min(pause, kHelloMax);
  const std::uint64_t mix = (settings_.seed + hellos_) * 0x9E3779B97F4A7C15ull >> 54;
  next_speech_ = now.instant + pause + pause / 5 * static_cast<std::int64_t>(mix) / 1024;
  ++hellos_;
}

/// The executor ends what runs before the broker may give it away: a quarter of the lease earlier,
/// at most 15 seconds. docs/protocol.md, "Leases".
void Agent::renew_lease(Instant sent, std::vector<Effect>& out) {
  const Duration margin = std::min<Duration>(std::chrono::seconds(15), lease_ / 4);
  lease_end_ = sent + (lease_ - margin);
  out.push_back(RenewLease{lease_end_});
}

void Agent::on(const Received& event, const Now& now, std::vector<Effect>& out) {
  last_heard_ = now.instant;
  std::visit([&](const auto& message) { on_message(message, now, out); }, event.message);
}

void Agent::on(const ShutdownRequested&, const Now& now, std::vector<Effect>& out) {
  if (shutting_down_) return;
  shutting_down_ = true;
  leave_by_ = now.instant + kStayMax;
  std::vector<AttemptKey> keys;
  for (const auto& [key, attempt] : attempts_) keys.push_back(key);
  for (const AttemptKey& key : keys) stop(key, Outcome::kReturned, out);
}

void Agent::on_message(const protocol::Welcome& m, const Now& now, std::vector<Effect>& out) {
  // Answers an earlier one, and the right one follows; or it is said twice, and out of date.
  if (m.hello != hello_number_ || hello_answered_) return;
  hello_answered_ = true;
  if (early_session_ >= m.session) {
    // What overtook it is lost; another Hello settles that.
    next_speech_ = now.instant;
    return;
  }
  done_.clear();
  asked_.clear();
  said_leaving_ = false;
  epoch_ = m.epoch;
  session_ = m.session;
  heartbeat_ = std::chrono::milliseconds(m.heartbeat_ms);
  lease_ = std::chrono::milliseconds(m.lease_ms);
  // After a second Hello the broker waits for a sign that this worker hears.
  next_speech_ = hellos_ > 1 ? now.instant : now.instant + heartbeat_;
  hellos_ = 0;
  beats_sent_.clear();
  renew_lease(hello_sent_, out);
  std::set<AttemptKey> keep;
  for (const auto& verdict : m.verdicts) {
    if (verdict.keep) keep.insert(verdict.attempt);
  }
  std::vector<AttemptKey> keys;
  for (const auto& [key, attempt] : attempts_) keys.push_back(key);
  unsent_.clear();
  for (const AttemptKey& key : keys) {
    Attempt& attempt = attempts_.at(key);
    if (keep.contains(key)) {
      attempt.sent = false;
      if (attempt.phase == Phase::kReported) unsent_.push_back(key);
    } else {
      attempt.unwanted = true;
      stop(key, Outcome::kReturned, out);
    }
  }
}

bool Agent::is_current(std::uint64_t session) {
  if (session > session_) early_session_ = std::max(early_session_, session);
  return session == session_;
}

void Agent::on_message(const protocol::Rehello&, const Now& now, std::vector<Effect>&) {
  session_ = 0;
  next_speech_ = now.instant;
}

void Agent::on_message(const protocol::Refused& m, const Now&, std::vector<Effect>&) {
  refused_ = Error{m.code, "the broker refused this worker: " + m.message, "", m.hint};
}

void Agent::on_message(const protocol::HeartbeatReply& m, const Now&, std::vector<Effect>& out) {
  // On a slow network several are under way: any answer tells from when it was asked.
  const std::uint64_t behind = beat_ - m.number;
  if (m.session != session_ || m.number > beat_ || behind >= beats_sent_.size()) return;
  renew_lease(*(beats_sent_.end() - 1 - static_cast<std::ptrdiff_t>(behind)), out);
  beats_sent_.erase(beats_sent_.begin(), beats_sent_.end() - static_cast<std::ptrdiff_t>(behind));
}

void Agent::on_message(const protocol::Assign& m, const Now& now, std::vector<Effect>& out) {
  if (!is_current(m.session) || m.epoch != epoch_) return;
  for (const auto& assignment : m.attempts) {
    if (assignment.spec >= m.specs.size()) continue;
    accept({{m.epoch, assignment.task, assignment.attempt},
            assignment.pipeline,
            m.specs[assignment.spec],
            assignment.config,
            assignment.inputs,
            assignment.checkpoint},
           now, out);
  }
}

void Agent::on_message(const protocol::ResultsAck& m, const Now&, std::vector<Effect>& out) {
  if (m.session != session_) return;
  for (const AttemptKey& key : m.attempts) {
    const Attempt* attempt = find(key);
    if (attempt != nullptr && attempt->phase == Phase::kReported) forget(key, out);
  }
}

void Agent::on_message(const protocol::Stop& m, const Now&, std::vector<Effect>& out) {
  if (!is_current(m.session)) return;
  for (const AttemptKey& key : m.attempts) {
    Attempt* attempt = find(key);
    if (attempt == nullptr) continue;
    attempt->recalled = false;
    stop(key, Outcome::kCancelled, out);
  }
}

void Agent::on_message(const protocol::Recall& m, const Now&, std::vector<Effect>& out) {
  if (!is_current(m.session)) return;
  for (const AttemptKey& key : m.attempts) {
    Attempt* attempt = find(key);
    if (attempt == nullptr) continue;
    // One that is being cancelled stays so: its task does not go on.
    attempt->recalled = !attempt->stopping;
    stop(key, Outcome::kReturned, out);
  }
}

void Agent::on_message(const protocol::CheckContents& m, const Now&, std::vector<Effect>& out) {
  if (is_current(m.session)) out.push_back(LookAtContents{m.number, m.dataset, m.variant});
}

void Agent::on_message(const protocol::Attend& m, const Now&, std::vector<Effect>& out) {
  if (m.session == session_) out.push_back(ServeStreams{{m.session, m.key}});
}

}  // namespace landseer::worker
