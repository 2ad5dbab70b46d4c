#include "tests/simulation/executor.h"

#include <utility>

#include "tests/simulation/model.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using namespace std::chrono_literals;
using protocol::Outcome;
using worker::RunEnded;

namespace {

/// ExecutorOptions::lease_ms: until the first Renew.
constexpr Duration kFirstLease = 120s;

}  // namespace

Executor::Executor(World& world, WorkerHost& host) : world_(world), host_(host) {}

Instant Executor::boot() const { return host_.now().instant; }

std::vector<AttemptKey> Executor::running() const {
  std::vector<AttemptKey> keys;
  for (const auto& [key, tool] : tools_) keys.push_back(key);
  return keys;
}

std::vector<AttemptKey> Executor::kept() const {
  std::vector<AttemptKey> keys;
  for (const auto& [key, ended] : files_) {
    if (ended) keys.push_back(key);
  }
  return keys;
}

void Executor::attach() {
  ++link_;
  if (runs_) give_back_held("the worker's agent went before it started");
  end_if_done();
  if (!runs_) {
    runs_ = true;
    quitting_ = false;
    lease_over_ = false;
    lease_end_ = boot() + kFirstLease;
    // What an executor before this one left is killed, and reported as given back.
    std::vector<AttemptKey> nowhere;
    for (const auto& [key, ended] : files_) {
      if (ended) continue;
      const auto left = tools_.find(key);
      if (left == tools_.end()) {
        nowhere.push_back(key);
        continue;
      }
      left->second.supervised = true;
      left->second.timeout_at.reset();
      left->second.kill_at.reset();
      left->second.verdict.emplace();
      left->second.verdict->outcome = Outcome::kReturned;
      left->second.verdict->reason = "the worker's executor died while it ran";
      left->second.started_at = WallTime{};
      kill(left->second);
    }
    for (const AttemptKey& key : nowhere) {
      RunEnded ended;
      ended.key = key;
      ended.outcome = Outcome::kReturned;
      ended.reason = "the worker's executor died while it ran";
      ended.finished_at = host_.now().wall;
      files_[key] = ended;
    }
  }
  attached_ = true;
  for (const auto& [key, ended] : files_) {
    if (ended) host_.from_executor(*ended);
  }
  host_.from_executor_inventory(running());
  arm();
}

void Executor::detach() {
  attached_ = false;
  if (runs_) give_back_held("the worker's agent went before it started");
}

void Executor::launch(const AttemptJob& job, const worker::Run& run) {
  const AttemptKey key = job.key;
  if (const auto known = tools_.find(key); known != tools_.end()) {
    return host_.from_executor_started(key, known->second.started_at);
  }
  if (const auto ended = files_.find(key); ended != files_.end() && ended->second) {
    return host_.from_executor(*ended->second);
  }
  if (quitting_ || (boot() >= lease_end_ && !world_.switches.is("launch_after_lease"))) {
    return end_unstarted(key, Outcome::kReturned,
                         quitting_ ? "the worker's executor was stopped" : "lease ended");
  }
  if (run.held && !world_.switches.is("held_one_starts_at_once")) {
    held_.push_back({job, run});
    return arm();
  }
  begin(job, run);
}

void Executor::start(const AttemptKey& key) {
  const auto held = take_held(key);
  if (!held) return;
  if (boot() >= lease_end_) return end_unstarted(key, Outcome::kReturned, "lease ended");
  begin(held->job, held->run);
}

std::optional<Executor::Held> Executor::take_held(const AttemptKey& key) {
  for (auto it = held_.begin(); it != held_.end(); ++it) {
    if (it->job.key != key) continue;
    Held held = std::move(*it);
    held_.erase(it);
    return held;
  }
  return std::nullopt;
}

std::optional<Executor::Held> Executor::take_held(const std::string& slot) {
  for (const Held& held : held_) {
    if (!slot.empty() && held.run.slot == slot) return take_held(AttemptKey(held.job.key));
  }
  return std::nullopt;
}

void Executor::give_back_held(const std::string& reason) {
  for (const Held& held : std::exchange(held_, {})) {
    end_unstarted(held.job.key, Outcome::kReturned, reason);
  }
}

void Executor::begin(const AttemptJob& job, const worker::Run& run) {
  const AttemptKey key = job.key;
  if (host_.is_sick()) return end_unstarted(key, Outcome::kRuntimeError, "no space left on device");
  const TaskPlace work = Workload::work_of(job.config);
  files_[key] = std::nullopt;
  Tool& tool = tools_[key];
  tool.key = key;
  tool.fate = world_.workload.run_fate(work, key.attempt);
  tool.begun = world_.kernel.now();
  tool.grace = run.grace;
  tool.slot = run.slot;
  tool.started_at = host_.now().wall;
  tool.boot_started = boot();
  if (job.spec.timeout_ms != 0) {
    tool.timeout_at = boot() + std::chrono::milliseconds(job.spec.timeout_ms);
  }
  world_.model->tool_started(
      {host_.index(), key, work, job.spec.cpus_milli, job.spec.gpus_milli, run.gpus});
  if (tool.fate.end != RunEnd::kHang) schedule_end(tool, tool.begun + tool.fate.length);
  host_.from_executor_started(key, tool.started_at);
  arm();
}

/// The tool's first process ends at `when`, of itself or because of a signal; later, if the machine
/// stands still.
void Executor::schedule_end(Tool& tool, Instant when) {
  tool.end_at = when;
  tool.plan = ++plans_;
  host_.schedule(when, [this, key = tool.key, plan = tool.plan] {
    const auto found = tools_.find(key);
    if (found == tools_.end() || found->second.plan != plan) return;
    process_ended(key);
  });
}

void Executor::stood_still(Duration length) {
  for (auto& [key, tool] : tools_) {
    tool.stood_still = true;
    if (tool.ended || tool.end_at == Instant{}) continue;
    schedule_end(tool, std::max(tool.end_at, world_.kernel.now()) + length);
  }
}

void Executor::process_ended(const AttemptKey& key) {
  Tool& tool = tools_.at(key);
  if (tool.ended) return all_gone(key);
  tool.ended = true;
  if (!tool.signalled) {
    ProcessEnd end = ProcessEnd::kZero;
    if (tool.fate.end == RunEnd::kExitCode) {
      tool.status = 1;
      end = ProcessEnd::kExitCode;
    } else if (tool.fate.end == RunEnd::kSignal) {
      tool.status = 11;
      end = ProcessEnd::kSignal;
    }
    world_.model->tool_ended(key, end);
  }
  tool.timeout_at.reset();
  if (tool.fate.leftovers > 0ms) {
    schedule_end(tool, world_.kernel.now() + tool.fate.leftovers);
  } else {
    all_gone(key);
  }
}

void Executor::all_gone(const AttemptKey& key) {
  const auto found = tools_.find(key);
  const Tool tool = found->second;
  tools_.erase(found);
  world_.model->tool_gone(key);
  if (!tool.stood_still && boot() > host_.lease_until() + world_.plan.grace() + 500ms) {
    throw Violation(name(key) + " runs longer than its lease and its grace on host " +
                    std::to_string(host_.index()));
  }
  if (!tool.supervised || !runs_) return;  // nobody was there to see it
  RunEnded ended;
  ended.key = key;
  ended.exit_code = tool.status;
  ended.started_at = tool.started_at;
  ended.finished_at =
      tool.started_at.unix_ms == 0 || world_.switches.is("duration_by_wall_clock")
          ? host_.now().wall
          : WallTime{tool.started_at.unix_ms + (boot() - tool.boot_started).count() / 1'000'000};
  if (tool.verdict) {
    ended.outcome = tool.verdict->outcome;
    ended.reason = tool.verdict->reason;
  } else if (tool.status == 0) {
    ended.outcome = Outcome::kSucceeded;
  } else {
    ended.outcome = tool.status >= 9 ? Outcome::kSignal : Outcome::kExitCode;
    ended.reason = "exit code " + std::to_string(tool.status);
  }
  std::optional<Held> next;
  if (boot() < lease_end_) next = take_held(tool.slot);
  if (next) ended.next = next->job.key;
  keep(std::move(ended));
  if (next) begin(next->job, next->run);
}

void Executor::stop(Tool& tool, Outcome outcome, const std::string& reason) {
  if (tool.ended || tool.verdict) return;
  tool.verdict.emplace();
  tool.verdict->outcome = outcome;
  tool.verdict->reason = reason;
  tool.timeout_at.reset();
  if (tool.grace <= 0ms) return kill(tool);
  tool.kill_at = boot() + tool.grace;
  if (!tool.fate.stubborn) {
    const Instant end = world_.kernel.now() + tool.fate.last_words;
    if (tool.end_at == Instant{} || end < tool.end_at) {
      tool.signalled = true;
      tool.status = 15;
      world_.model->tool_ended(tool.key, ProcessEnd::kStopped);
      schedule_end(tool, end);
    }
  }
  arm();
}

void Executor::kill(Tool& tool) {
  if (tool.ended) return;
  tool.signalled = true;
  tool.status = 9;
  world_.model->tool_ended(tool.key, ProcessEnd::kStopped);
  schedule_end(tool, world_.kernel.now() + world_.kernel.random.uniform(1ms, 10ms));
}

void Executor::stop_all(Outcome outcome, const std::string& reason) {
  for (auto& [key, tool] : tools_) stop(tool, outcome, reason);
}

bool Executor::kill_some_tool() {
  std::vector<AttemptKey> fit;
  for (const auto& [key, tool] : tools_) {
    if (!tool.ended && !tool.signalled && !tool.verdict) fit.push_back(key);
  }
  if (fit.empty()) return false;
  Tool& tool = tools_.at(world_.kernel.random.pick(fit));
  tool.signalled = true;
  tool.status = 9;
  world_.model->tool_ended(tool.key, ProcessEnd::kSignal);
  schedule_end(tool, world_.kernel.now() + 1ms);
  return true;
}

void Executor::halt(const AttemptKey& key) {
  if (const auto known = tools_.find(key); known != tools_.end()) {
    stop(known->second, Outcome::kCancelled, "cancelled");
  } else if (const auto ended = files_.find(key); ended != files_.end() && ended->second) {
    host_.from_executor(*ended->second);
  } else {
    take_held(key);
    end_unstarted(key, Outcome::kCancelled, "cancelled before it started");
  }
}

void Executor::renew(Instant until) {
  lease_end_ = until;
  lease_over_ = false;
  arm();
}

void Executor::forget(const AttemptKey& key) {
  const auto known = files_.find(key);
  if (known != files_.end() && known->second) files_.erase(known);
}

void Executor::quit() {
  quitting_ = true;
  give_back_held("the worker's executor was stopped");
  stop_all(Outcome::kReturned, "the worker's executor was stopped");
  end_if_done();
}

void Executor::end_unstarted(const AttemptKey& key, Outcome outcome, const std::string& reason) {
  RunEnded ended;
  ended.key = key;
  ended.outcome = outcome;
  ended.reason = reason;
  ended.finished_at = host_.now().wall;
  keep(std::move(ended));
}

/// Written before it is sent: what an agent was told, the next executor knows.
void Executor::keep(RunEnded ended) {
  const AttemptKey key = ended.key;
  files_[key] = ended;
  if (attached_) host_.from_executor(ended);
  end_if_done();
}

void Executor::tick() {
  const Instant now = boot();
  if (now >= lease_end_ && !lease_over_) {
    lease_over_ = true;
    give_back_held("lease ended");
    world_.model->lease_over(host_.index(), !tools_.empty());
    if (!world_.switches.is("lease_not_kept")) stop_all(Outcome::kReturned, "lease ended");
  }
  for (auto& [key, tool] : tools_) {
    if (tool.timeout_at && now >= *tool.timeout_at) {
      stop(tool, Outcome::kTimeout, "time limit exceeded");
    }
    if (tool.kill_at && now >= *tool.kill_at) {
      tool.kill_at.reset();
      if (!world_.switches.is("never_killed")) kill(tool);
    }
  }
  end_if_done();
  arm();
}

void Executor::arm() {
  if (!runs_) return;
  std::optional<Instant> next;
  const auto lower = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!lease_over_ && (!tools_.empty() || !held_.empty())) lower(lease_end_);
  for (const auto& [key, tool] : tools_) {
    lower(tool.timeout_at);
    lower(tool.kill_at);
  }
  if (!next) return;
  const Instant when = host_.when(*next);
  if (alarm_at_ == when) return;
  alarm_at_ = when;
  host_.schedule(when, [this, alarm = ++alarms_] {
    if (alarm != alarms_) return;
    alarm_at_ = Instant{};
    if (runs_) tick();
  });
}

void Executor::end_if_done() {
  if (!runs_ || !tools_.empty()) return;
  if (!quitting_ && (attached_ || boot() < lease_end_)) return;
  runs_ = false;
  // An agent that came after the one that said Quit sees the socket close.
  if (std::exchange(attached_, false)) host_.executor_ended();
}

void Executor::crash() {
  ++link_;
  runs_ = false;
  attached_ = false;
  held_.clear();
  alarm_at_ = Instant{};
  ++alarms_;
  // Its guard is left, and kills what is below it.
  for (auto& [key, tool] : tools_) {
    tool.supervised = false;
    kill(tool);
  }
}

void Executor::power_off() {
  crash();
  tools_.clear();
}

}  // namespace landseer::simulation
