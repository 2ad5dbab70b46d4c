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

/// How much room the store's disk has. `low`: below what is kept for the work that is under way.
struct DiskSpace {
  bool low = false;
  std::uint64_t free_bytes = 0;
  std::uint64_t needed_bytes = 0;
};

using Event = std::variant<FromWorkerPeer, FromClientPeer, WorkerUnreachable, DiskSpace>;

}  // namespace landseer::broker
