#include "worker/io/supervised_process.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/units.h"
#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

using std::chrono::milliseconds;

/// A killed process is gone in less, and then SIGCHLD says so. This is for those that take long
/// to die (device or network file system) and for processes that are no children of ours.
constexpr Duration kRecheckFirst = milliseconds(20);
constexpr Duration kRecheckMax = milliseconds(1000);

/// All descendants have numbers between the tool's and the last one given, unless numbers went
/// round. In this time they cannot: the smallest pid_max is 32768, and no machine with that few
/// starts a process every 6 us.
constexpr Duration kShortLife = milliseconds(200);
constexpr pid_t kFewNumbers = 64;

std::string signal_text(int signal) {
  const char* name = sigabbrev_np(signal);
  const char* meaning = sigdescr_np(signal);
  if (name == nullptr || meaning == nullptr) return "killed by signal " + std::to_string(signal);
  return std::string("killed by SIG") + name + " (" + meaning + ")";
}

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

/// A number of milliseconds from a peer, as a duration that can be added to any instant.
Duration bounded(std::uint64_t ms) {
  constexpr std::uint64_t kYear = std::uint64_t{366} * 24 * 3600 * 1000;
  return milliseconds(std::min(ms, kYear));
}

}  // namespace

Result<std::unique_ptr<SupervisedProcess>> SupervisedProcess::start(const Launch& launch,
                                                                    std::string token,
                                                                    Household& household, Now now) {
  std::unique_ptr<SupervisedProcess> process(new SupervisedProcess(household));
  process->launch_ = launch;
  process->token_ = std::move(token);
  auto log = LogCapture::open(launch.log_path, household.log_bytes_max);
  if (!log) return fail(log.error().code, "cannot start: " + log.error().to_string());
  process->log_ = std::move(*log);
  if (auto started = process->spawn_tool(now); !started) {
    return tl::make_unexpected(started.error());
  }
  return process;
}

std::unique_ptr<SupervisedProcess> SupervisedProcess::adopt(const AttemptKey& key,
                                                            std::string token,
                                                            Household& household) {
  std::unique_ptr<SupervisedProcess> process(new SupervisedProcess(household));
  process->launch_.key = key;
  process->token_ = std::move(token);
  process->tool_ended_ = true;
  process->check_due_ = true;
  process->verdict_ = {protocol::Outcome::kReturned, "the worker's executor died while it ran"};
  return process;
}

Result<void> SupervisedProcess::spawn_tool(Now now) {
  SpawnRequest request{launch_.argv, launch_.env, launch_.cwd, household_.dev_null,
                       log_.write_end()};
  request.env.push_back(std::string(kTokenVariable) + "=" + token_);
  const auto pid = spawn(request);
  log_.close_write_end();
  if (!pid) return tl::make_unexpected(pid.error());
  tool_ = *pid;
  household_.tools.push_back(tool_);
  begun_ = now.instant;
  started_ = now.wall;
  if (launch_.timeout_ms != 0) timeout_at_ = now.instant + bounded(launch_.timeout_ms);
  launch_.env.clear();  // may be large, and the tool can run for days
  launch_.argv.clear();
  return {};
}

void SupervisedProcess::stop(protocol::Outcome outcome, std::string reason, Instant now) {
  if (tool_ended_ || verdict_) return;
  verdict_ = {outcome, std::move(reason)};
  timeout_at_.reset();
  const Duration grace = bounded(launch_.grace_ms);
  if (grace > Duration{}) {
    kill_at_ = now + grace;
    signal_all(SIGTERM, now);
  } else {
    signal_all(SIGKILL, now);
    recheck_later(now);
  }
}

bool SupervisedProcess::on_reaped(pid_t pid, int status, const rusage& usage) {
  const bool is_tool = pid == tool_ && !tool_ended_;
  if (!is_tool && std::find(members_.begin(), members_.end(), pid) == members_.end()) return false;
  if (is_tool) {
    tool_ended_ = true;
    status_ = status;
    timeout_at_.reset();
    std::erase(household_.tools, pid);
  }
  std::erase(members_, pid);
  check_due_ = true;
  cpu_us_ += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  memory_peak_bytes_ =
      std::max(memory_peak_bytes_, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return true;
}

void SupervisedProcess::tick(Instant now) {
  if (timeout_at_ && now >= *timeout_at_) {
    stop(protocol::Outcome::kTimeout,
         "time limit of " + format_duration(bounded(launch_.timeout_ms)) + " exceeded", now);
  }
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    signal_all(SIGKILL, now);
    recheck_later(now);
  }
  if (recheck_at_ && now >= *recheck_at_) {
    recheck_at_.reset();
    check_due_ = true;
    if (!tool_ended_) {
      signal_all(SIGKILL, now);
      recheck_later(now);
    }
  }
}

std::optional<Instant> SupervisedProcess::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& at : {timeout_at_, kill_at_, recheck_at_}) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

bool SupervisedProcess::is_over(Instant now, bool childless) {
  if (!tool_ended_ || !std::exchange(check_due_, false)) return false;
  if (childless && tool_ != 0) return true;
  const std::vector<ProcessInfo> members = look_for_members(now);
  if (members.empty()) return true;
  if (!kill_at_) {
    for (const ProcessInfo& member : members) kill(member.pid, SIGKILL);
    recheck_later(now);
  }
  return false;
}

std::vector<ProcessInfo> SupervisedProcess::look_for_members(Instant now) {
  const Kinship kinship{household_.executor, tool_, to_ticks(begun_), token_, &household_.tools};
  std::optional<std::vector<ProcessInfo>> table;
  if (tool_ != 0 && now - begun_ < kShortLife) table = processes_since(tool_, kFewNumbers);
  if (!table) table = all_processes();
  auto members = attempt_members(*table, kinship);
  members_.clear();
  for (const ProcessInfo& member : members) members_.push_back(member.pid);
  return members;
}

/// Once the tool is reaped its number may be another's, so its group is no longer addressed.
void SupervisedProcess::signal_all(int signal, Instant now) {
  const std::vector<ProcessInfo> members = look_for_members(now);
  if (!tool_ended_) kill(-tool_, signal);
  for (const ProcessInfo& member : members) {
    if (tool_ended_ || member.group != tool_) kill(member.pid, signal);
  }
}

void SupervisedProcess::recheck_later(Instant now) {
  recheck_pause_ = std::clamp(recheck_pause_ * 2, kRecheckFirst, kRecheckMax);
  recheck_at_ = now + recheck_pause_;
}

/// How long it ran is measured by the boot clock: the broker learns from it how long tools take,
/// and a wall clock that is set meanwhile must not teach it anything.
Ended SupervisedProcess::finish(Now now) {
  log_.finish();
  Ended ended;
  ended.key = launch_.key;
  ended.log_tail = log_.tail();
  ended.started_at_ms = started_.unix_ms;
  ended.finished_at_ms = started_.unix_ms == 0
                             ? now.wall.unix_ms
                             : started_.unix_ms + (now.instant - begun_).count() / 1'000'000;
  ended.cpu_ms = cpu_us_ / 1000;
  ended.memory_peak_bytes = memory_peak_bytes_;
  describe_end(ended);
  return ended;
}

void SupervisedProcess::describe_end(Ended& ended) const {
  const bool exited = WIFEXITED(status_);
  ended.exit_code = exited ? WEXITSTATUS(status_) : WTERMSIG(status_);
  if (verdict_) {
    ended.outcome = verdict_->outcome;
    ended.reason = verdict_->reason;
  } else if (exited && ended.exit_code == 0) {
    ended.outcome = protocol::Outcome::kSucceeded;
  } else if (exited) {
    ended.outcome = protocol::Outcome::kExitCode;
    ended.reason = "exit code " + std::to_string(ended.exit_code);
  } else {
    ended.outcome = protocol::Outcome::kSignal;
    ended.reason = signal_text(ended.exit_code);
    if (ended.exit_code == SIGKILL && launch_.memory_bytes != 0 &&
        memory_peak_bytes_ > launch_.memory_bytes) {
      ended.reason += ", having used " + format_bytes(memory_peak_bytes_) + " of the " +
                      format_bytes(launch_.memory_bytes) + " it asked for";
    }
  }
}

}  // namespace landseer::worker
