#include "bench/scheduling/virtual_cluster.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/protocol/codec.h"

namespace landseer::bench {
namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;

broker::Settings settings() {
  broker::Settings chosen;
  chosen.secret = sha256("bench");
  return chosen;
}

}  // namespace

VirtualCluster::VirtualCluster(std::uint32_t gpus) : core_(settings()) {
  set_time(0);
  connect(gpus);
}

void VirtualCluster::connect(std::uint32_t gpus) {
  workers_.resize(gpus);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i].peer = broker::PeerId{100 + i};
    protocol::Hello hello;
    hello.uid = hello.name = "worker-" + std::to_string(i);
    hello.instance = 1;
    hello.cpus_milli = 8000;
    hello.memory_bytes = std::uint64_t{64} << 30;
    hello.runtimes = {"process"};
    hello.gpus = {{0, "virtual", std::uint64_t{16} << 30}};
    say(broker::FromWorkerPeer{workers_[i].peer, hello});
  }
  settle();
}

std::vector<Outcome> VirtualCluster::run(const std::vector<Workload>& workloads,
                                         const std::vector<std::int64_t>& after_ms) {
  const std::int64_t began_ms = now_ms_;
  pipelines_.clear();
  live_ = peak_live_ = 0;
  std::size_t submitted = 0;
  while (submitted < workloads.size() || !ends_.empty()) {
    const bool is_due = submitted < workloads.size() &&
                        (ends_.empty() || began_ms + after_ms[submitted] <= ends_.begin()->first);
    if (!is_due) {
      end_next();
      continue;
    }
    set_time(began_ms + after_ms[submitted]);
    beat();
    submit(workloads[submitted++]);
  }
  std::vector<Outcome> outcomes;
  for (auto& [first_task, pipeline] : pipelines_) {
    CHECK(pipeline.outcome.workflows_ms.size() == pipeline.workload->submission.workflows.size(),
          "every workflow is complete at the end");
    outcomes.push_back(std::move(pipeline.outcome));
  }
  return outcomes;
}

void VirtualCluster::submit(const Workload& workload) {
  const protocol::Submission& s = workload.submission;
  say(broker::FromClientPeer{
      broker::PeerId{7}, ++requests_,
      protocol::SubmitChunk{s.submission_id, 0, true, protocol::encode_submission(s)}});
  const auto& known = core_.state().pipelines.all();
  CHECK(!known.empty() && known.rbegin()->second->submission_id == s.submission_id,
        "the submission is good");
  const std::uint64_t first_task = number(known.rbegin()->second->first_task);
  Pipeline& pipeline = pipelines_[first_task];
  pipeline.workload = &workload;
  pipeline.first_task = first_task;
  pipeline.submitted_ms = now_ms_;
  pipeline.open_dependents.resize(s.tasks.size());
  pipeline.workflows_of.resize(s.tasks.size());
  for (const auto& task : s.tasks) {
    for (const std::uint32_t dependency : task.dependencies) ++pipeline.open_dependents[dependency];
  }
  for (std::uint32_t i = 0; i < s.workflows.size(); ++i) {
    pipeline.open_tasks.push_back(static_cast<std::uint32_t>(s.workflows[i].tasks.size()));
    for (const std::uint32_t task : s.workflows[i].tasks) pipeline.workflows_of[task].push_back(i);
  }
  settle();
}

/// The next task ends, and with it all that end at the same time.
void VirtualCluster::end_next() {
  set_time(ends_.begin()->first);
  beat();
  while (!ends_.empty() && ends_.begin()->first == now_ms_) {
    Worker& worker = workers_[ends_.begin()->second];
    ends_.erase(ends_.begin());
    protocol::AttemptResult result;
    result.epoch = core_.state().settings.epoch;
    result.task = worker.work.task;
    result.attempt = worker.work.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.artifact = sha256(to_string(worker.work.task));
    result.started_at = worker.started_at;
    result.finished_at = now_.wall.unix_ms;
    say(broker::FromWorkerPeer{worker.peer, protocol::Results{worker.session, {result}}});
    Pipeline& pipeline = pipeline_of(result.task);
    end_task(pipeline, static_cast<std::uint32_t>(number(result.task) - pipeline.first_task));
  }
  settle();
}

void VirtualCluster::end_task(Pipeline& pipeline, std::uint32_t task) {
  const double at_ms = static_cast<double>(now_ms_ - pipeline.submitted_ms);
  for (const std::uint32_t each : pipeline.workload->submission.tasks[task].dependencies) {
    if (--pipeline.open_dependents[each] == 0) --live_;
  }
  if (pipeline.open_dependents[task] > 0) ++live_;
  peak_live_ = std::max(peak_live_, live_);
  for (const std::uint32_t workflow : pipeline.workflows_of[task]) {
    if (--pipeline.open_tasks[workflow] == 0) pipeline.outcome.workflows_ms.push_back(at_ms);
  }
  pipeline.outcome.makespan_ms = at_ms;
}

void VirtualCluster::say(const broker::Event& event) { core_.handle(event, now_, out_); }

void VirtualCluster::settle() {
  core_.settle(now_, out_);
  for (const broker::WorkerMail& mail : out_.to_workers) {
    Worker& worker = workers_[number(mail.peer) - 100];
    if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
      worker.session = welcome->session;
    } else if (const auto* assign = std::get_if<protocol::Assign>(&mail.message)) {
      for (const auto& work : assign->attempts) begin(worker, work);
    }
  }
  out_.clear();
}

void VirtualCluster::begin(Worker& worker, const protocol::Assignment& work) {
  const Pipeline& pipeline = pipeline_of(work.task);
  const auto index = static_cast<std::size_t>(&worker - workers_.data());
  const bool is_idle = std::none_of(ends_.begin(), ends_.end(),
                                    [&](const auto& end) { return end.second == index; });
  CHECK(is_idle, "a GPU runs one task at a time");
  worker.work = work;
  worker.started_at = now_.wall.unix_ms;
  ends_.emplace(now_ms_ + pipeline.workload->run_ms[number(work.task) - pipeline.first_task],
                index);
}

void VirtualCluster::set_time(std::int64_t to_ms) {
  now_ms_ = to_ms;
  now_.instant = Instant{1'000'000'000 + to_ms * 1'000'000};
  now_.wall = WallTime{kStartMs + to_ms};
}

/// In reality every two seconds; here whenever the broker is about to look.
void VirtualCluster::beat() {
  for (const Worker& worker : workers_) {
    say(broker::FromWorkerPeer{worker.peer, protocol::Heartbeat{worker.session, 1}});
  }
}

VirtualCluster::Pipeline& VirtualCluster::pipeline_of(TaskId task) {
  return std::prev(pipelines_.upper_bound(number(task)))->second;
}

}  // namespace landseer::bench
