#include "submitter/cli/log_follower.h"

#include "common/domain/types.h"
#include "common/net/clock.h"

namespace landseer::cli {
namespace {

// How often it is asked whether a task has started, or its attempt has ended.
constexpr Duration kAskInterval = std::chrono::milliseconds(250);
// A restarted broker is back within this time; longer silence is for the user to judge.
constexpr Duration kSilenceMax = std::chrono::minutes(1);

std::string ended_text(const protocol::AttemptRow& row) {
  return "attempt " + std::to_string(row.attempt) + " on '" + row.worker + "' has ended" +
         (row.reason.empty() ? "" : ": " + row.reason);
}

}  // namespace

Result<protocol::TaskDetail> LogFollower::ask() {
  std::optional<Instant> silent_since;
  while (true) {
    auto client = context_.client();
    auto detail = client ? (*client)->task(task_) : tl::make_unexpected(client.error());
    if (detail || detail.error().code != ErrorCode::kUnavailable ||
        context_.interrupted_by() != 0) {
      return detail;
    }
    const Instant now = net::now().instant;
    if (!silent_since) context_.note("the broker does not answer; trying for another minute");
    silent_since = silent_since.value_or(now);
    if (now - *silent_since > kSilenceMax) return detail;
    if (auto rested = context_.rest(kAskInterval); !rested)
      return tl::make_unexpected(rested.error());
  }
}

Result<std::optional<std::uint32_t>> LogFollower::wait_for_attempt_after(std::uint32_t after) {
  bool noted = false;
  while (true) {
    const auto detail = ask();
    if (!detail) return tl::make_unexpected(detail.error());
    const auto& attempts = detail->attempts;
    const bool has_ended =
        after > 0 && after <= attempts.size() && attempts[after - 1].outcome != 0;
    if (attempts.size() > after) {
      if (has_ended) context_.note(ended_text(attempts[after - 1]) + "; going on with the next");
      return after == 0 ? static_cast<std::uint32_t>(attempts.size()) : after + 1;
    }
    if (domain::is_terminal(static_cast<domain::TaskStatus>(detail->row.status))) {
      return std::nullopt;
    }
    if (!noted && (after == 0 || has_ended)) {
      noted = true;
      context_.note(after == 0 ? to_string(task_) + " has not started yet; waiting"
                               : ended_text(attempts[after - 1]) + "; waiting for the next");
    }
    if (auto rested = context_.rest(kAskInterval); !rested) {
      return tl::make_unexpected(rested.error());
    }
  }
}

Result<bool> LogFollower::ride_out(std::uint32_t attempt, const Error& error) {
  const bool may_pass =
      error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kNotAllowed;
  if (!may_pass || context_.interrupted_by() != 0) return tl::make_unexpected(error);
  if (!noted_) context_.note(error.message + "; waiting");
  noted_ = true;
  const auto detail = ask();
  if (!detail) return tl::make_unexpected(detail.error());
  if (attempt > 0 && attempt <= detail->attempts.size() &&
      detail->attempts[attempt - 1].outcome != 0) {
    return false;
  }
  if (auto rested = context_.rest(kAskInterval); !rested) {
    return tl::make_unexpected(rested.error());
  }
  return true;
}

}  // namespace landseer::cli
