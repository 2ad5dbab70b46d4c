#include "common/net/socket.h"

#include <malloc.h>
#include <zmq.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

#include "common/base/check.h"

namespace landseer::net {
namespace {

// libzmq's own heartbeats close dead TCP connections; liveness of peers is judged by ours.
constexpr int kHeartbeatIntervalMs = 5000;
constexpr int kHeartbeatTimeoutMs = 15000;
constexpr int kHandshakeMs = 5000;
constexpr int kReconnectMaxMs = 2000;
/// The kernel tries to connect at ever longer intervals, a minute and more. Starting over bounds
/// the time that a connection takes after a partition has ended.
constexpr int kConnectMs = 3000;
/// ZMQ_ZAP_ENFORCE_DOMAIN: the library of Debian 12 knows the option, its header shows it only to
/// drafts. Without it, libzmq lets everybody in while no handler listens.
constexpr int kZapEnforceDomain = 93;

void set(void* socket, int option, int value) {
  CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0, "libzmq knows the option");
}

int random_reconnect_ms() {
  // libzmq spreads reconnects only within the base interval, so the base itself is spread.
  static thread_local std::minstd_rand random{std::random_device{}()};
  return static_cast<int>(20 + random() % 80);
}

zmq_msg_t* message_of(const Frame& frame) { return static_cast<zmq_msg_t*>(frame.handle()); }

/// Takes one frame; false when none waits.
bool take_frame(void* socket, Frame& frame, bool& more) {
  if (zmq_msg_recv(message_of(frame), socket, ZMQ_DONTWAIT) < 0) return false;
  more = zmq_msg_more(message_of(frame)) != 0;
  return true;
}

bool take_frame(void* socket, std::string& frame, bool& more) {
  Frame taken;
  if (!take_frame(socket, taken, more)) return false;
  frame = taken.bytes();
  return true;
}

/// Only of the payload: libzmq 4.3.4 loses the one of a first frame that was looked at before.
std::string user_of(const Frame& payload) {
  const char* const user = zmq_msg_gets(message_of(payload), "User-Id");
  return user != nullptr ? user : std::string();
}

Result<void> set_text(void* socket, int option, const std::string& text) {
  if (zmq_setsockopt(socket, option, text.c_str(), text.size()) == 0) return {};
  return fail(ErrorCode::kInvalid, "libzmq does not take the key", "",
              "is it built with CURVE? Debian's is; else make the key anew");
}

/// 0: it has none.
std::uint16_t port_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with("tcp://") || colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1));
}

/// Only for addresses that are IPv6: else libzmq shows IPv4 ones in their mapped form.
void allow_ipv6(void* socket, const std::string& address) {
  if (address.find('[') != std::string::npos) set(socket, ZMQ_IPV6, 1);
}

void drain(void* socket) {
  std::string frame;
  bool more = true;
  while (more && take_frame(socket, frame, more)) continue;
}

Error cannot(const char* what, const std::string& address) {
  return {ErrorCode::kInvalid,
          std::string("cannot ") + what + " " + address + ": " + zmq_strerror(zmq_errno()), address,
          "an address looks like tcp://127.0.0.1:7710; is the port taken?"};
}

}  // namespace

static_assert(sizeof(zmq_msg_t) == 64, "a Frame has room for a message of libzmq");

Frame::Frame() { zmq_msg_init(message_of(*this)); }

Frame::Frame(std::size_t size) {
  CHECK(zmq_msg_init_size(message_of(*this), size) == 0, "memory is left");
}

Frame::~Frame() { zmq_msg_close(message_of(*this)); }

Frame::Frame(Frame&& other) noexcept : Frame() { *this = std::move(other); }

Frame& Frame::operator=(Frame&& other) noexcept {
  if (this != &other) zmq_msg_move(message_of(*this), message_of(other));
  return *this;
}

std::string_view Frame::bytes() const {
  return {static_cast<const char*>(zmq_msg_data(message_of(*this))),
          zmq_msg_size(message_of(*this))};
}

char* Frame::data() { return static_cast<char*>(zmq_msg_data(message_of(*this))); }

namespace {

/// Pieces of 256 KiB come and go by the thousand. glibc would give each back to the kernel, and the
/// kernel would fill each with zeros again: measured, half of the time that a transfer takes. See
/// mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD; what is kept is bounded by the latter.
void keep_freed_memory() {
  constexpr int kLargest = 4 * 1024 * 1024;
  constexpr int kKept = 16 * 1024 * 1024;
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, kKept);
}

}  // namespace

void give_memory_back() { malloc_trim(0); }

Context::Context() : handle_(zmq_ctx_new()) {
  CHECK(handle_ != nullptr, "libzmq gives a context");
  zmq_ctx_set(handle_, ZMQ_MAX_SOCKETS, 8192);
  keep_freed_memory();
}

Context::~Context() { zmq_ctx_term(handle_); }

Socket::Socket(const Context& context, int type, const SocketOptions& options)
    : handle_(zmq_socket(context.handle(), type)) {
  CHECK(handle_ != nullptr, "the process has file descriptors left for a socket");
  set(handle_, ZMQ_LINGER,
      static_cast<int>(
          std::chrono::duration_cast<std::chrono::milliseconds>(options.linger).count()));
  set(handle_, ZMQ_SNDHWM, options.send_queue);
  set(handle_, ZMQ_RCVHWM, options.receive_queue);
  set(handle_, ZMQ_HEARTBEAT_IVL, kHeartbeatIntervalMs);
  set(handle_, ZMQ_HEARTBEAT_TIMEOUT, kHeartbeatTimeoutMs);
  set(handle_, ZMQ_HANDSHAKE_IVL, kHandshakeMs);
  set(handle_, ZMQ_TCP_KEEPALIVE, 1);
  set(handle_, ZMQ_TCP_KEEPALIVE_IDLE, 30);
  zmq_setsockopt(handle_, ZMQ_MAXMSGSIZE, &options.frame_bytes_max, sizeof options.frame_bytes_max);
}

Socket::~Socket() { zmq_close(handle_); }

Dealer::Dealer(const Context& context, const SocketOptions& options)
    : Socket(context, ZMQ_DEALER, options) {
  set(handle_, ZMQ_IMMEDIATE, 1);
  set(handle_, ZMQ_RECONNECT_IVL, random_reconnect_ms());
  set(handle_, ZMQ_RECONNECT_IVL_MAX, kReconnectMaxMs);
  set(handle_, ZMQ_CONNECT_TIMEOUT, kConnectMs);
}

Result<void> Dealer::secure(const ClientKeys& keys) {
  for (const auto& [option, text] : {std::pair{ZMQ_CURVE_SERVERKEY, &keys.server_key},
                                     std::pair{ZMQ_CURVE_PUBLICKEY, &keys.public_key},
                                     std::pair{ZMQ_CURVE_SECRETKEY, &keys.secret_key}}) {
    if (auto done = set_text(handle_, option, *text); !done) return done;
  }
  return {};
}

Result<void> Dealer::connect(const std::string& address) {
  allow_ipv6(handle_, address);
  if (zmq_connect(handle_, address.c_str()) != 0) {
    return tl::make_unexpected(cannot("connect to", address));
  }
  return {};
}

bool Dealer::send(std::string_view frame) {
  return zmq_send(handle_, frame.data(), frame.size(), ZMQ_DONTWAIT) >= 0;
}

bool Dealer::send_whole(std::string& frame) {
  auto owned = std::make_unique<std::string>(std::move(frame));
  const auto free_it = [](void*, void* string) { delete static_cast<std::string*>(string); };
  zmq_msg_t message;
  zmq_msg_init_data(&message, owned->data(), owned->size(), free_it, owned.get());
  if (zmq_msg_send(&message, handle_, ZMQ_DONTWAIT) >= 0) {
    static_cast<void>(owned.release());  // libzmq frees it
    return true;
  }
  frame = std::move(*owned);
  static_cast<void>(owned.release());
  zmq_msg_close(&message);
  return false;
}

std::optional<Frame> Dealer::receive_frame() {
  Frame frame;
  bool more = false;
  while (take_frame(handle_, frame, more)) {
    if (!more) return frame;
    drain(handle_);
  }
  return std::nullopt;
}

std::optional<std::string> Dealer::receive() {
  std::string frame;
  bool more = false;
  while (take_frame(handle_, frame, more)) {
    if (!more) return frame;
    drain(handle_);
  }
  return std::nullopt;
}

LossWatch::LossWatch(const Context& context, const Dealer& dealer)
    : Socket(context, ZMQ_PAIR, {}), dealer_(dealer) {
  static std::atomic<std::uint64_t> last{0};
  const std::string address = "inproc://loss-" + std::to_string(++last);
  set(handle_, ZMQ_RCVHWM, 0);  // with a limit, libzmq's I/O thread would wait for whoever reads
  CHECK(zmq_socket_monitor(dealer.handle(), address.c_str(),
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) == 0 &&
            zmq_connect(handle_, address.c_str()) == 0,
        "the process has file descriptors left for a socket");
}

LossWatch::~LossWatch() { zmq_socket_monitor(dealer_.handle(), nullptr, 0); }

bool LossWatch::take() {
  bool again = false;
  std::string frame;
  for (bool more = false; take_frame(handle_, frame, more);) {
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (frame.size() >= sizeof event + sizeof value) {
      std::memcpy(&event, frame.data(), sizeof event);
      std::memcpy(&value, frame.data() + sizeof event, sizeof value);
    }
    if (more) drain(handle_);
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
      refusal_ = Refusal::kKey;
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
      // Anything else may be a bad line.
      const bool mismatch = value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
      if (mismatch && refusal_ == Refusal::kNone) refusal_ = Refusal::kSecurity;
    } else {
      again = again || (broken_ && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
      broken_ = event == ZMQ_EVENT_DISCONNECTED;
      if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) refusal_ = Refusal::kNone;
    }
  }
  if (again) {
    // libzmq looks for such news now and then only: a message sent now would still be taken for the
    // old connection. Asking for events makes it look.
    int events = 0;
    std::size_t size = sizeof events;
    zmq_getsockopt(dealer_.handle(), ZMQ_EVENTS, &events, &size);
  }
  return again;
}

Router::Router(const Context& context, const SocketOptions& options)
    : Socket(context, ZMQ_ROUTER, options) {
  set(handle_, ZMQ_ROUTER_MANDATORY, 1);
  set(handle_, ZMQ_BACKLOG, 1024);
}

Result<void> Router::secure(const ServerKeys& keys) {
  CHECK(!keys.door.empty(), "with no domain libzmq asks nobody");
  set(handle_, ZMQ_CURVE_SERVER, 1);
  set(handle_, kZapEnforceDomain, 1);
  if (auto done = set_text(handle_, ZMQ_ZAP_DOMAIN, keys.door); !done) return done;
  secured_ = true;
  connections_.secured();
  return set_text(handle_, ZMQ_CURVE_SECRETKEY, keys.secret_key);
}

Result<std::string> Router::bind(const std::string& address) {
  std::string wanted = address;
  if (wanted.ends_with(":0")) wanted.replace(wanted.size() - 1, 1, "*");
  allow_ipv6(handle_, address);
  if (zmq_bind(handle_, wanted.c_str()) != 0) {
    return tl::make_unexpected(cannot("listen on", address));
  }
  std::string bound(256, '\0');
  std::size_t size = bound.size();
  zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, bound.data(), &size);
  bound.resize(size > 0 ? size - 1 : 0);
  connections_.listens_at(port_of(bound));
  return bound;
}

/// The number of bytes, or -1.
bool Router::sent(const std::string& peer, int result) {
  if (result >= 0) connections_.sent(peer, static_cast<std::size_t>(result));
  return result >= 0;
}

bool Router::send(const std::string& peer, std::string_view frame) {
  if (zmq_send(handle_, peer.data(), peer.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
  return sent(peer, zmq_send(handle_, frame.data(), frame.size(), ZMQ_DONTWAIT));
}

bool Router::send(const std::string& peer, Frame& frame) {
  if (zmq_send(handle_, peer.data(), peer.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
  return sent(peer, zmq_msg_send(message_of(frame), handle_, ZMQ_DONTWAIT));
}

std::optional<PeerMessage> Router::receive_message() {
  PeerMessage received;
  bool more = false;
  while (take_frame(handle_, received.peer, more)) {
    if (!more || !take_frame(handle_, received.frame, more)) {
      ++dropped_;
      continue;
    }
    received.user = secured_ ? user_of(received.frame) : std::string();
    const int fd = zmq_msg_get(message_of(received.frame), ZMQ_SRCFD);
    Connections::Received message{connections_.wire_bytes(received.frame.bytes().size()), !more};
    for (Frame rest; more && take_frame(handle_, rest, more);) {
      message.wire_bytes += connections_.wire_bytes(rest.bytes().size());
    }
    received.first = connections_.received(received.peer, fd, received.user, message);
    if (message.whole) return received;
    ++dropped_;
  }
  return std::nullopt;
}

std::optional<PeerFrame> Router::receive() {
  if (auto message = receive_message()) {
    return PeerFrame{std::move(message->peer), std::string(message->frame.bytes()),
                     std::move(message->user), message->first};
  }
  return std::nullopt;
}

bool is_loopback(std::string_view address) {
  if (address.starts_with("tcp://[::1]:") || address.starts_with("tcp://localhost:")) return true;
  if (!address.starts_with("tcp://127.")) return false;
  const std::string_view host = address.substr(6, address.rfind(':') - 6);
  return host.find_first_not_of("0123456789.") == std::string_view::npos;  // and no name
}

void poll(std::span<PollItem> items, Duration timeout) {
  std::vector<zmq_pollitem_t> polled;
  polled.reserve(items.size());
  for (const PollItem& item : items) {
    polled.push_back(
        {item.socket != nullptr ? item.socket->handle() : nullptr, item.fd, ZMQ_POLLIN, 0});
  }
  // Rounded up: waking a moment before a deadline would spin.
  const long wait_ms = timeout < Duration::zero()
                           ? -1
                           : std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  const int ready = zmq_poll(polled.data(), static_cast<int>(polled.size()), wait_ms);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].readable = ready > 0 && (polled[i].revents & ZMQ_POLLIN) != 0;
  }
}

}  // namespace landseer::net
