// The shell around the agent: worker/io/server.cc and workbench.cc, without threads and disks.
#include "tests/simulation/worker_host.h"

#include <algorithm>

#include "common/protocol/codec.h"
#include "tests/simulation/broker_host.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"

namespace landseer::simulation {

using namespace std::chrono_literals;
using protocol::Outcome;
using worker::Agent;

namespace {

constexpr Duration kShutdownMax = 15s;
/// A source that says nothing for so long is given up.
constexpr Duration kFetchSilence = 10s;

}  // namespace

WorkerHost::WorkerHost(World& world, std::uint32_t index, std::int64_t drift_ppm)
    : world_(world),
      index_(index),
      clock_(Instant{world.kernel.random.between(1'000'000'000, 1'000'000'000'000)}, drift_ppm),
      executor_(world, *this) {
  const SharingRates& reuse = world.plan.reuse;
  if (reuse.has_dataset) contents_["data"] = {};
  if (reuse.has_images) contents_["image"] = {};
  if (reuse.has_images && reuse.tags_move) contents_["other"] = {};
}

protocol::Hello WorkerHost::offer() {
  protocol::Hello hello;
  hello.program_version = "simulated";
  hello.uid = "h" + std::to_string(index_) + "-" + std::to_string(disk_);
  hello.name = "host" + std::to_string(index_);
  hello.instance = world_.kernel.random.next();
  hello.cpus_milli = world_.plan.cpus * 1000;
  hello.memory_bytes = 1 << 30;
  for (std::uint32_t gpu = 0; gpu < world_.plan.gpus; ++gpu)
    hello.gpus.push_back({gpu, "gpu", 1 << 30});
  hello.runtimes = {"process", "noop"};
  hello.labels = {{"zone", index_ % 2 == 0 ? "a" : "b"}};
  hello.scratch_bytes = 100;
  hello.named = {{"licence", 2}};
  if (world_.plan.seed % 5 == 0) hello.tasks_max = 2;
  hello.images = image_offers();
  hello.datasets = dataset_offers();
  hello.data_address = "d" + std::to_string(index_);
  return hello;
}

void WorkerHost::start_agent() {
  if (agent_) return;
  if (executor_.is_quitting()) return start_agent_after(500ms);
  ++life_;
  shutdown_deadline_ = Instant{};
  hung_until_ = Instant{};
  jobs_.clear();
  launched_.clear();
  agent_ = std::make_unique<Agent>(worker::AgentSettings{offer(), world_.kernel.random.next()});
  // An executor of an earlier version cannot.
  agent_->set_holding(world_.plan.seed % 4 != 0);
  starting_ = true;
  leftovers_.clear();
  left_running_.clear();
  executor_.attach();
  starting_ = false;
  const auto adopt = [&](const AttemptKey& key) {
    const auto file = job_files_.find(key);
    if (file == job_files_.end()) return false;
    jobs_[key] = file->second.job;
    launched_.emplace(key, executor_.link());
    agent_->adopt(file->second.job, file->second.gpus);
    return true;
  };
  for (const AttemptKey& key : left_running_) {
    if (!adopt(key)) to_executor([this, key] { executor_.halt(key); });
  }
  std::vector<worker::RunEnded> known;
  for (const worker::RunEnded& ended : leftovers_) {
    if (adopt(ended.key)) {
      known.push_back(ended);
    } else {
      to_executor([this, key = ended.key] { executor_.forget(key); });
    }
  }
  world_.network->agent_started(index_);
  world_.kernel.note(40, index_, life_);
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(index_) + ": an agent starts, with " +
                      std::to_string(agent_->attempts()) + " attempts");
  }
  wake_ = Instant{};
  for (const worker::RunEnded& ended : known) {
    launched_.erase(ended.key);
    handle(ended);
  }
  settle();
}

void WorkerHost::start_agent_after(Duration down) {
  schedule(world_.kernel.now() + down, [this, planned = ++starts_planned_] {
    if (planned == starts_planned_) start_agent();
  });
}

void WorkerHost::stop_agent() {
  agent_.reset();
  ++life_;
  ++wakes_;
  effects_.clear();
  executor_.detach();
  world_.network->agent_died(index_);
}

/// In order, a moment later, unless the agent is another by then. One that hangs reads them later.
template <class Work>
void WorkerHost::to_agent(Work work) {
  last_to_agent_ = std::max(last_to_agent_, world_.kernel.now() + 50us);
  schedule(std::max(last_to_agent_, hung_until_),
           [this, life = life_, work = std::move(work)]() mutable {
             if (life != life_ || !agent_) return;
             if (world_.kernel.now() < hung_until_) return to_agent(std::move(work));
             work();
             settle();
           });
}

template <class Work>
void WorkerHost::to_executor(Work work) {
  last_to_executor_ = std::max(last_to_executor_, world_.kernel.now() + 50us);
  schedule(last_to_executor_, [this, link = executor_.link(), work = std::move(work)]() mutable {
    if (executor_.runs() && link == executor_.link()) work();
  });
}

void WorkerHost::notice_lost_executor() {
  executor_.attach();
  if (!world_.switches.is("lease_of_new_executor")) perform(agent_->lease());
}

void WorkerHost::tell_agent(void (WorkerHost::*what)()) {
  to_agent([this, what] { (this->*what)(); });
}

void WorkerHost::receive(protocol::ToWorker message) {
  to_agent([this, message = std::move(message)]() mutable {
    world_.kernel.note(41, index_, message.index());
    if (const auto* ack = std::get_if<protocol::ResultsAck>(&message)) {
      for (const AttemptKey& key : ack->attempts) world_.model->acknowledged_result(key);
    }
    handle(worker::Received{std::move(message)});
  });
}

void WorkerHost::receive_garbled() {
  to_agent([this] { agent_->connection_lost(now()); });
}

void WorkerHost::from_executor(const worker::RunEnded& ended) {
  if (starting_) {
    leftovers_.push_back(ended);
    return;
  }
  to_agent([this, ended] {
    launched_.erase(ended.key);
    if (!jobs_.contains(ended.key)) {
      to_executor([this, key = ended.key] { executor_.forget(key); });
    }
    handle(ended);
  });
}

void WorkerHost::from_executor_started(const AttemptKey& key, WallTime at) {
  to_agent([this, key, at] { handle(worker::RunStarted{key, at}); });
}

void WorkerHost::from_executor_inventory(std::vector<AttemptKey> running) {
  if (starting_) {
    left_running_ = std::move(running);
    return;
  }
  to_agent([this, running = std::move(running)] { on_inventory(running); });
}

void WorkerHost::on_inventory(const std::vector<AttemptKey>& running) {
  std::vector<AttemptKey> missing;
  for (const auto& [key, link] : launched_) {
    // What was launched since may be younger than the list.
    if (link >= executor_.link()) continue;
    if (std::find(running.begin(), running.end(), key) == running.end()) missing.push_back(key);
  }
  for (const AttemptKey& key : missing) {
    launched_.erase(key);
    worker::RunEnded ended;
    ended.key = key;
    ended.outcome = Outcome::kReturned;
    ended.reason = "the worker's executor was lost before it started the tool";
    ended.finished_at = now().wall;
    handle(ended);
  }
}

void WorkerHost::handle(const worker::Event& event) {
  agent_->handle(event, now(), effects_);
  perform(std::exchange(effects_, {}));
}

/// The end of the shell's loop.
void WorkerHost::settle() {
  if (!agent_) return;
  agent_->settle(now(), effects_);
  perform(std::exchange(effects_, {}));
  const bool late = shutdown_deadline_ != Instant{} && now().instant > shutdown_deadline_;
  if (agent_->refused()) {
    stop_agent();
    return start_agent_after(2s);
  }
  if (agent_->finished() || late) {
    to_executor([this] { executor_.quit(); });
    stop_agent();
    return start_agent_after(world_.healed ? Duration(1s) : away_for_);
  }
  arm();
}

void WorkerHost::arm() {
  Instant next = agent_->next_deadline();
  if (shutdown_deadline_ != Instant{}) next = std::min(next, shutdown_deadline_ + 1ns);
  const Instant when = std::max(clock_.when(next), world_.kernel.now() + 1us);
  if (wake_ == when) return;
  wake_ = when;
  schedule(when, [this, number = ++wakes_] {
    if (number != wakes_ || !agent_) return;
    wake_ = Instant{};
    if (world_.kernel.now() < hung_until_) {
      return to_agent([] {});
    }
    settle();
  });
}

void WorkerHost::perform(const std::vector<worker::Effect>& effects) {
  for (const worker::Effect& effect : effects) {
    std::visit([&](const auto& what) { perform(what); }, effect);
  }
}

void WorkerHost::perform(const worker::Send& effect) {
  if (!world_.network->worker_to_broker(index_, effect.message)) agent_->connection_lost(now());
}

void WorkerHost::perform(const worker::Prepare& effect) {
  jobs_[effect.job.key] = effect.job;
  const Duration work = world_.kernel.random.uniform(1ms, 20ms);
  schedule(world_.kernel.now() + work, [this, life = life_, key = effect.job.key] {
    if (life != life_) return;
    const auto job = jobs_.find(key);
    if (job != jobs_.end()) prepare(job->second);  // else it was discarded meanwhile
  });
}

void WorkerHost::prepare(const AttemptJob& job) {
  const auto fail = [&](Duration later, worker::PrepareFailed failed) {
    schedule(world_.kernel.now() + later, [this, life = life_, failed = std::move(failed)] {
      if (life == life_) to_agent([this, failed] { handle(failed); });
    });
  };
  const AttemptKey key = job.key;
  if (is_sick())
    return fail(1ms, {key, Outcome::kRuntimeError, "no space left on device", {}, false});
  const Digest image = content_of(job.spec.image);
  const Digest dataset = content_of(job.spec.dataset_name);
  if ((!job.spec.image_content.empty() && job.spec.image_content != image) ||
      (!job.spec.dataset_content.empty() && job.spec.dataset_content != dataset)) {
    return fail(1ms, {key, Outcome::kRuntimeError, "image or data set is another here", {}, true});
  }
  const Digest& script = job.spec.model_script;
  if (!script.empty() && !artifacts_.contains(script)) {
    if (!world_.network->broker_reachable(index_)) {
      return fail(kFetchSilence, {key, Outcome::kRuntimeError, "model.py: no answer", {}, false});
    }
    if (!world_.broker->has_blob(script)) {
      throw Violation(name(key) + " needs a model script that the broker does not have any more");
    }
    artifacts_.insert(script);
  }
  worker::Prepared prepared;
  prepared.key = key;
  // What the attempt runs with is known to the next agent, too.
  prepared.image_content = jobs_.at(key).spec.image_content = image;
  prepared.dataset_content = jobs_.at(key).spec.dataset_content = dataset;
  world_.model->prepared(key, {image, dataset});
  for (const auto& input : job.inputs) {
    if (artifacts_.contains(input.artifact)) continue;
    bool answered = true;
    if (!fetch(input, answered)) {
      return fail(answered ? 1ms : kFetchSilence,
                  {key, Outcome::kInputMissing, "nobody has it", input.artifact});
    }
    keep_artifact(input.artifact);
    prepared.fetched.push_back(input.artifact);
  }
  // Without its checkpoint it begins anew.
  bool answered = true;
  if (!job.checkpoint.artifact.empty() && fetch(job.checkpoint, answered)) {
    keep_artifact(job.checkpoint.artifact);
    prepared.fetched.push_back(job.checkpoint.artifact);
  }
  prepared.bytes_fetched = 100 * prepared.fetched.size();
  if (world_.workload.fate(Workload::work_of(job.config)).unmet_requirement) {
    prepared.missing_required = {"needed.npy"};
  }
  to_agent([this, prepared = std::move(prepared)] { handle(prepared); });
}

void WorkerHost::perform(const worker::Run& effect) {
  const auto job = jobs_.find(effect.key);
  if (job == jobs_.end()) return;
  job_files_[effect.key] = {job->second, effect.gpus};
  launched_[effect.key] = executor_.link();
  to_executor([this, job = job->second, effect] { executor_.launch(job, effect); });
}

void WorkerHost::perform(const worker::StartHeld& effect) {
  to_executor([this, key = effect.key] { executor_.start(key); });
}

void WorkerHost::perform(const worker::StopRun& effect) {
  to_executor([this, key = effect.key] { executor_.halt(key); });
}

void WorkerHost::perform(const worker::Capture& effect) {
  const Duration work = world_.kernel.random.uniform(1ms, 20ms);
  schedule(world_.kernel.now() + work, [this, life = life_, key = effect.key] {
    const auto job = jobs_.find(key);
    if (life != life_ || job == jobs_.end()) return;
    const TaskPlace made_by = Workload::work_of(job->second.config);
    if (world_.workload.fate(made_by).unfit_output) {
      return to_agent([this, key] {
        handle(worker::CaptureFailed{key, "the output holds a symbolic link"});
      });
    }
    worker::Captured captured;
    captured.key = key;
    captured.artifact = world_.workload.artifact(made_by, key);
    captured.bytes = captured.artifact.empty() ? 0 : 100;
    captured.metrics = world_.workload.metrics(made_by);
    if (!captured.artifact.empty()) keep_artifact(captured.artifact);
    world_.model->tool_captured(key);
    to_agent([this, captured] { handle(captured); });
  });
}

void WorkerHost::perform(const worker::CaptureCheckpoint& effect) {
  worker::CheckpointCaptured captured{effect.key, {}, 0};
  if (world_.kernel.random.chance(0.5)) {
    captured.artifact = sha256("checkpoint of " + name(effect.key));
    captured.bytes = 10;
    keep_artifact(captured.artifact);
  }
  to_agent([this, captured] { handle(captured); });
}

void WorkerHost::perform(const worker::Discard& effect) {
  jobs_.erase(effect.key);
  job_files_.erase(effect.key);
  to_executor([this, key = effect.key] { executor_.forget(key); });
}

void WorkerHost::perform(const worker::RenewLease& effect) {
  lease_until_ = std::max(lease_until_, effect.until);
  to_executor([this, until = effect.until] { executor_.renew(until); });
  if (suspend_at_renewal_ > 0ms) suspend(std::exchange(suspend_at_renewal_, Duration{}), false);
}

/// What is read does not pass through the cores: there is nothing to simulate.
void WorkerHost::perform(const worker::ServeStreams&) {}

/// Well, always: what tools leave in a GPU is not simulated.
void WorkerHost::perform(const worker::CheckGpus& effect) {
  worker::GpusChecked checked;
  for (const std::uint32_t gpu : effect.indices) checked.readings.push_back({gpu, 0, {}, {}});
  to_agent([this, checked] { handle(checked); });
}

bool WorkerHost::responds() const {
  return agent_ && !is_frozen() && world_.kernel.now() >= hung_until_;
}

bool WorkerHost::is_idle() const {
  return agent_ && agent_->connected() && agent_->attempts() == 0 && !executor_.has_tools() &&
         executor_.kept().empty();
}

std::string WorkerHost::describe() const {
  if (!agent_) return "no agent";
  return std::string(agent_->connected() ? "connected" : "not connected") + ", " +
         std::to_string(agent_->attempts()) + " attempts, " +
         std::to_string(executor_.running().size()) + " tools, " +
         std::to_string(executor_.kept().size()) + " ends kept" +
         (executor_.kept().empty() ? "" : ", first " + name(executor_.kept().front()));
}

}  // namespace landseer::simulation
