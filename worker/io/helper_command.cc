#include "worker/io/helper_command.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "worker/io/executor_messages.h"
#include "worker/io/executor_note.h"
#include "worker/io/spawn.h"
#include "worker/io/supervised_process.h"

namespace landseer::worker {
namespace {

/// The executor's own environment, and a token that is no attempt's.
std::vector<std::string> helper_environment() {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  env.push_back(std::string(kTokenVariable) + "=none");
  return env;
}

std::string status_text(int status) {
  return WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

HelperCommand::HelperCommand(Household& household, std::vector<std::string> argv)
    : household_(household), argv_(std::move(argv)), done_(argv_.empty()) {}

HelperCommand::~HelperCommand() {
  if (pid_ == 0) return;
  kill(-pid_, SIGKILL);
  std::erase(household_.tools, pid_);
}

void HelperCommand::start(Instant now) {
  if (!done_ && !std::exchange(started_, true)) run(now);
}

void HelperCommand::give_up() {
  is_last_ = true;
  started_ = true;
  again_at_.reset();
}

void HelperCommand::run(Instant now) {
  again_at_.reset();
  SpawnRequest request{argv_, helper_environment(), "/", household_.dev_null, household_.dev_null};
  request.errors = STDERR_FILENO;
  const auto pid = spawn(request);
  if (!pid) {
    note(pid.error().message);
    return run_later(now);
  }
  pid_ = *pid;
  household_.tools.push_back(pid_);
  kill_at_ = now + kTimeLimit;
}

void HelperCommand::run_later(Instant now) {
  pause_ = std::clamp(pause_ * 2, kPauseFirst, kPauseMax);
  again_at_ = now + pause_;
}

bool HelperCommand::on_reaped(pid_t pid, int status, Instant now) {
  if (pid_ == 0 || pid != pid_) return false;
  std::erase(household_.tools, pid_);
  pid_ = 0;
  kill_at_.reset();
  done_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!done_) {
    note(argv_[0] + (argv_.size() > 1 ? " " + argv_[1] : "") + ": " + status_text(status));
    if (!is_last_) run_later(now);
  }
  return true;
}

void HelperCommand::tick(Instant now) {
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    kill(-pid_, SIGKILL);
  }
  if (again_at_ && now >= *again_at_) run(now);
}

std::optional<Instant> HelperCommand::next_deadline() const {
  return kill_at_ ? kill_at_ : again_at_;
}

}  // namespace landseer::worker
