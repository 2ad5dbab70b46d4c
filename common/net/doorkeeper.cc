#include "common/net/doorkeeper.h"

#include <zmq.h>

#include <array>
#include <cstdint>
#include <vector>

namespace landseer::net {
namespace {

const char* const kAddress = "inproc://zeromq.zap.01";
constexpr std::size_t kRequestFrames = 7;  // version to credentials, which are one frame with CURVE
constexpr std::size_t kKeyBytes = 32;

std::string as_text(const std::string& key) {
  std::array<char, 41> text{};
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(key.data());
  return zmq_z85_encode(text.data(), bytes, kKeyBytes) != nullptr ? text.data() : std::string();
}

}  // namespace

class Doorkeeper::Handler final : public Socket {
 public:
  explicit Handler(const Context& context) : Socket(context, ZMQ_REP, {}) {}

  bool bind() { return zmq_bind(handle_, kAddress) == 0; }

  std::vector<std::string> receive() {
    std::vector<std::string> frames;
    for (bool more = true; more;) {
      zmq_msg_t frame;
      zmq_msg_init(&frame);
      more = zmq_msg_recv(&frame, handle_, ZMQ_DONTWAIT) >= 0;
      if (more) {
        frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
        more = zmq_msg_more(&frame) != 0;
      }
      zmq_msg_close(&frame);
    }
    return frames;
  }

  void send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      zmq_send(handle_, frames[i].data(), frames[i].size(),
               i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    }
  }
};

Doorkeeper::Doorkeeper(Judge judge) : judge_(std::move(judge)) {}

Result<std::unique_ptr<Doorkeeper>> Doorkeeper::start(const Context& context, Judge judge) {
  std::unique_ptr<Doorkeeper> keeper(new Doorkeeper(std::move(judge)));
  keeper->handler_ = std::make_unique<Handler>(context);
  if (!keeper->handler_->bind()) {
    return fail(ErrorCode::kConflict, "keys cannot be checked: this context has a doorkeeper");
  }
  // Starting and joining the thread are the fences under which libzmq lets a socket change hands.
  keeper->thread_ = std::thread([raw = keeper.get()] { raw->serve(); });
  return keeper;
}

Doorkeeper::~Doorkeeper() {
  stop_.request();
  if (thread_.joinable()) thread_.join();
}

void Doorkeeper::serve() {
  std::array<PollItem, 2> items;
  items[0].socket = handler_.get();
  items[1].fd = stop_.fd();
  while (!stop_.requested()) {
    poll(items, Duration(-1));
    if (items[0].readable) answer();
  }
}

/// Frames of a request: version, number, domain, address, routing id, mechanism, key.
void Doorkeeper::answer() {
  const std::vector<std::string> request = handler_->receive();
  if (request.size() < 2) return;
  std::optional<std::string> user;
  if (request.size() == kRequestFrames && request[5] == "CURVE" && request[6].size() == kKeyBytes) {
    user = judge_(request[2], as_text(request[6]));
  }
  if (user && user->empty()) user.reset();
  // Whoever is kept out hears nothing but that.
  handler_->send(
      {"1.0", request[1], user ? "200" : "400", user ? "OK" : "No", user.value_or(""), ""});
}

}  // namespace landseer::net
