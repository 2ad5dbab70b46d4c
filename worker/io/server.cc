#include "worker/io/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <span>

#include "common/net/clock.h"
#include "common/net/service.h"
#include "common/protocol/codec.h"
#include "worker/io/attempt_files.h"

namespace landseer::worker {
namespace {

/// Tools get up to ten seconds to stop, and the broker a moment to acknowledge.
constexpr Duration kShutdownMax = std::chrono::seconds(15);
constexpr int kDrainMax = 1024;

}  // namespace

Result<void> Server::run(net::SignalWatch& signals) {
  bool ready = false;
  for (;;) {
    wait(signals);
    if (auto open = look_at_door(ready); !open) return open;
    receive_broker();
    if (auto received = receive_executor(); !received) return received;
    receive_threads();
    agent_->settle(net::now(), effects_);
    perform(std::exchange(effects_, {}));
    if (agent_->refused()) return tl::make_unexpected(*agent_->refused());
    if (!ready && agent_->connected()) {
      std::cout << "ready " << options_.broker << ' ' << blobs_->address() << std::endl;
      net::notify_service("READY=1");
      ready = true;
    }
    const bool late = shutdown_deadline_ != Instant{} && net::now().instant > shutdown_deadline_;
    if (agent_->finished() || late) {
      tell_executor(Quit{});
      return {};
    }
  }
}

void Server::wait(net::SignalWatch& signals) {
  // Without GPUs the last is none, and is not polled.
  std::array<net::PollItem, 9> all{{{&broker_},
                                    {&broker_watch_},
                                    {nullptr, executor_->fd()},
                                    {nullptr, workbench_->fd()},
                                    {nullptr, datasets_->fd()},
                                    {nullptr, images_->fd()},
                                    {nullptr, disks_->fd()},
                                    {nullptr, signals.fd()},
                                    {nullptr, gpu_monitor_->fd()}}};
  const std::span<net::PollItem> items(all.data(), gpu_monitor_->fd() < 0 ? 8 : 9);
  Instant deadline = agent_->next_deadline();
  if (shutdown_deadline_ != Instant{}) deadline = std::min(deadline, shutdown_deadline_);
  net::poll(items, std::max(deadline - net::now().instant, Duration::zero()));
  if (const int signal = signals.take(); signal != 0) {
    spdlog::info("signal {}: giving back {} attempts", signal, agent_->attempts());
    net::notify_service("STOPPING=1");
    shutdown_deadline_ = net::now().instant + kShutdownMax;
    handle(ShutdownRequested{});
  }
}

/// Who is not let in at the start ends; later it may be the broker's mistake, soon mended.
Result<void> Server::look_at_door(bool was_welcome) {
  static_cast<void>(broker_watch_.take());
  const net::Refusal refusal = broker_watch_.refusal();
  if (refusal == told_refusal_) return {};
  told_refusal_ = refusal;
  if (refusal == net::Refusal::kNone) return {};
  const std::string name = options_.key ? "'" + options_.key->name + "'" : "none";
  const Error error{
      ErrorCode::kNotAllowed,
      refusal == net::Refusal::kKey
          ? "the broker does not accept this worker's key, " + name
          : "this worker and the broker do not have matching keys; the worker's is " + name,
      options_.broker,
      "on the broker's host, `landseer keys list` shows whose it accepts, and `landseer keys add "
      "NAME --role worker` makes another; it belongs here as worker.key"};
  if (!was_welcome) return tl::make_unexpected(error);
  spdlog::warn("{}; trying again", error.to_string());
  return {};
}

void Server::receive_threads() {
  const auto tell = [&](const auto& events) {
    for (const auto& event : events) {
      std::visit([&](const auto& what) { handle(Event(what)); }, event);
    }
  };
  // What is offered before what follows from it.
  const std::uint64_t looked = datasets_->take_looked();
  if (datasets_->changed()) handle(DatasetsChanged{datasets_->take_offers()});
  if (images_->changed()) handle(ImagesChanged{images_->take_offers()});
  if (looked != 0) handle(ContentsLooked{looked});
  tell(disks_->take_events());
  for (const auto& event : workbench_->take_events()) {
    if (const auto* prepared = std::get_if<Prepared>(&event)) {
      // What the attempt runs with is known to the next agent, too.
      const auto job = jobs_.find(prepared->key);
      if (job != jobs_.end()) job->second.spec.image_content = prepared->image_content;
    }
    std::visit([&](const auto& what) { handle(Event(what)); }, event);
  }
  for (const GpusChecked& event : gpu_monitor_->take_events()) handle(event);
}

void Server::receive_broker() {
  for (int i = 0; i < kDrainMax; ++i) {
    const auto frame = broker_.receive();
    if (!frame) return;
    auto decoded = protocol::decode_to_worker(*frame);
    if (!decoded) {
      spdlog::warn("dropped a message of the broker, {} so far: {}", ++bad_frames_,
                   decoded.error().message);
      agent_->connection_lost(net::now());  // what it said is lost: Hello settles it
      continue;
    }
    if (const auto* welcome = std::get_if<protocol::Welcome>(&decoded->message)) {
      spdlog::info("the broker knows this worker as {}", to_string(welcome->worker));
      bulk_address_ = welcome->bulk_address;
      workbench_->set_bulk_address(bulk_address_);
    }
    handle(Received{std::move(decoded->message)});
  }
}

Result<void> Server::receive_executor() {
  static_cast<void>(executor_->flush());
  for (;;) {
    auto received = executor_->receive();
    if (!received) {
      spdlog::error("the executor is lost ({}); starting another", received.error().message);
      launches_.connection_lost();
      if (auto attached = attach_executor(); !attached) return attached;
      // It would let tools run for a whole lease more, although nobody was heard.
      perform(agent_->lease());
      continue;
    }
    if (!*received) return {};
    on_executor(**received);
  }
}

void Server::on_executor(const FromExecutor& message) {
  if (const auto* inventory = std::get_if<Inventory>(&message)) {
    agent_->set_holding(inventory->can_hold);
    for (const AttemptKey& key : launches_.settle(inventory->running)) {
      RunEnded ended;
      ended.key = key;
      ended.outcome = protocol::Outcome::kReturned;
      ended.reason = "the worker's executor was lost before it started the tool";
      ended.finished_at = net::now().wall;
      handle(ended);
    }
  } else if (const auto* launched = std::get_if<Launched>(&message)) {
    handle(RunStarted{launched->key, WallTime{launched->started_at_ms}});
  } else if (const auto* ended = std::get_if<Ended>(&message)) {
    launches_.ended(ended->key);
    if (!jobs_.contains(ended->key)) tell_executor(Forget{ended->key});
    RunEnded event = run_ended(*ended);
    blame_full_disk(event);
    event.gpu_memory_peak_bytes = gpu_monitor_->end(ended->key);
    handle(event);
  }
}

RunEnded Server::run_ended(Ended ended) const {
  const auto job = jobs_.find(ended.key);
  const Runtime* const runtime =
      job == jobs_.end() ? nullptr : runtimes_->find(job->second.spec.runtime);
  if (runtime != nullptr) runtime->judge(ended);
  return {ended.key,
          ended.outcome,
          ended.exit_code,
          ended.reason,
          ended.log_tail,
          WallTime{ended.started_at_ms},
          WallTime{ended.finished_at_ms},
          ended.cpu_ms,
          ended.memory_peak_bytes,
          0,
          ended.host_is_well,
          ended.next};
}

/// A tool that fails while there is less space than the host promises fails for that, as far as
/// anybody can tell.
void Server::blame_full_disk(RunEnded& ended) const {
  if (ended.outcome != protocol::Outcome::kExitCode &&
      ended.outcome != protocol::Outcome::kSignal) {
    return;
  }
  const std::string unfit = disks_->fitness_now();
  if (unfit.empty()) return;
  ended.outcome = protocol::Outcome::kRuntimeError;
  ended.reason += ", with the " + unfit;
}

void Server::handle(const Event& event) {
  agent_->handle(event, net::now(), effects_);
  perform(std::exchange(effects_, {}));
}

void Server::perform(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    std::visit([&](const auto& what) { perform(what); }, effect);
  }
}

void Server::perform(const Send& effect) {
  if (!broker_.send(protocol::encode(effect.message))) agent_->connection_lost(net::now());
}

void Server::perform(const Prepare& effect) {
  jobs_[effect.job.key] = effect.job;
  images_->learn(effect.job.spec.runtime, effect.job.spec.image);
  workbench_->submit(effect);
}

void Server::perform(const Run& effect) {
  const auto job = jobs_.find(effect.key);
  const auto paths = workbench_->folders(effect.key);
  if (job == jobs_.end() || !paths) return;
  const auto grace_ms = std::chrono::duration_cast<std::chrono::milliseconds>(effect.grace).count();
  const Runtime* const runtime = runtimes_->find(job->second.spec.runtime);
  auto secrets = options_.secrets.values_for(job->second.spec.env);
  Result<void> started;
  if (!secrets) {
    started = tl::make_unexpected(secrets.error());
  } else if (runtime == nullptr) {
    started = fail(ErrorCode::kNotFound,
                   "this worker does not run tools with " + job->second.spec.runtime);
  } else if (auto launch = runtime->make_launch(
                 {job->second, *paths, gpus_of(effect.gpus), static_cast<std::uint64_t>(grace_ms),
                  place_of(to_string(effect.key)), cgroup_root_, std::move(*secrets)});
             !launch) {
    started = tl::make_unexpected(launch.error());
  } else {
    // Without GPUs it says what it said when the attempt was prepared.
    if (!effect.gpus.empty()) started = write_job_file(paths->folder, {job->second, effect.gpus});
    launch->slot = effect.slot;
    launch->held = effect.held;
    if (started) started = executor_->send(std::move(*launch));
  }
  // A lost executor is noticed, and replaced, where its answers are read.
  if (started || started.error().code == ErrorCode::kUnavailable) {
    launches_.launched(effect.key);
    // What one of several uses of a shared GPU cannot be told.
    constexpr std::uint32_t kWholeMilli = 1000;
    if (job->second.spec.gpus_milli >= kWholeMilli) gpu_monitor_->begin(effect.key, effect.gpus);
    return;
  }
  RunEnded ended;
  ended.key = effect.key;
  ended.outcome = protocol::Outcome::kRuntimeError;
  ended.reason = started.error().to_string();
  ended.host_is_well = is_about_task(started.error());
  ended.finished_at = net::now().wall;
  handle(ended);
}

void Server::perform(const StopRun& effect) { tell_executor(Halt{effect.key}); }

void Server::perform(const StartHeld& effect) { tell_executor(Start{effect.key}); }

void Server::perform(const Capture& effect) { workbench_->submit(effect); }

void Server::perform(const CaptureCheckpoint& effect) { workbench_->submit(effect); }

void Server::perform(const RemoveArtifacts& effect) { disks_->remove(effect); }

/// Images first, for that is done at once.
void Server::perform(const LookAtContents& effect) {
  images_->take_news();
  if (images_->changed()) handle(ImagesChanged{images_->take_offers()});
  datasets_->look({effect.number, effect.dataset, effect.variant});
}

void Server::perform(const Discard& effect) {
  jobs_.erase(effect.key);
  workbench_->submit(effect);
  tell_executor(Forget{effect.key});
}

void Server::perform(const RenewLease& effect) {
  using std::chrono::milliseconds;
  const Duration remaining = std::max(effect.until - net::now().instant, Duration::zero());
  // At least 1, for 0 means that nothing is said.
  const std::int64_t until_ms = std::max<std::int64_t>(effect.until.nanoseconds / 1'000'000, 1);
  tell_executor(
      Renew{static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(remaining).count()),
            static_cast<std::uint64_t>(until_ms)});
}

void Server::perform(const ServeStreams& effect) {
  if (!streams_) streams_ = std::make_unique<StreamServer>(store_, folders_, broker_keys(options_));
  streams_->attend(bulk_address_, effect.attach);
}

void Server::perform(const CheckGpus& effect) { gpu_monitor_->check(effect.indices); }

void Server::tell_executor(const ToExecutor& message) {
  if (auto sent = executor_->send(message); !sent) {
    // A lost executor is noticed, and replaced, where its answers are read.
    spdlog::warn("cannot tell the executor: {}", sent.error().message);
  }
}

}  // namespace landseer::worker
