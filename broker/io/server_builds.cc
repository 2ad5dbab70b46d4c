/// Between the core and the thread that builds large submissions.
#include "broker/io/server.h"
#include "common/net/clock.h"

namespace landseer::broker {

/// Callers take turns: a flood of one of them is no reason to let another wait.
void Server::hand_out_builds() {
  for (BuildRequest& request : outbox_.builds) {
    const Caller& caller = request.arrival.caller;
    const std::string who =
        caller.name.empty() ? std::to_string(number(request.arrival.peer)) : caller.name;
    if (builder_.push(who, std::move(request))) continue;
    request.arrival.built = fail(ErrorCode::kBusy, "too many submissions wait to be built",
                                 "broker", "ask again a little later");
    core_->take_built(std::move(request.arrival), net::now(), outbox_);
  }
  builder_.discard(std::move(outbox_.discarded));
}

/// One a turn. What was built for somebody whose key was taken back meanwhile is not accepted.
void Server::take_built() {
  if (!core_->has_room_for_built()) return;
  auto built = builder_.take();
  if (!built) return;
  took_built_ = true;
  if (client_sessions_.routing_id(built->peer) == nullptr) {
    built->digest = {};
    if (built->built) outbox_.discarded.push_back(std::move(built->built->record));
    built->built = fail(ErrorCode::kNotAllowed, "the broker accepts this key no more", "key",
                        "ask for another one");
  }
  core_->take_built(std::move(*built), net::now(), outbox_);
}

}  // namespace landseer::broker
