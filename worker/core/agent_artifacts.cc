// What the agent tells the broker about artifacts, and asks before one is removed; checkpoints.
#include <utility>

#include "common/protocol/limits.h"
#include "worker/core/agent.h"
#include "worker/core/batches.h"

namespace landseer::worker {
namespace {

constexpr Duration kAskAgain = std::chrono::milliseconds(250);

}  // namespace

void Agent::send_holdings(std::vector<Effect>& out) {
  in_batches(dropped_, [&](auto part) {
    out.push_back(Send{protocol::Dropped{session_, std::move(part)}});
  });
  in_batches(fetched_, [&](auto part) {
    const std::uint64_t bytes = std::exchange(bytes_fetched_, 0);
    out.push_back(Send{protocol::Holding{session_, std::move(part), bytes}});
  });
  if (bytes_fetched_ == 0) return;  // else all of it was for inputs that could not be had
  out.push_back(Send{protocol::Holding{session_, {}, std::exchange(bytes_fetched_, 0)}});
}

void Agent::on(const CheckpointCaptured& event, const Now&, std::vector<Effect>& out) {
  Attempt* attempt = find(event.key);
  if (attempt == nullptr || attempt->phase != Phase::kSaving) return;
  if (shutting_down_ && !event.artifact.empty()) wanted_.insert(event.artifact);
  attempt->result.checkpoint = event.artifact;
  attempt->result.checkpoint_bytes = event.bytes;
  spare(event.artifact);
  report(event.key, attempt->result.outcome, std::move(attempt->result.reason), out);
}

bool Agent::is_waiting_to_leave() const {
  return shutting_down_ && session_ != 0 && attempts_.empty() && !wanted_.empty() && !said_goodbye_;
}

/// Not while another worker may be fetching a checkpoint that was given back a moment ago: it would
/// have to begin anew. The broker is asked whether one is.
void Agent::leave(const Now& now, std::vector<Effect>& out) {
  if (!shutting_down_ || !attempts_.empty() || said_goodbye_) return;
  if (!is_waiting_to_leave() || now.instant >= leave_by_) {
    out.push_back(Send{protocol::Goodbye{session_}});
    said_goodbye_ = true;
  } else if (now.instant >= ask_again_) {
    std::vector<Digest> asked(wanted_.begin(), wanted_.end());
    in_batches(asked, [&](auto part) {
      out.push_back(Send{protocol::ReleaseRequest{session_, std::move(part)}});
    });
    ask_again_ = now.instant + kAskAgain;
  }
}

/// What attempts here read, and what the broker may not have heard of yet: it would think that
/// nobody needs a result that is still under way to it.
std::set<Digest> Agent::artifacts_in_use() const {
  std::set<Digest> used;
  for (const auto& [key, attempt] : attempts_) {
    for (const protocol::InputArtifact& input : attempt.job.inputs) used.insert(input.artifact);
    used.insert(attempt.job.checkpoint.artifact);
    used.insert(attempt.result.artifact);
    used.insert(attempt.result.checkpoint);
  }
  return used;
}

/// The broker is told that it is here: an answer to what was asked before does not count any more.
void Agent::spare(const Digest& artifact) {
  if (std::erase(asked_, artifact) > 0) spared_.push_back(artifact);
}

/// Without a conversation nobody can be asked; the shell says it again.
void Agent::on(const StoreFull& event, const Now&, std::vector<Effect>& out) {
  if (session_ == 0 || shutting_down_) return;
  const std::set<Digest> used = artifacts_in_use();
  asked_.clear();
  spared_.clear();
  for (const Digest& artifact : event.artifacts) {
    (used.contains(artifact) ? spared_ : asked_).push_back(artifact);
  }
  if (asked_.size() > protocol::kBatchMax) asked_.resize(protocol::kBatchMax);
  if (!asked_.empty()) {
    out.push_back(Send{protocol::ReleaseRequest{session_, asked_}});
  } else if (!spared_.empty()) {
    out.push_back(RemoveArtifacts{{}, std::exchange(spared_, {})});
  }
}

void Agent::on_message(const protocol::Release& m, const Now&, std::vector<Effect>& out) {
  if (m.session != session_) return;
  for (const Digest& artifact : m.artifacts) wanted_.erase(artifact);
  if (asked_.empty() && spared_.empty()) return;
  const std::set<Digest> used = artifacts_in_use();
  const std::set<Digest> given_up(m.artifacts.begin(), m.artifacts.end());
  RemoveArtifacts remove{{}, std::exchange(spared_, {})};
  for (const Digest& artifact : asked_) {
    if (!given_up.contains(artifact)) {
      remove.kept.push_back(artifact);
    } else if (used.contains(artifact)) {
      // An attempt came meanwhile. The broker no longer counts this worker: tell it again.
      fetched_.push_back(artifact);
      remove.kept.push_back(artifact);
    } else {
      remove.released.push_back(artifact);
    }
  }
  asked_.clear();
  out.push_back(std::move(remove));
}

}  // namespace landseer::worker
