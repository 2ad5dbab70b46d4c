#include "worker/io/executor_loop.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "common/net/clock.h"
#include "worker/io/executor_note.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kHeldMax = 4096;  // agents hold one for each tool that runs

constexpr int kMessagesPerTurn = 64;
constexpr std::size_t kFixedDescriptors = 3;  // signals, alarm, listener

Ended unstarted(const AttemptKey& key, protocol::Outcome outcome, std::string reason) {
  Ended ended;
  ended.key = key;
  ended.outcome = outcome;
  ended.reason = std::move(reason);
  ended.finished_at_ms = net::now().wall.unix_ms;
  return ended;
}

pollfd readable(int fd) { return {fd, POLLIN, 0}; }

}  // namespace

ExecutorLoop::ExecutorLoop(ExecutorParts parts) : parts_(std::move(parts)) {
  household_ = {
      getpid(), parts_.dev_null.get(), parts_.log_bytes_max, {}, CgroupRoot::find(parts_.cgroups)};
  lease_end_ = net::now().instant + parts_.lease;
  load();
}

void ExecutorLoop::load() {
  AttemptFiles::Found found = parts_.files.load();
  for (Ended& ended : found.ended) ended_.emplace(ended.key, std::move(ended));
  for (const AttemptFiles::Remains& remains : found.unfinished) {
    const AttemptKey& key = remains.key;
    note("attempt " + to_string(key) + " was left by an executor that died: killing it");
    running_.emplace(key, SupervisedProcess::adopt(remains, parts_.files.token(key), household_));
  }
}

void ExecutorLoop::run() {
  note("started");
  settle();
  while (!is_done()) {
    wait();
    pump_logs();
    take_signals();  // before the rest: a tool that ended by itself cannot be stopped any more
    if (agent_) serve_agent();
    accept_agent();
    tick();
    settle();
  }
  household_.cgroups.find_left(household_.cgroup_parent).remove();
  note("ends, nothing is left to do");
}

bool ExecutorLoop::is_done() const {
  if (!running_.empty()) return false;
  if (quitting_) return !agent_ || !agent_->wants_write();
  return !agent_ && net::now().instant >= lease_end_;
}

void ExecutorLoop::wait() {
  polled_.clear();
  polled_.push_back(readable(parts_.signals.get()));
  polled_.push_back(readable(parts_.alarm.get()));
  polled_.push_back(readable(parts_.listener.get()));
  if (agent_) {
    pollfd agent = readable(agent_->fd());
    if (agent_->wants_write()) agent.events |= POLLOUT;
    polled_.push_back(agent);
  }
  for (auto& [key, attempt] : running_) {
    if (attempt->log().fd() >= 0) polled_.push_back(readable(attempt->log().fd()));
  }
  set_alarm();
  poll(polled_.data(), polled_.size(), -1);
}

/// A timer of the boot clock, because the time poll() counts stands still in suspend.
void ExecutorLoop::set_alarm() {
  const auto next = next_deadline();
  if (next == alarm_at_) return;
  alarm_at_ = next;
  itimerspec at{};
  if (next) {
    const std::int64_t nanoseconds = std::max<std::int64_t>(next->nanoseconds, 1);
    at.it_value.tv_sec = nanoseconds / 1'000'000'000;
    at.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  }
  timerfd_settime(parts_.alarm.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

std::optional<Instant> ExecutorLoop::next_deadline() const {
  std::optional<Instant> next;
  if (!lease_over_ && (!running_.empty() || !held_.empty() || !agent_)) next = lease_end_;
  for (const auto& [key, attempt] : running_) {
    const auto due = attempt->next_deadline();
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

/// The logs are the last of what was polled, in the order of `running_`, which is still the same.
void ExecutorLoop::pump_logs() {
  std::size_t next = kFixedDescriptors + (agent_ ? 1 : 0);
  for (auto& [key, attempt] : running_) {
    if (attempt->log().fd() < 0) continue;
    if (polled_[next++].revents != 0) attempt->log().pump();
  }
}

void ExecutorLoop::take_signals() {
  signalfd_siginfo info{};
  bool child = false;
  while (read(parts_.signals.get(), &info, sizeof info) == sizeof info) {
    child = child || info.ssi_signo == SIGCHLD;
    if (info.ssi_signo == SIGTERM) on(Quit{});
  }
  if (child) reap();
}

void ExecutorLoop::reap() {
  int status = 0;
  rusage usage{};
  pid_t pid = 0;
  bool any = false;
  const Instant now = net::now().instant;
  while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
    any = true;
    for (auto& [key, attempt] : running_) {
      if (attempt->on_reaped(pid, status, usage, now)) break;
    }
  }
  childless_ = pid < 0 && errno == ECHILD;
  if (!any) return;
  for (auto& [key, attempt] : running_) attempt->on_family_changed();
}

void ExecutorLoop::accept_agent() {
  const auto is_ready = [](const pollfd& entry) { return entry.revents != 0; };
  if (!is_ready(polled_[kFixedDescriptors - 1])) return;
  UniqueFd fd(accept4(parts_.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!fd || getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (peer.uid != geteuid()) return note("refused user " + std::to_string(peer.uid));
  if (agent_) drop_agent("a newer one came");
  note("agent " + std::to_string(peer.pid) + " came");
  agent_ = std::make_unique<Link>(std::move(fd));
  for (const auto& [key, ended] : ended_) send(ended);
  Inventory inventory{{}, household_.cgroups.path(), household_.cgroups.unenforced(), true};
  for (const auto& [key, attempt] : running_) inventory.running.push_back(attempt->launched());
  send(inventory);
}

void ExecutorLoop::serve_agent() {
  for (int i = 0; agent_ && i < kMessagesPerTurn; ++i) {
    const auto bytes = agent_->receive();
    if (!bytes) return drop_agent(bytes.error().message);
    if (!*bytes) break;
    const auto message = decode_to_executor(**bytes);
    if (!message) return drop_agent(message.error().to_string());
    std::visit([this](const auto& m) { on(m); }, *message);
  }
  if (agent_) std::ignore = agent_->flush();
}

void ExecutorLoop::drop_agent(const std::string& why) {
  note("agent left: " + why);
  agent_.reset();
  give_back_held("the worker's agent went before it started");
}

/// Failure is left to serve_agent(): the agent's last words, a Renew perhaps, are still to be read.
void ExecutorLoop::send(const FromExecutor& message) {
  if (agent_) std::ignore = agent_->send(encode(message));
}

void ExecutorLoop::tick() {
  const Instant now = net::now().instant;
  if (now >= lease_end_ && !lease_over_) {
    lease_over_ = true;
    give_back_held("lease ended");
    stop_all(protocol::Outcome::kReturned, "lease ended");
  }
  for (auto& [key, attempt] : running_) attempt->tick(now);
}

void ExecutorLoop::settle() {
  for (auto it = running_.begin(); it != running_.end();) {
    const Now now = net::now();
    if (!it->second->is_over(now.instant, childless_)) {
      ++it;
      continue;
    }
    // The next one first, for the place is free; what is left of this one can wait. Not when the
    // lease is over, say after the machine stood still: tick() gives it back.
    std::optional<Launch> next;
    if (now.instant < lease_end_) next = take_held(it->second->slot());
    std::optional<std::variant<Launched, Ended>> begun;
    if (next) begun = begin(*next, now);
    Ended ended = it->second->finish(now);
    if (next) ended.next = next->key;
    it = running_.erase(it);
    keep(std::move(ended));
    if (begun) announce(std::move(*begun));
  }
}

void ExecutorLoop::on(const Launch& launch) {
  if (const auto running = running_.find(launch.key); running != running_.end()) {
    return send(running->second->launched());
  }
  if (const auto ended = ended_.find(launch.key); ended != ended_.end()) {
    return send(ended->second);
  }
  const Now now = net::now();
  if (quitting_ || now.instant >= lease_end_) {
    return end_unstarted(launch.key, protocol::Outcome::kReturned,
                         quitting_ ? "the worker's executor was stopped" : "lease ended");
  }
  const auto is_same = [&](const Launch& held) { return held.key == launch.key; };
  if (std::any_of(held_.begin(), held_.end(), is_same)) return;
  if (!launch.held) return announce(begin(launch, now));
  if (held_.size() < kHeldMax) return held_.push_back(launch);
  end_unstarted(launch.key, protocol::Outcome::kReturned, "the worker's executor holds too many");
}

/// What is to be said of it.
std::variant<Launched, Ended> ExecutorLoop::begin(const Launch& launch, Now now) {
  if (auto marked = parts_.files.mark_launched(launch); !marked) {
    return unstarted(launch.key, protocol::Outcome::kRuntimeError,
                     "cannot start: " + marked.error().to_string());
  }
  auto started = SupervisedProcess::start(launch, parts_.files.token(launch.key), household_, now);
  if (!started) {
    Ended ended = unstarted(launch.key, protocol::Outcome::kRuntimeError, started.error().message);
    ended.host_is_well = started.error().code == ErrorCode::kNotFound;
    return ended;
  }
  childless_ = false;
  return running_.emplace(launch.key, std::move(*started)).first->second->launched();
}

void ExecutorLoop::announce(std::variant<Launched, Ended> begun) {
  if (auto* ended = std::get_if<Ended>(&begun)) return keep(std::move(*ended));
  send(std::get<Launched>(begun));
}

void ExecutorLoop::on(const Start& start) {
  const auto launch = take_held(start.key);
  const Now now = net::now();
  if (!launch) return;
  if (now.instant < lease_end_) return announce(begin(*launch, now));
  end_unstarted(start.key, protocol::Outcome::kReturned, "lease ended");
}

std::optional<Launch> ExecutorLoop::take_held(const AttemptKey& key) {
  const auto found =
      std::find_if(held_.begin(), held_.end(), [&](const Launch& held) { return held.key == key; });
  if (found == held_.end()) return std::nullopt;
  Launch launch = std::move(*found);
  held_.erase(found);
  return launch;
}

/// The one that waits for the longest time for such a place.
std::optional<Launch> ExecutorLoop::take_held(const std::string& slot) {
  const auto found = std::find_if(held_.begin(), held_.end(),
                                  [&](const Launch& held) { return held.slot == slot; });
  if (slot.empty() || found == held_.end()) return std::nullopt;
  Launch launch = std::move(*found);
  held_.erase(found);
  return launch;
}

void ExecutorLoop::give_back_held(const std::string& reason) {
  for (const Launch& launch : std::exchange(held_, {})) {
    end_unstarted(launch.key, protocol::Outcome::kReturned, reason);
  }
}

void ExecutorLoop::on(const Halt& halt) {
  if (const auto running = running_.find(halt.key); running != running_.end()) {
    running->second->stop(protocol::Outcome::kCancelled, "cancelled", net::now().instant);
  } else if (const auto ended = ended_.find(halt.key); ended != ended_.end()) {
    send(ended->second);
  } else {
    std::ignore = take_held(halt.key);
    end_unstarted(halt.key, protocol::Outcome::kCancelled, "cancelled before it started");
  }
}

void ExecutorLoop::on(const Renew& renew) {
  constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;
  constexpr std::uint64_t kUntilMsMax = 1ULL << 43;  // centuries, and fits in nanoseconds
  const auto remaining = std::chrono::milliseconds(std::min(renew.remaining_ms, kDayMs));
  lease_end_ = net::now().instant + remaining;
  if (renew.until_ms != 0) {
    const auto until = static_cast<std::int64_t>(std::min(renew.until_ms, kUntilMsMax));
    lease_end_ = std::min(lease_end_, Instant{until * 1'000'000});
  }
  lease_over_ = false;
}

void ExecutorLoop::on(const Forget& forget) {
  if (ended_.erase(forget.key) != 0) parts_.files.forget(forget.key);
}

void ExecutorLoop::on(const Quit&) {
  if (!std::exchange(quitting_, true)) note("was asked to end");
  give_back_held("the worker's executor was stopped");
  stop_all(protocol::Outcome::kReturned, "the worker's executor was stopped");
}

void ExecutorLoop::stop_all(protocol::Outcome outcome, const std::string& reason) {
  const Instant now = net::now().instant;
  for (auto& [key, attempt] : running_) attempt->stop(outcome, reason, now);
}

void ExecutorLoop::end_unstarted(const AttemptKey& key, protocol::Outcome outcome,
                                 std::string reason) {
  keep(unstarted(key, outcome, std::move(reason)));
}

/// Written before it is sent: what an agent was told, the next executor knows.
void ExecutorLoop::keep(Ended ended) {
  const AttemptKey key = ended.key;
  std::string message = encode(FromExecutor(ended));
  if (const auto recorded = parts_.files.record(key, message); !recorded) {
    note(recorded.error().to_string() + "; attempt " + to_string(key) +
         " will look unfinished to the next executor");
  }
  ended_.insert_or_assign(key, std::move(ended));
  if (agent_) std::ignore = agent_->send(std::move(message));
}

}  // namespace landseer::worker
