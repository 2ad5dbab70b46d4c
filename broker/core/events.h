/// What happens to the core. Peers are named by numbers that the shell gives to connections; what a
/// peer is (which worker, which rights) only the core knows.
#pragma once

#include <cstdint>
#include <variant>

#include "common/protocol/client_messages.h"
#include "common/protocol/worker_messages.h"

namespace landseer::broker {

enum class PeerId : std::uint64_t {};

struct FromWorkerPeer {
  PeerId peer{};
  protocol::FromWorker message;
};

struct FromClientPeer {
  PeerId peer{};
  std::uint64_t number = 0;  ///< of the request: the reply carries it
  protocol::FromClient message;
};

/// A message for this worker connection could not be sent: what it holds is uncertain.
struct WorkerUnreachable {
  PeerId peer{};
};

using Event = std::variant<FromWorkerPeer, FromClientPeer, WorkerUnreachable>;

}  // namespace landseer::broker
