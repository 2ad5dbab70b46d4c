#include "broker/forecast/virtual_cluster.h"

#include <algorithm>

#include "broker/core/fingerprint.h"
#include "common/base/check.h"
#include "common/protocol/codec.h"

namespace landseer::forecast {
namespace {

using domain::TaskStatus;

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr std::uint64_t kFirstPeer = 100;
constexpr std::uint64_t kAskEvery = 256;
/// A third of the range of a Duration. Nobody falls silent within half of it.
constexpr Duration kYears = std::chrono::hours(24 * 365 * 100);
/// Nothing ends later than after forty years: then time would come to its own end.
constexpr std::int64_t kLatestMs = std::int64_t{40} * 365 * 86'400'000;

broker::Settings settings() {
  broker::Settings chosen;
  chosen.secret = sha256("forecast");
  chosen.lease = kYears;
  chosen.heartbeat_max = kYears;
  return chosen;
}

}  // namespace

VirtualCluster::VirtualCluster(std::vector<protocol::Hello> workers,
                               const std::vector<KnownTime>& times, const std::vector<Job>& begun)
    : core_(settings()) {
  set_time(0);
  workers_.resize(workers.size());
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers_[i].peer = broker::PeerId{kFirstPeer + i};
    workers_[i].offer = std::move(workers[i]);
    workers_[i].cpus_free_milli = workers_[i].offer.cpus_milli;
  }
  if (!times.empty()) load(times);
  if (!begun.empty()) {
    for (const Worker& worker : workers_) {
      replay(broker::WorkerAdded{worker.offer.uid, worker.offer.name});
    }
    for (const Job& job : begun) restore(job);
    core_.end_replay(now_);
  }
  connect();
}

/// As a snapshot without pipelines.
void VirtualCluster::load(const std::vector<KnownTime>& times) {
  broker::HeadItem head;
  std::vector<broker::TimingItem> items;
  for (const KnownTime& known : times) {
    broker::ToolTime time;
    time.mean_ms = known.mean_ms;
    time.samples = known.samples;
    time.expected_ms = std::max<std::uint64_t>(static_cast<std::uint64_t>(known.mean_ms), 1);
    items.push_back(broker::item_of(known.tool, known.device, time));
    head.fingerprint += broker::fingerprint(known.tool, known.device, time);
  }
  CHECK(core_.load(head, now_), "a head can be loaded");
  for (const auto& item : items)
    CHECK(core_.load(item, now_), "each tool and device is there once");
  CHECK(core_.end_load(now_), "the snapshot is whole");
}

void VirtualCluster::replay(const broker::Record& record) {
  const auto replayed = core_.replay(record, now_);
  CHECK(replayed, "what had begun can be read back");
}

void VirtualCluster::restore(const Job& job) {
  broker::PipelineAdded added;
  added.pipeline = PipelineId{core_.state().ids.pipeline};
  added.submitted_at = now_.wall.unix_ms;
  added.body = protocol::encode_submission(*job.submission);
  added.digest = sha256(added.body);
  replay(added);
  const auto& record = *core_.state().pipelines.find(added.pipeline);
  CHECK(record.pipeline->tasks.size() == job.submission->tasks.size(), "no two tasks are equal");
  const std::uint64_t first = number(record.first_task);
  const auto [made, is_new] = pipelines_.emplace(first, RunningPipeline(job, first, now_ms_));
  CHECK(is_new, "a pipeline has tasks");
  live_ += made->second.live();
  for (std::uint32_t i = 0; i < job.so_far->size(); ++i) restore_task(made->second, i);
}

/// What cannot be as it is said to be, such as a completed task whose dependency is to run again,
/// is left pending.
void VirtualCluster::restore_task(const RunningPipeline& pipeline, std::uint32_t index) {
  const TaskState& state = (*pipeline.job().so_far)[index];
  const TaskId id{pipeline.first_task() + index};
  const auto found = core_.state().pipelines.find_task(id);
  const bool is_ready = found->record->scheduler->is_ready(id);
  if (state.status == TaskStatus::kCompleted && is_ready) {
    assign_again(id, 0);
    broker::AttemptEnded ended;
    ended.result.epoch = core_.state().settings.epoch;
    ended.result.task = id;
    ended.result.attempt = 1;
    ended.result.outcome = protocol::Outcome::kSucceeded;
    ended.decision = broker::Decision::kComplete;
    ended.at = now_.wall.unix_ms;
    replay(ended);
  } else if (state.status == TaskStatus::kRunning && is_ready) {
    assign_again(id, state.worker);
    workers_[state.worker].held.push_back({core_.state().settings.epoch, id, 1});
    resumed_.push_back({id, 1, state.worker, now_.wall.unix_ms - state.ran_ms});
  } else if (domain::is_terminal(state.status) && state.status != TaskStatus::kCompleted &&
             found->task->status == TaskStatus::kPending) {
    replay(broker::TaskFailed{id, "before", now_.wall.unix_ms});
  }
}

void VirtualCluster::assign_again(TaskId task, std::size_t worker) {
  const std::uint64_t epoch = core_.state().settings.epoch;
  replay(broker::AttemptAssigned{{epoch, task, 1}, WorkerId{worker + 1}, now_.wall.unix_ms});
}

void VirtualCluster::connect() {
  for (Worker& worker : workers_) {
    protocol::Hello hello = worker.offer;
    hello.held = worker.held;
    say(broker::FromWorkerPeer{worker.peer, hello});
  }
  // Before anything is placed: what goes on has its room.
  for (const Attempt& attempt : resumed_) start(attempt);
  resumed_.clear();
  settle();
}

std::vector<Outcome> VirtualCluster::run(const std::vector<Job>& jobs, const GoOn& go_on) {
  const std::int64_t began_ms = now_ms_;
  if (now_ms_ != 0) pipelines_.clear(), live_ = 0;
  peak_live_ = static_cast<std::uint64_t>(live_);
  std::size_t submitted = 0;
  std::uint64_t asked = 0;
  while (submitted < jobs.size() || !ends_.empty()) {
    const bool is_due =
        submitted < jobs.size() &&
        (ends_.empty() || began_ms + jobs[submitted].after_ms <= std::get<0>(ends_.begin()->first));
    if (is_due) {
      set_time(began_ms + jobs[submitted].after_ms);
      submit(jobs[submitted++]);
    } else {
      end_next();
    }
    if (go_on && ++asked % kAskEvery == 0 && !go_on(kAskEvery)) return {};
  }
  std::vector<Outcome> outcomes;
  for (auto& [first_task, pipeline] : pipelines_) outcomes.push_back(pipeline.take_outcome());
  return outcomes;
}

void VirtualCluster::submit(const Job& job) {
  const protocol::Submission& s = *job.submission;
  say(broker::FromClientPeer{
      broker::PeerId{7}, ++requests_,
      protocol::SubmitChunk{s.submission_id, 0, true, protocol::encode_submission(s)}});
  const auto& known = core_.state().pipelines.all();
  CHECK(!known.empty() && known.rbegin()->second->submission_id == s.submission_id,
        "the submission is good");
  const auto& record = *known.rbegin()->second;
  CHECK(record.pipeline->tasks.size() == s.tasks.size(), "no two tasks are equal");
  const std::uint64_t first = number(record.first_task);
  pipelines_.emplace(first, RunningPipeline(job, first, now_ms_));
  settle();
}

/// The next task ends, and with it all that end at the same time.
void VirtualCluster::end_next() {
  set_time(std::get<0>(ends_.begin()->first));
  while (!ends_.empty() && std::get<0>(ends_.begin()->first) == now_ms_) {
    const Attempt attempt = ends_.begin()->second;
    ends_.erase(ends_.begin());
    Worker& worker = workers_[attempt.worker];
    protocol::AttemptResult result;
    result.epoch = core_.state().settings.epoch;
    result.task = attempt.task;
    result.attempt = attempt.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.artifact = sha256(to_string(attempt.task));
    result.started_at = attempt.started_at;
    result.finished_at = now_.wall.unix_ms;
    say(broker::FromWorkerPeer{worker.peer, protocol::Results{worker.session, {result}}});
    RunningPipeline& pipeline = pipeline_of(attempt.task);
    const std::uint64_t index = number(attempt.task) - pipeline.first_task();
    live_ += pipeline.end(static_cast<std::uint32_t>(index), now_ms_);
    peak_live_ = std::max(peak_live_, static_cast<std::uint64_t>(live_));
    worker.cpus_free_milli += cpus_of(attempt.task);
    start_waiting(worker);
  }
  settle();
}

void VirtualCluster::say(const broker::Event& event) { core_.handle(event, now_, out_); }

void VirtualCluster::settle() {
  std::vector<std::pair<protocol::AttemptRef, std::size_t>> stopped;
  do {
    stopped.clear();
    core_.settle(now_, out_);
    for (const broker::WorkerMail& mail : out_.to_workers) {
      const std::size_t worker = number(mail.peer) - kFirstPeer;
      if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
        workers_[worker].session = welcome->session;
      } else if (const auto* assign = std::get_if<protocol::Assign>(&mail.message)) {
        take(*assign, worker);
      } else if (const auto* stop = std::get_if<protocol::Stop>(&mail.message)) {
        for (const auto& attempt : stop->attempts) stopped.emplace_back(attempt, worker);
      }
    }
    out_.clear();
    for (const auto& [attempt, worker] : stopped) stop(attempt, worker);
  } while (core_.state().placement_due || !stopped.empty());
  give_up_pruned();
}

void VirtualCluster::stop(const protocol::AttemptRef& attempt, std::size_t index) {
  const auto is_same = [&](const auto& other) { return other.task == attempt.task; };
  Worker& worker = workers_[index];
  protocol::AttemptResult result;
  result.epoch = attempt.epoch;
  result.task = attempt.task;
  result.attempt = attempt.attempt;
  result.outcome = protocol::Outcome::kCancelled;
  result.finished_at = now_.wall.unix_ms;
  const auto running = std::find_if(ends_.begin(), ends_.end(),
                                    [&](const auto& end) { return is_same(end.second); });
  if (running != ends_.end()) {
    RunningPipeline& pipeline = pipeline_of(attempt.task);
    const std::uint64_t task = number(attempt.task) - pipeline.first_task();
    pipeline.cut_short(static_cast<std::uint32_t>(task), std::get<0>(running->first) - now_ms_);
    result.started_at = running->second.started_at;
    worker.cpus_free_milli += cpus_of(attempt.task);
    ends_.erase(running);
  } else {
    std::erase_if(worker.waiting, is_same);
  }
  say(broker::FromWorkerPeer{worker.peer, protocol::Results{worker.session, {result}}});
  start_waiting(worker);
}

/// What the core has cancelled, as enough workflows are complete.
void VirtualCluster::give_up_pruned() {
  for (auto& [first, pipeline] : pipelines_) {
    if (pipeline.job().submission->stop_after == 0 || pipeline.has_enough()) continue;
    const auto found = core_.state().pipelines.find_task(TaskId{first});
    if (!found->record->stop.stopped() || !found->record->terminal()) continue;
    live_ += pipeline.give_up_rest();
  }
}

void VirtualCluster::take(const protocol::Assign& assign, std::size_t worker) {
  for (const protocol::Assignment& work : assign.attempts) {
    workers_[worker].waiting.push_back({work.task, work.attempt, worker, 0});
  }
  start_waiting(workers_[worker]);
}

/// In the order they came, as workers do.
void VirtualCluster::start_waiting(Worker& worker) {
  while (!worker.waiting.empty() &&
         worker.cpus_free_milli >= cpus_of(worker.waiting.front().task)) {
    Attempt attempt = worker.waiting.front();
    worker.waiting.pop_front();
    attempt.started_at = now_.wall.unix_ms;
    start(attempt);
  }
}

void VirtualCluster::start(const Attempt& attempt) {
  RunningPipeline& pipeline = pipeline_of(attempt.task);
  Worker& worker = workers_[attempt.worker];
  const auto index = static_cast<std::uint32_t>(number(attempt.task) - pipeline.first_task());
  const auto& options = pipeline.options_of(index);
  domain::ResourceRequest needs;
  needs.gpus_milli = options.gpus_milli;
  const std::int64_t said_ms = pipeline.job().run_ms(index, broker::device_of(worker.offer, needs));
  const std::int64_t run_ms = std::clamp<std::int64_t>(said_ms, 0, kLatestMs);
  worker.cpus_free_milli -= cpus_of(attempt.task);
  pipeline.begin(index, run_ms);
  const std::int64_t end_ms = std::min(now_ms_ + run_ms, std::max(kLatestMs, now_ms_));
  ends_.emplace(std::tuple(end_ms, attempt.worker, attempt.task), attempt);
}

/// The built-in no-op takes no room.
std::int64_t VirtualCluster::cpus_of(TaskId task) {
  const RunningPipeline& pipeline = pipeline_of(task);
  const auto index = static_cast<std::uint32_t>(number(task) - pipeline.first_task());
  const auto& s = *pipeline.job().submission;
  if (s.tools[s.tasks[index].tool].runtime == broker::kNoopRuntime) return 0;
  return s.options[s.tasks[index].options].cpus_milli;
}

void VirtualCluster::set_time(std::int64_t to_ms) {
  now_ms_ = to_ms;
  now_.instant = Instant{1'000'000'000 + to_ms * 1'000'000};
  now_.wall = WallTime{kStartMs + to_ms};
}

RunningPipeline& VirtualCluster::pipeline_of(TaskId task) {
  return std::prev(pipelines_.upper_bound(number(task)))->second;
}

}  // namespace landseer::forecast
