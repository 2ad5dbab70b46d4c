#include "common/net/door_check.h"

#include <zmq.h>

#include <array>
#include <atomic>
#include <cstring>
#include <tuple>

#include "common/net/clock.h"
#include "common/net/key_pair.h"

namespace landseer::net {
namespace {

/// A handshake on this machine takes milliseconds; a host that swaps may take a second.
constexpr Duration kPatience = std::chrono::seconds(20);

enum class Answer { kIn, kOut, kNone };

/// Knocks once, and tells how it ended.
class Stranger final : public Socket {
 public:
  explicit Stranger(const Context& context) : Socket(context, ZMQ_DEALER, {}) {}

  void set_text(int option, const std::string& text) {
    zmq_setsockopt(handle_, option, text.c_str(), text.size());
  }

  bool knock(const std::string& address) { return zmq_connect(handle_, address.c_str()) == 0; }
};

class Ear final : public Socket {
 public:
  Ear(const Context& context, const Stranger& stranger)
      : Socket(context, ZMQ_PAIR, {}), stranger_(stranger) {
    static std::atomic<std::uint64_t> last{0};
    const std::string address = "inproc://door-check-" + std::to_string(++last);
    zmq_socket_monitor(stranger.handle(), address.c_str(),
                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED);
    zmq_connect(handle_, address.c_str());
  }
  ~Ear() override { zmq_socket_monitor(stranger_.handle(), nullptr, 0); }

  Answer listen() {
    std::array<PollItem, 1> items;
    items[0].socket = this;
    const Instant deadline = now().instant + kPatience;
    while (true) {
      const Duration left = deadline - now().instant;
      if (left <= Duration::zero()) return Answer::kNone;
      poll(items, left);
      if (!items[0].readable) continue;
      std::array<char, 256> frame{};
      std::uint16_t event = 0;
      if (zmq_recv(handle_, frame.data(), frame.size(), ZMQ_DONTWAIT) >= 2) {
        std::memcpy(&event, frame.data(), sizeof event);
      }
      zmq_recv(handle_, frame.data(), frame.size(), ZMQ_DONTWAIT);  // the address
      return event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? Answer::kIn : Answer::kOut;
    }
  }

 private:
  const Stranger& stranger_;
};

Answer knock(const Context& context, const std::string& address, const KeyPair* key,
             const std::string& server_key, bool with_password) {
  Stranger stranger(context);
  if (key != nullptr) {
    stranger.set_text(ZMQ_CURVE_SERVERKEY, server_key);
    stranger.set_text(ZMQ_CURVE_PUBLICKEY, key->public_key);
    stranger.set_text(ZMQ_CURVE_SECRETKEY, key->secret_key);
  } else if (with_password) {
    stranger.set_text(ZMQ_PLAIN_USERNAME, "admin");
    stranger.set_text(ZMQ_PLAIN_PASSWORD, "admin");
  }
  Ear ear(context, stranger);
  return stranger.knock(address) ? ear.listen() : Answer::kNone;
}

}  // namespace

Result<void> check_door(const Context& context, const ServerKeys& keys,
                        const std::string& server_public_key) {
  Router router(context);
  if (auto secured = router.secure(keys); !secured) return secured;
  const auto address = router.bind("tcp://127.0.0.1:0");
  if (!address) return tl::make_unexpected(address.error());
  const auto stranger = make_key_pair();
  if (!stranger) return tl::make_unexpected(stranger.error());
  for (const auto& [who, key, with_password] :
       {std::tuple{"a key that nobody knows", &*stranger, false},
        std::tuple{"no key", static_cast<const KeyPair*>(nullptr), false},
        std::tuple{"a password", static_cast<const KeyPair*>(nullptr), true}}) {
    const Answer answer = knock(context, *address, key, server_public_key, with_password);
    if (answer == Answer::kOut) continue;
    return fail(answer == Answer::kIn ? ErrorCode::kNotAllowed : ErrorCode::kUnavailable,
                std::string("the check of the keys failed: a connection with ") + who +
                    (answer == Answer::kIn ? " was accepted" : " got no answer"),
                keys.door, "nothing is served; report this with `--version` and that of libzmq5");
  }
  return {};
}

}  // namespace landseer::net
