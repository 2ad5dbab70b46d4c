/// Serves the artifact store's blobs to other workers, from a thread of its own.
/// docs/protocol.md, "Bulk messages".
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "common/base/result.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"
#include "common/protocol/bulk_messages.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

class BlobServer {
 public:
  /// Listens on `address` (`tcp://HOST:0`: any free port) and serves until destroyed.
  static Result<std::unique_ptr<BlobServer>> start(const net::Context& context,
                                                   const ArtifactStore& store,
                                                   const std::string& address);
  ~BlobServer();
  BlobServer(const BlobServer&) = delete;
  BlobServer& operator=(const BlobServer&) = delete;

  /// As bound, with the port.
  const std::string& address() const { return address_; }
  std::uint64_t bytes_served() const { return bytes_served_; }
  /// Frames dropped because they were no request.
  std::uint64_t malformed() const { return malformed_; }

 private:
  BlobServer(const net::Context& context, const ArtifactStore& store);
  void serve();
  void answer(const net::PeerFrame& request);
  bool send_chunk(const std::string& peer, const protocol::GetBlob& request, std::uint64_t number);

  ArtifactStore store_;
  net::Router router_;
  std::string address_;
  Cancel stop_;
  std::atomic<std::uint64_t> bytes_served_{0};
  std::atomic<std::uint64_t> malformed_{0};
  std::thread thread_;
};

}  // namespace landseer::worker
