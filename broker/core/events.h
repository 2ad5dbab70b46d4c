/// What happens to the core. Peers are named by numbers that the shell gives to connections. The
/// shell also says whose key a connection showed; what that entitles to is decided here.
#pragma once

#include <cstdint>
#include <variant>

#include "common/keys/role.h"
#include "common/protocol/client_messages.h"
#include "common/protocol/worker_messages.h"

namespace landseer::broker {

enum class PeerId : std::uint64_t {};

/// The key of a peer. A broker without keys is reached from its own machine only, and whoever is
/// there is an admin without a name.
using Caller = keys::Authorized;
inline Caller local_caller() { return {keys::Role::kAdmin, {}, {}, {}}; }

struct FromWorkerPeer {
  PeerId peer{};
  protocol::FromWorker message;
  Caller caller = local_caller();
};

struct FromClientPeer {
  PeerId peer{};
  std::uint64_t number = 0;  ///< of the request: the reply carries it
  protocol::FromClient message;
  Caller caller = local_caller();
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
