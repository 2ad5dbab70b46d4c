/// The bulk port, served by a thread of its own: model scripts for workers, and what clients read
/// from workers, passed on by credit. A client asks for so many pieces ahead and no more; each
/// piece goes through once and is never kept, so a client that does not read holds back nobody but
/// itself. The core and its loop are not involved: a client's right is in its ticket
/// (broker/core/tickets.h). docs/protocol.md, "Bulk messages".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "broker/io/key_ring.h"
#include "broker/io/load_guard.h"
#include "broker/io/relay_book.h"
#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"

namespace landseer::broker {

class Relay {
 public:
  /// Answers what is asked of the broker itself; called by the relay's thread.
  using Blobs = std::function<protocol::BlobData(const protocol::GetBlob&)>;

  /// Listens on `address` and serves until destroyed. `secret`: of the core's tickets. With `keys`,
  /// which must outlive it, only to those that have one.
  static Result<std::unique_ptr<Relay>> start(const std::string& address, const Digest& secret,
                                              Blobs blobs, const RelayLimits& limits = {},
                                              KeyRing* keys = nullptr);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// As bound, with the port.
  const std::string& address() const { return address_; }
  /// Frames dropped because they were neither a request nor an answer to one.
  std::uint64_t malformed() const { return malformed_; }
  /// Answers dropped because their client did not read or was gone.
  std::uint64_t undelivered() const { return undelivered_; }

 private:
  Relay(const Digest& secret, Blobs blobs, const RelayLimits& limits, KeyRing* keys);
  Result<void> open(const std::string& address);
  bool may_ask(const std::string& key, const protocol::BulkRequest& request) const;
  void serve();
  void look_at_connections();
  bool has_too_many(const net::PeerMessage& message);
  void take(net::PeerMessage message);
  void on(const std::string& peer, std::uint64_t number, protocol::GetBlob request);
  void on(const std::string& peer, std::uint64_t number, protocol::Attach attach);
  void on(const std::string& peer, std::uint64_t number, protocol::GetLog request);
  template <class Request>
  void pass_on(const std::string& client, std::uint64_t client_number, const std::string& ticket,
               Request request, Duration wait);
  void forward(std::uint64_t number);
  void lost(std::uint64_t session);
  void refuse(const std::string& client, std::uint64_t number, ErrorCode code, std::string message,
              std::string hint);
  void send(const std::string& peer, const protocol::BulkReply& reply, std::uint64_t number);
  void dropped_one(const std::string& why);

  Digest secret_;
  Blobs blobs_;
  RelayBook book_;
  KeyRing* keys_;
  net::Context context_;  // with an I/O thread of its own, apart from what schedules
  std::unique_ptr<net::Doorkeeper> doorkeeper_;
  net::Router router_;
  LoadGuard guard_;
  std::uint64_t keys_version_ = 0;  ///< that the connections were looked at with
  std::string address_;
  Cancel stop_;
  std::atomic<std::uint64_t> malformed_{0};
  std::atomic<std::uint64_t> undelivered_{0};
  std::thread thread_;
};

}  // namespace landseer::broker
