/// ZeroMQ sockets as this project uses them: one frame a message, never blocking, bounded queues.
/// A socket belongs to the thread that made it. The options are those of docs/protocol.md,
/// "Transport".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/connections.h"

namespace landseer::net {

/// One per process: owns libzmq's I/O threads. Must outlive its sockets.
class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void* handle() const { return handle_; }

 private:
  void* handle_;
};

/// Contexts keep memory that was freed for what comes next. After a large piece of work it goes
/// back to the system.
void give_memory_back();

/// One frame in libzmq's own memory, for large ones: to send it, or to pass it on, copies nothing.
class Frame {
 public:
  Frame();
  /// Not initialised.
  explicit Frame(std::size_t size);
  ~Frame();
  Frame(Frame&& other) noexcept;
  Frame& operator=(Frame&& other) noexcept;
  std::string_view bytes() const;
  /// To be changed in place; as many bytes as bytes() has.
  char* data();
  void* handle() const { return storage_; }

 private:
  alignas(void*) mutable unsigned char storage_[64];  // a zmq_msg_t
};

struct SocketOptions {
  std::int64_t frame_bytes_max = 4 * 1024 * 1024;  ///< larger ones close the peer's connection
  int send_queue = 1000;                           ///< messages per peer
  int receive_queue = 1000;
  Duration linger{};  ///< how long closing waits for what is queued
};

/// CURVE for the side that listens: whoever does not know its public key, or is not let in by the
/// context's Doorkeeper, never gets a message through. Keys are 40 characters of Z85.
struct ServerKeys {
  std::string door;  ///< the ZAP domain: what the doorkeeper is asked about; never empty
  std::string secret_key;
};

/// CURVE for the side that connects.
struct ClientKeys {
  std::string server_key;  ///< the public key of the other side
  std::string public_key;
  std::string secret_key;
};

/// What the two kinds share. Closing is the destructor.
class Socket {
 public:
  virtual ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  void* handle() const { return handle_; }

 protected:
  Socket(const Context& context, int type, const SocketOptions& options);
  void* handle_;
};

/// Client side: one peer, reconnects by itself.
class Dealer final : public Socket {
 public:
  explicit Dealer(const Context& context, const SocketOptions& options = {});
  /// Before connect(). kInvalid for keys that are none.
  Result<void> secure(const ClientKeys& keys);
  /// `tcp://HOST:PORT`. kInvalid for an address libzmq does not take; an absent peer is no error.
  Result<void> connect(const std::string& address);
  /// False when the queue is full or the peer is away: nothing was sent.
  bool send(std::string_view frame);
  /// The same without copying a large frame; it is gone unless this is false.
  bool send_whole(std::string& frame);
  /// Empty when nothing waits. Messages of more than one frame are drained and dropped.
  std::optional<std::string> receive();
  std::optional<Frame> receive_frame();
};

/// Why a connection was made and ended at once.
enum class Refusal {
  kNone,
  kKey,       ///< the other side does not accept our key
  kSecurity,  ///< one of the two has keys and the other has none
};

/// Tells that the connection of a Dealer broke and was made again: what was sent before may be
/// lost, and can be sent again. Readable when there is something to tell. Must not outlive its
/// Dealer.
class LossWatch final : public Socket {
 public:
  LossWatch(const Context& context, const Dealer& dealer);
  ~LossWatch() override;
  /// Whether that happened since the last call.
  bool take();
  /// Why the last attempt failed, as far as take() has seen; kNone: it succeeded, or nobody is
  /// there.
  Refusal refusal() const { return refusal_; }

 private:
  const Dealer& dealer_;
  Refusal refusal_ = Refusal::kNone;
  bool broken_ = false;  ///< and not yet made again
};

struct PeerFrame {
  std::string peer;  ///< libzmq's routing id: never shown to anyone, never an identity
  std::string frame;
  std::string user{};  ///< who the doorkeeper said it is; empty: there are no keys
  bool first = false;  ///< over its connection
};

struct PeerMessage {
  std::string peer;
  Frame frame;
  std::string user{};
  bool first = false;
};

/// Server side: many peers.
class Router final : public Socket {
 public:
  explicit Router(const Context& context, const SocketOptions& options = {});
  /// Before bind(), and after the context's Doorkeeper was started.
  Result<void> secure(const ServerKeys& keys);
  /// Port 0 or `*` picks a free one. Returns the address as bound.
  Result<std::string> bind(const std::string& address);
  /// False when the peer is gone or its queue is full: nothing was sent.
  bool send(const std::string& peer, std::string_view frame);
  bool send(const std::string& peer, Frame& frame);
  /// Empty when nothing waits, or when much was dropped: then poll() says that more does.
  std::optional<PeerFrame> receive();
  std::optional<PeerMessage> receive_message();
  /// Messages dropped because they were not exactly one frame.
  std::uint64_t dropped() const { return dropped_; }
  /// What is below this socket. Those that said something are known, by their routing ids.
  Connections& connections() { return connections_; }

 private:
  bool sent(const std::string& peer, int result);

  Connections connections_;
  bool secured_ = false;
  std::uint64_t dropped_ = 0;
};

/// Whether only this machine can reach the address. An address that is not understood is not.
bool is_loopback(std::string_view address);

/// Waits until a socket or file descriptor is readable or `timeout` is over; negative: no limit.
/// Exactly one of the two pointers/descriptors of an item is set. An interrupted wait is a normal
/// return with nothing readable.
struct PollItem {
  const Socket* socket = nullptr;
  int fd = -1;
  bool readable = false;
};
void poll(std::span<PollItem> items, Duration timeout);

}  // namespace landseer::net
