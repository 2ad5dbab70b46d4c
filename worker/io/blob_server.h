/// Serves the artifact store's blobs to other workers, from a thread of its own. With keys, only
/// what the broker gave a pass for. docs/protocol.md, "Bulk messages" and "Passes".
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "common/base/result.h"
#include "common/net/cancel.h"
#include "common/net/doorkeeper.h"
#include "common/net/socket.h"
#include "common/protocol/bulk_messages.h"
#include "worker/io/artifact_contents.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

/// Empty: everybody who reaches the port may read.
struct BlobServerKeys {
  std::string secret_key;    ///< of the worker's key pair
  std::string fetch_secret;  ///< signs passes; see common/protocol/fetch_pass.h
};

class BlobServer {
 public:
  /// Listens on `address` (`tcp://HOST:0`: any free port) and serves until destroyed. With keys it
  /// is the doorkeeper of `context`.
  static Result<std::unique_ptr<BlobServer>> start(const net::Context& context,
                                                   const ArtifactStore& store,
                                                   const std::string& address,
                                                   const BlobServerKeys& keys = {});
  ~BlobServer();
  BlobServer(const BlobServer&) = delete;
  BlobServer& operator=(const BlobServer&) = delete;

  /// As bound, with the port.
  const std::string& address() const { return address_; }
  std::uint64_t bytes_served() const { return bytes_served_; }
  /// Frames dropped because they were no request.
  std::uint64_t malformed() const { return malformed_; }
  /// Requests without a good pass.
  std::uint64_t refused() const { return refused_; }

 private:
  BlobServer(const net::Context& context, const ArtifactStore& store);
  Result<void> lock(const net::Context& context, const BlobServerKeys& keys);
  bool may_read(const std::string& user, const protocol::GetBlob& request);
  void serve();
  void answer(const net::PeerFrame& request);
  void look_at_connections(Instant now);
  bool send_chunk(const std::string& peer, const protocol::GetBlob& request, std::uint64_t number);

  ArtifactStore store_;
  ArtifactContents contents_;
  std::string fetch_secret_;
  std::unique_ptr<net::Doorkeeper> doorkeeper_;
  net::Router router_;
  std::string address_;
  Instant next_look_;
  Cancel stop_;
  std::atomic<std::uint64_t> bytes_served_{0};
  std::atomic<std::uint64_t> malformed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace landseer::worker
