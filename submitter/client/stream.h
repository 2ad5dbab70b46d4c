/// A connection to the broker's bulk port, over which logs and artifacts of workers are read with
/// tickets from the core. One object belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/net/socket.h"
#include "common/protocol/bulk_messages.h"
#include "common/protocol/codec.h"
#include "submitter/client/client.h"

namespace landseer::client {

/// What came in a while of waiting.
struct StreamNews {
  std::shared_ptr<const net::Frame> frame;  ///< which the reply refers to
  std::optional<protocol::Envelope<protocol::BulkReplyView>> reply;
  bool lost = false;  ///< the connection was made anew: what was asked before may be lost
};

class Stream {
 public:
  explicit Stream(Client& client) : client_(client) {}

  /// Connects, unless it is connected to this address already.
  Result<void> connect(const std::string& bulk_address);
  /// False while the port cannot be reached: nothing was sent.
  bool send(const protocol::BulkRequest& request, std::uint64_t number);
  /// Waits until there is news or the time is over; kUnavailable when a signal came, kVersion for a
  /// reply that cannot be read.
  Result<StreamNews> wait(Duration limit);

 private:
  /// The dealer first: the watch looks at it.
  struct Line {
    explicit Line(const net::Context& context);
    net::Dealer dealer;
    net::LossWatch loss;
  };

  Client& client_;
  std::unique_ptr<Line> line_;
  std::string address_;
};

}  // namespace landseer::client
