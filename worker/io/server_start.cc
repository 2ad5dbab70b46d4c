/// What the worker's loop is built of, and what an earlier agent left to it.
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <set>

#include "common/config/rendezvous.h"
#include "common/domain/secret_reference.h"
#include "common/net/library_check.h"
#include "landseer_version.h"
#include "worker/io/attempt_files.h"
#include "worker/io/gpu_choice.h"
#include "worker/io/host_resources.h"
#include "worker/io/server.h"

namespace landseer::worker {
namespace {

/// Small data sets and images are known when the worker says Hello, others are offered when they
/// are.
constexpr Duration kContentsWait = std::chrono::milliseconds(500);
constexpr int kTakeOversMax = 5;  // an executor that dies at once, every time, is a reason to end

std::uint64_t random_number() {
  std::uint64_t number = 0;
  static_cast<void>(!getrandom(&number, sizeof number, 0));
  return number;
}

}  // namespace

Server::Server(const Options& options, ScratchFolder scratch, ArtifactStore store,
               AttemptFolders folders)
    : options_(options),
      scratch_(std::move(scratch)),
      store_(std::move(store)),
      folders_(std::move(folders)),
      host_variables_(read_host_variables()),
      host_environment_(read_host_environment()),
      broker_(context_),
      broker_watch_(context_, broker_) {}

Result<std::unique_ptr<Server>> Server::start(const Options& options) {
  if (auto good = net::check_library(); !good) return tl::make_unexpected(good.error());
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
  if (const auto keys = broker_keys(options)) {
    if (auto secured = server->broker_.secure(*keys); !secured) {
      return tl::make_unexpected(secured.error());
    }
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
  if (auto started = start_runtimes(); !started) return started;
  datasets_ = std::make_shared<DatasetBook>(options_.datasets, options_.scratch + "/datasets");
  BlobServerKeys keys;
  if (options_.key) keys = {options_.key->secret_key, scratch_.fetch_secret()};
  auto blobs = BlobServer::start(context_, store_, options_.data_bind, keys);
  if (!blobs) return tl::make_unexpected(blobs.error());
  blobs_ = std::move(*blobs);
  WorkbenchOptions bench;
  bench.scratch = options_.scratch;
  bench.datasets = options_.datasets;
  bench.book = datasets_;
  bench.runtimes = runtimes_;
  bench.fetch.keys = broker_keys(options_);
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
  datasets_->wait(kContentsWait);
  images_->wait(kContentsWait);
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
  for (const std::string& name : options_.secrets.names()) {
    hello.labels[domain::secret_label(name)] = "here";
  }
  for (const auto& [name, amount] : options_.resources) hello.named.push_back({name, amount});
  hello.tasks_max = options_.tasks_max;
  // What is free now, but for what keeps the worker fit; see docs/operations.md.
  const auto disk = read_disk_space(options_.scratch);
  if (!disk) return tl::make_unexpected(disk.error());
  hello.scratch_bytes = disk->free > options_.disk_min ? disk->free - options_.disk_min : 0;
  hello.runtimes = runtimes_->names();
  hello.runtimes.emplace_back("noop");
  hello.datasets = datasets_->offers();
  hello.images = images_->offers();
  hello.unfit = disks_->first_fitness();
  if (options_.key) hello.fetch_secret = scratch_.fetch_secret();
  if (options_.artifact_mode == "shared") {
    auto id = store_.id();
    if (!id) return tl::make_unexpected(id.error());
    hello.store_id = *id;
  }
  hello.data_address = options_.data_address.empty() ? blobs_->address() : options_.data_address;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> hello.boot_id;
  return hello;
}

/// Unique on the host, and known to whoever comes after us.
std::string Server::place_of(const std::string& name) const {
  return "landseer/" + scratch_.uid() + "/" + name;
}

Result<void> Server::start_runtimes() {
  RuntimeSetup setup;
  setup.names = options_.runtimes;
  setup.containers = options_.containers;
  setup.process_images = options_.images;
  setup.process_memory = options_.scratch + "/images";
  setup.host_variables = host_variables_;
  setup.host_environment = host_environment_;
  setup.place = {options_.scratch + "/probe", "landseer-" + scratch_.uid() + "-probe", cgroup_root_,
                 place_of("probe"), !gpus_.empty()};
  setup.lock_folder = config::home_folder() + "/image-locks/" + host_name();
  auto runtimes = Runtimes::start(setup);
  if (!runtimes) return tl::make_unexpected(runtimes.error());
  runtimes_ = std::make_shared<const Runtimes>(std::move(*runtimes));
  images_ = std::make_unique<ImageBook>(runtimes_, options_.scratch + "/images.list");
  return {};
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
  place.files = options_.files_before;
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
      can_hold_ = inventory->can_hold;
      cgroup_root_ = inventory->cgroup_root;
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
  agent_->set_holding(can_hold_);
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

}  // namespace landseer::worker
