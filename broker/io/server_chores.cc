/// What nobody waits for: it comes after the answers, and gives way to those who ask meanwhile.
#include <spdlog/spdlog.h>

#include <utility>

#include "broker/io/server.h"
#include "common/net/clock.h"

namespace landseer::broker {
namespace {

constexpr Duration kHistoryRetry = std::chrono::seconds(10);
/// Who was answered asks again at once, or has a result: a sync would make them wait.
constexpr Duration kChoreDelay = std::chrono::milliseconds(5);

}  // namespace

void Server::do_chores(const Now& now) {
  if (audit_due_ && now.instant >= *audit_due_) sync_audit();
  write_history(now);
  if (std::exchange(took_built_, false)) builder_.stored();
}

/// One slice a turn, and half of the time at most: what people and workers wait for goes first.
void Server::write_history(const Now& now) {
  if (!history_.is_due(*core_, now)) return history_due_.reset();
  if (!history_due_) history_due_ = now.instant + kChoreDelay;
  if (now.instant < *history_due_) return;
  const auto written = history_.step(*core_, now);
  const Instant after = net::now().instant;
  history_due_ = after + (after - now.instant);
  if (written) return;
  history_due_ = after + kHistoryRetry;
  ++history_errors_;
  if ((history_errors_ & (history_errors_ - 1)) == 0) {
    spdlog::warn("the history is not written: {}", written.error().to_string());
  }
}

void Server::write_audit() {
  if (auto written = audit_.write(outbox_.audits, net::now().wall); !written) {
    count_audit_error(written.error());
  }
  if (!outbox_.audits.empty() && !audit_due_) audit_due_ = net::now().instant + kChoreDelay;
}

/// What was accepted is in the store; these lines may be a few milliseconds late.
void Server::sync_audit() {
  audit_due_.reset();
  if (auto synced = audit_.sync(); !synced) count_audit_error(synced.error());
}

void Server::count_audit_error(const Error& error) {
  ++audit_errors_;
  if ((audit_errors_ & (audit_errors_ - 1)) == 0) {
    spdlog::warn("the audit log is not written: {}", error.to_string());
  }
}

}  // namespace landseer::broker
