#include "worker/io/supervised_process.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/units.h"

namespace landseer::worker {
namespace {

using std::chrono::milliseconds;

/// A killed process is gone in less, and then SIGCHLD says so. This is for those that take long
/// to die (device or network file system) and for processes that are no children of ours.
constexpr Duration kRecheckFirst = milliseconds(20);
constexpr Duration kRecheckMax = milliseconds(1000);

/// For what a container engine does after the end of the container: to be killed in it would leave
/// work for `remove_argv`, which costs more.
constexpr Duration kEngineGrace = milliseconds(2000);

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
  std::unique_ptr<SupervisedProcess> process(
      new SupervisedProcess(household, launch, std::move(token)));
  auto log = LogCapture::open(launch.log_path, household.log_bytes_max);
  if (!log) return fail(log.error().code, "cannot start: " + log.error().to_string());
  process->log_ = std::move(*log);
  if (auto started = process->spawn_tool(now); !started) {
    return tl::make_unexpected(started.error());
  }
  return process;
}

std::unique_ptr<SupervisedProcess> SupervisedProcess::adopt(const AttemptFiles::Remains& remains,
                                                            std::string token,
                                                            Household& household) {
  Launch launch;
  launch.key = remains.key;
  launch.remove_argv = remains.remove_argv;
  std::unique_ptr<SupervisedProcess> process(
      new SupervisedProcess(household, std::move(launch), std::move(token)));
  process->cgroup_ = household.cgroups.find_left(remains.cgroup);
  process->remains_ = true;
  process->tool_ended_ = true;
  process->check_due_ = true;
  process->verdict_ = {protocol::Outcome::kReturned, "the worker's executor died while it ran"};
  return process;
}

SupervisedProcess::SupervisedProcess(Household& household, Launch launch, std::string token)
    : household_(household),
      launch_(std::move(launch)),
      token_(std::move(token)),
      terminate_(household, launch_.terminate_argv),
      kill_(household, launch_.kill_argv),
      remove_(household, launch_.remove_argv) {}

Result<void> SupervisedProcess::spawn_tool(Now now) {
  if (!launch_.cgroup.empty() && !household_.cgroups.path().empty()) {
    auto cgroup = household_.cgroups.make({launch_.cgroup, launch_.memory_bytes,
                                           launch_.pids_max != 0 ? launch_.pids_max : kPidsMax,
                                           is_container()});
    if (!cgroup) return fail(ErrorCode::kIo, "cannot start: " + cgroup.error().to_string());
    cgroup_ = std::move(*cgroup);
    household_.cgroup_parent = launch_.cgroup.substr(0, launch_.cgroup.rfind('/'));
  }
  const auto pid = spawn(make_request(now));
  log_.close_write_end();
  cgroup_.close_entrances();
  if (!pid) {
    cgroup_.remove();
    return tl::make_unexpected(pid.error());
  }
  tool_ = *pid;
  household_.tools.push_back(tool_);
  begun_ = now.instant;
  started_ = now.wall;
  if (launch_.timeout_ms != 0) timeout_at_ = now.instant + bounded(launch_.timeout_ms);
  launch_.env.clear();  // may be large, and the tool can run for days
  launch_.argv.clear();
  return {};
}

SpawnRequest SupervisedProcess::make_request(Now now) {
  SpawnRequest request{launch_.argv, launch_.env, launch_.cwd, household_.dev_null,
                       log_.write_end()};
  request.env.push_back(std::string(kTokenVariable) + "=" + token_);
  if (is_container()) request.env.push_back(std::string(kTokenAlias) + "=" + token_);
  if (launch_.timeout_ms != 0) {
    const std::int64_t end_ms = now.wall.unix_ms + bounded(launch_.timeout_ms).count() / 1'000'000;
    const std::string end = "=" + std::to_string(end_ms / 1000);
    request.env.push_back(std::string(kDeadlineVariable) + end);
    for (const std::string& name : launch_.deadline_names) request.env.push_back(name + end);
  }
  request.entrances = cgroup_.entrances();
  return request;
}

void SupervisedProcess::stop(protocol::Outcome outcome, std::string reason, Instant now) {
  if (tool_ended_ || verdict_) return;
  verdict_ = {outcome, std::move(reason)};
  timeout_at_.reset();
  const Duration grace = bounded(launch_.grace_ms);
  if (grace > Duration{}) {
    kill_at_ = now + grace;
    // An engine's client passes it on to the container, which would else get it twice.
    if (is_container()) {
      kill(tool_, SIGTERM);
    } else {
      signal_all(SIGTERM, now);
    }
    terminate_.start(now);
  } else {
    kill_all(now);
  }
}

bool SupervisedProcess::on_reaped(pid_t pid, int status, const rusage& usage, Instant now) {
  for (HelperCommand* helper : {&terminate_, &kill_, &remove_}) {
    if (!helper->on_reaped(pid, status, now)) continue;
    check_due_ = true;
    return true;
  }
  const bool is_tool = pid == tool_ && !tool_ended_;
  if (!is_tool && std::find(members_.begin(), members_.end(), pid) == members_.end()) return false;
  if (is_tool) {
    tool_ended_ = true;
    status_ = status;
    timeout_at_.reset();
    std::erase(household_.tools, pid);
    remains_ = remains_ || verdict_ || WIFSIGNALED(status) || (launch_.remote && status != 0);
    // Nothing of it runs that these could speak to.
    terminate_.give_up();
    kill_.give_up();
    if (!kill_at_ && !remains_ && !remove_.is_done()) kill_at_ = now + kEngineGrace;
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
    check_due_ = true;
    terminate_.give_up();
    kill_all(now);
  }
  if (recheck_at_ && now >= *recheck_at_) {
    recheck_at_.reset();
    check_due_ = true;
    if (!tool_ended_) kill_all(now);
  }
  for (HelperCommand* helper : {&terminate_, &kill_, &remove_}) helper->tick(now);
}

std::optional<Instant> SupervisedProcess::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& at : {timeout_at_, kill_at_, recheck_at_, terminate_.next_deadline(),
                         kill_.next_deadline(), remove_.next_deadline()}) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

bool SupervisedProcess::is_over(Instant now, bool childless) {
  if (!tool_ended_ || !std::exchange(check_due_, false)) return false;
  return are_processes_gone(now, childless) && is_cleaned_up(now);
}

bool SupervisedProcess::are_processes_gone(Instant now, bool childless) {
  // An empty cgroup can be removed, which is the cheapest way to know. That of a container engine
  // has others below it.
  const bool asked = cgroup_ && !remove_.is_done();
  const bool in_cgroup = asked && cgroup_.is_populated();
  const bool no_family = childless && tool_ != 0;
  if (!in_cgroup && (no_family || look_for_members(now).empty())) return true;
  if (kill_at_) {
    if (in_cgroup) recheck_later(now);  // they may be no children of ours: nobody will tell us
    return false;
  }
  remains_ = true;
  kill_all(now);
  return false;
}

bool SupervisedProcess::is_cleaned_up(Instant now) {
  kill_at_.reset();
  if (remains_) remove_.start(now);
  if (remains_ && !remove_.is_done()) return false;
  if (!cgroup_) return true;
  cgroup_usage_ = cgroup_.usage();
  if (cgroup_.remove()) return true;
  kill_all(now);
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

void SupervisedProcess::kill_all(Instant now) {
  signal_all(SIGKILL, now);
  if (cgroup_) cgroup_.kill_all();
  if (!tool_ended_) kill_.start(now);
  recheck_later(now);
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
  ended.cpu_ms = (cgroup_usage_.cpu_us != 0 ? cgroup_usage_.cpu_us : cpu_us_) / 1000;
  if (cgroup_usage_.memory_peak_bytes != 0) memory_peak_bytes_ = cgroup_usage_.memory_peak_bytes;
  ended.memory_peak_bytes = memory_peak_bytes_;
  if (launch_.remote) ended.cpu_ms = ended.memory_peak_bytes = 0;
  describe_end(ended);
  return ended;
}

/// The kernel counts whom it killed, but v1 not for the cgroups below, where containers live. There
/// nobody else is known to kill a tool that has used all its memory.
bool SupervisedProcess::ran_out_of_memory() const {
  constexpr int kShellSaysKilled = 128 + SIGKILL;
  if (cgroup_usage_.out_of_memory_kills != 0) return true;
  const bool killed =
      WIFEXITED(status_) ? WEXITSTATUS(status_) == kShellSaysKilled : WTERMSIG(status_) == SIGKILL;
  return killed && launch_.memory_bytes != 0 && is_container() &&
         cgroup_usage_.memory_peak_bytes >= launch_.memory_bytes / 100 * 99;
}

void SupervisedProcess::describe_end(Ended& ended) const {
  const bool exited = WIFEXITED(status_);
  ended.exit_code = exited ? WEXITSTATUS(status_) : WTERMSIG(status_);
  if (verdict_) {
    ended.outcome = verdict_->outcome;
    ended.reason = verdict_->reason;
  } else if (exited && ended.exit_code == 0) {
    ended.outcome = protocol::Outcome::kSucceeded;
  } else if (ran_out_of_memory()) {
    ended.outcome = protocol::Outcome::kOutOfMemory;
    ended.reason = "out of memory: peak " + format_bytes(ended.memory_peak_bytes) + ", " +
                   (launch_.memory_bytes != 0 ? "limit " + format_bytes(launch_.memory_bytes)
                                              : "the host has no more");
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
