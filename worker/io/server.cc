#include "worker/io/server.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <span>

#include "common/net/clock.h"
#include "common/net/service.h"
#include "common/protocol/codec.h"
#include "landseer_version.h"
#include "worker/io/attempt_files.h"
#include "worker/io/gpu_choice.h"

namespace landseer::worker {
namespace {

/// Tools get up to ten seconds to stop, and the broker a moment to acknowledge.
constexpr Duration kShutdownMax = std::chrono::seconds(15);
/// Small data sets are known when the worker says Hello; larger ones are offered when they are.
constexpr Duration kDatasetsWait = std::chrono::milliseconds(500);
constexpr int kDrainMax = 1024;
constexpr int kTakeOversMax = 5;  // an executor that dies at once, every time, is a reason to end

std::uint64_t random_number() {
  std::uint64_t number = 0;
  static_cast<void>(getrandom(&number, sizeof number, 0));
  return number;
}

RunEnded run_ended(const Ended& ended) {
  return {ended.key,
          ended.outcome,
          ended.exit_code,
          ended.reason,
          ended.log_tail,
          WallTime{ended.started_at_ms},
          WallTime{ended.finished_at_ms},
          ended.cpu_ms,
          ended.memory_peak_bytes};
}

}  // namespace

Server::Server(const Options& options, ScratchFolder scratch, ArtifactStore store,
               AttemptFolders folders)
    : options_(options),
      scratch_(std::move(scratch)),
      store_(std::move(store)),
      folders_(std::move(folders)),
      host_(read_host_environment()),
      broker_(context_) {}

Result<std::unique_ptr<Server>> Server::start(const Options& options) {
  auto scratch = ScratchFolder::open(options.scratch);
  if (!scratch) return tl::make_unexpected(scratch.error());
  auto store = ArtifactStore::open(options.artifacts);
  if (!store) return tl::make_unexpected(store.error());
  auto folders = AttemptFolders::open(options.scratch);
  if (!folders) return tl::make_unexpected(folders.error());
  std::unique_ptr<Server> server(
      new Server(options, std::move(*scratch), std::move(*store), std::move(*folders)));
  // The executor first: it is forked while there are no threads.
  auto leftovers = server->take_over();
  if (!leftovers) return tl::make_unexpected(leftovers.error());
  if (auto started = server->start_threads(); !started) {
    return tl::make_unexpected(started.error());
  }
  if (auto connected = server->broker_.connect(options.broker); !connected) {
    return tl::make_unexpected(connected.error());
  }
  auto offer = server->offer();
  if (!offer) return tl::make_unexpected(offer.error());
  server->agent_ = std::make_unique<Agent>(AgentSettings{std::move(*offer), random_number()});
  server->adopt(*leftovers);
  return server;
}

Result<void> Server::start_threads() {
  // Libraries of drivers start threads.
  if (auto found = find_gpus(); !found) return found;
  datasets_ = std::make_shared<DatasetBook>(options_.datasets, options_.scratch + "/datasets");
  auto blobs = BlobServer::start(context_, store_, options_.data_bind);
  if (!blobs) return tl::make_unexpected(blobs.error());
  blobs_ = std::move(*blobs);
  WorkbenchOptions bench;
  bench.scratch = options_.scratch;
  bench.datasets = options_.datasets;
  bench.book = datasets_;
  bench.images = options_.images;
  auto workbench = Workbench::start(context_, store_, bench);
  if (!workbench) return tl::make_unexpected(workbench.error());
  workbench_ = std::move(*workbench);
  DiskLimits limits;
  limits.artifacts_max = options_.artifacts_max.bytes;
  limits.disk_min = options_.disk_min;
  if (limits.artifacts_max == 0) {
    auto disk = read_disk_space(store_.root());
    if (!disk) return tl::make_unexpected(disk.error());
    limits.artifacts_max = disk->size / 100 * options_.artifacts_max.percent;
  }
  disks_ = std::make_unique<DiskKeeper>(store_, folders_, options_.scratch, limits);
  datasets_->wait(kDatasetsWait);
  return {};
}

Result<protocol::Hello> Server::offer() const {
  protocol::Hello hello;
  hello.program_version = kProgramVersion;
  hello.uid = scratch_.uid();
  hello.name = options_.name;
  hello.instance = random_number();
  hello.cpus_milli = options_.cpus_milli;
  hello.memory_bytes = options_.memory_bytes;
  hello.gpus = gpus_;
  hello.labels = options_.labels;
  hello.runtimes = {options_.runtime};
  if (options_.runtime != "noop") hello.runtimes.push_back("noop");
  hello.datasets = datasets_->offers();
  hello.unfit = disks_->first_fitness();
  if (options_.artifact_mode == "shared") {
    auto id = store_.id();
    if (!id) return tl::make_unexpected(id.error());
    hello.store_id = *id;
  }
  hello.data_address = options_.data_address.empty() ? blobs_->address() : options_.data_address;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> hello.boot_id;
  return hello;
}

Result<void> Server::find_gpus() {
  std::unique_ptr<Nvml> nvml;
  if (options_.gpus != "none") {
    auto opened = Nvml::open(options_.nvml_library);
    if (opened) {
      nvml = std::move(*opened);
    } else if (opened.error().code == ErrorCode::kNotFound) {
      spdlog::info("no NVIDIA library: {}", opened.error().to_string());
    } else {
      spdlog::warn("no GPU can be asked: {}", opened.error().to_string());
    }
  }
  auto chosen =
      choose_gpus(options_.gpus, std::getenv("CUDA_VISIBLE_DEVICES"),
                  nvml ? nvml->gpus() : std::vector<protocol::GpuOffer>(), nvml != nullptr);
  if (!chosen) return tl::make_unexpected(chosen.error());
  gpus_ = std::move(*chosen);
  for (const protocol::GpuOffer& gpu : gpus_) {
    spdlog::info("GPU {}: {} {}", gpu.index, gpu.model, gpu.uuid);
  }
  gpu_monitor_ = std::make_unique<GpuMonitor>(std::move(nvml), gpus_);
  return {};
}

std::vector<protocol::GpuOffer> Server::gpus_of(const std::vector<std::uint32_t>& indices) const {
  std::vector<protocol::GpuOffer> found;
  for (const std::uint32_t index : indices) {
    for (const protocol::GpuOffer& gpu : gpus_) {
      if (gpu.index == index) found.push_back(gpu);
    }
  }
  return found;
}

Result<void> Server::attach_executor() {
  ExecutorPlace place;
  place.socket_path = options_.scratch + "/executor.sock";
  place.state_folder = options_.scratch + "/executor";
  auto client = ExecutorClient::start_or_attach(place);
  if (!client) return tl::make_unexpected(client.error());
  executor_ = std::make_unique<ExecutorClient>(std::move(*client));
  return {};
}

/// The executor that is met may be about to die, killed together with the former agent. Then the
/// next one knows what is left.
Result<Server::Leftovers> Server::take_over() {
  for (int attempt = 1;; ++attempt) {
    if (auto attached = attach_executor(); !attached) return tl::make_unexpected(attached.error());
    auto leftovers = find_leftovers();
    if (leftovers || attempt == kTakeOversMax) return leftovers;
    if (leftovers.error().code != ErrorCode::kUnavailable) return leftovers;
    spdlog::warn("the executor is lost ({}); starting another", leftovers.error().message);
  }
}

/// The executor greets with what has ended and what runs. Attempts without a job file are nobody's:
/// they are stopped, and the broker, which does not hear of them, gives their tasks out again.
Result<Server::Leftovers> Server::find_leftovers() {
  Leftovers leftovers;
  std::set<AttemptKey> stopping;
  bool listed = false;
  const auto take = [&](const AttemptKey& key) {
    auto started = read_job_file(folders_.paths(key, PipelineId{}).folder);
    if (!started) return false;
    leftovers.jobs.push_back(std::move(*started));
    return true;
  };
  while (!listed || !stopping.empty()) {
    auto received = executor_->receive();
    if (!received) return tl::make_unexpected(received.error());
    if (!*received) {
      std::array<net::PollItem, 1> items{{{nullptr, executor_->fd()}}};
      net::poll(items, Duration(-1));
    } else if (const auto* ended = std::get_if<Ended>(&**received)) {
      const bool known =
          std::any_of(leftovers.jobs.begin(), leftovers.jobs.end(),
                      [&](const StartedJob& started) { return started.job.key == ended->key; });
      if (stopping.erase(ended->key) == 0 && (known || take(ended->key))) {
        leftovers.ended.push_back(*ended);
      } else {
        tell_executor(Forget{ended->key});
      }
    } else if (const auto* inventory = std::get_if<Inventory>(&**received)) {
      listed = true;
      if (!inventory->unenforced.empty()) {
        spdlog::warn("no cgroup can be made here, so {} cannot be enforced; docs/operations.md",
                     inventory->unenforced);
      }
      for (const Launched& launched : inventory->running) {
        if (take(launched.key)) continue;
        stopping.insert(launched.key);
        tell_executor(Halt{launched.key});
      }
    }
  }
  return leftovers;
}

void Server::adopt(const Leftovers& leftovers) {
  for (const StartedJob& started : leftovers.jobs) {
    spdlog::info("going on with {}, attempt {}", to_string(started.job.key.task),
                 started.job.key.attempt);
    jobs_[started.job.key] = started.job;
    launches_.launched(started.job.key);
    workbench_->adopt(started.job);
    agent_->adopt(started.job, started.gpus);
  }
  for (const AttemptKey& key : workbench_->found()) {
    if (!jobs_.contains(key)) workbench_->submit(Discard{key});
  }
  for (const Ended& ended : leftovers.ended) {
    launches_.ended(ended.key);
    handle(run_ended(ended));
  }
}

Result<void> Server::run(net::SignalWatch& signals) {
  bool ready = false;
  for (;;) {
    wait(signals);
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
  std::array<net::PollItem, 7> all{{{&broker_},
                                    {nullptr, executor_->fd()},
                                    {nullptr, workbench_->fd()},
                                    {nullptr, datasets_->fd()},
                                    {nullptr, disks_->fd()},
                                    {nullptr, signals.fd()},
                                    {nullptr, gpu_monitor_->fd()}}};
  const std::span<net::PollItem> items(all.data(), gpu_monitor_->fd() < 0 ? 6 : 7);
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

void Server::receive_threads() {
  const auto tell = [&](const auto& events) {
    for (const auto& event : events) {
      std::visit([&](const auto& what) { handle(Event(what)); }, event);
    }
  };
  // What is offered before what follows from it.
  if (datasets_->changed()) handle(DatasetsChanged{datasets_->take_offers()});
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
    event.gpu_memory_peak_bytes = gpu_monitor_->end(ended->key);
    handle(event);
  }
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
  workbench_->submit(effect);
}

void Server::perform(const Run& effect) {
  const auto job = jobs_.find(effect.key);
  const auto paths = workbench_->folders(effect.key);
  if (job == jobs_.end() || !paths) return;
  const ProcessFolders folders{
      options_.images,        paths->folder.string(),     paths->input.string(),
      paths->output.string(), paths->checkpoint.string(), paths->log.string()};
  const auto grace_ms = std::chrono::duration_cast<std::chrono::milliseconds>(effect.grace).count();
  auto launch = make_process_launch(job->second, gpus_of(effect.gpus), folders, host_,
                                    static_cast<std::uint64_t>(grace_ms));
  // Unique on the host, and known to whoever comes after us.
  if (launch && launch->cgroup.empty())
    launch->cgroup = "landseer/" + scratch_.uid() + "/" + to_string(effect.key);
  Result<void> started;
  if (!launch) {
    started = tl::make_unexpected(launch.error());
  } else if (started = write_job_file(paths->folder, {job->second, effect.gpus}); started) {
    started = executor_->send(*launch);
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
  ended.finished_at = net::now().wall;
  handle(ended);
}

void Server::perform(const StopRun& effect) { tell_executor(Halt{effect.key}); }

void Server::perform(const Capture& effect) { workbench_->submit(effect); }

void Server::perform(const CaptureCheckpoint& effect) { workbench_->submit(effect); }

void Server::perform(const RemoveArtifacts& effect) { disks_->remove(effect); }

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
  if (!streams_) streams_ = std::make_unique<StreamServer>(store_, folders_);
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
