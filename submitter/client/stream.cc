#include "submitter/client/stream.h"

#include <algorithm>
#include <array>

#include "common/net/clock.h"
#include "common/protocol/limits.h"

namespace landseer::client {
namespace {

constexpr net::SocketOptions kOptions{.frame_bytes_max = 2 * protocol::kBlobChunkBytesMax,
                                      .send_queue = protocol::kStreamWindowMax,
                                      .receive_queue = protocol::kStreamWindowMax,
                                      .linger = {}};

/// A port that listens everywhere is reached where the broker was.
std::string reachable(const std::string& bulk_address, const std::string& broker) {
  const auto port = bulk_address.rfind(':');
  const std::string host = bulk_address.substr(0, port);
  const bool anywhere = host == "tcp://0.0.0.0" || host == "tcp://[::]" || host == "tcp://*";
  return anywhere ? broker.substr(0, broker.rfind(':')) + bulk_address.substr(port) : bulk_address;
}

}  // namespace

Stream::Line::Line(const net::Context& context)
    : dealer(context, kOptions), loss(context, dealer) {}

Result<void> Stream::connect(const std::string& bulk_address) {
  const std::string address = reachable(bulk_address, client_.address());
  if (line_ && address == address_) return {};
  line_ = std::make_unique<Line>(client_.context());
  address_ = address;
  if (const auto& keys = client_.keys()) {
    if (auto secured = line_->dealer.secure(*keys); !secured) return secured;
  }
  return line_->dealer.connect(address);
}

bool Stream::send(const protocol::BulkRequest& request, std::uint64_t number) {
  return line_ && line_->dealer.send(protocol::encode(request, number));
}

Result<StreamNews> Stream::wait(Duration limit) {
  StreamNews news;
  std::array<net::PollItem, 3> items;
  items[0].socket = &line_->dealer;
  items[1].socket = &line_->loss;
  for (const Instant deadline = net::now().instant + limit;;) {
    news.lost = line_->loss.take();
    if (news.lost) return news;
    if (auto frame = line_->dealer.receive_frame()) {
      // Where it stays: the bytes of a small frame are in the object itself.
      news.frame = std::make_shared<const net::Frame>(std::move(*frame));
      auto reply = protocol::decode_bulk_reply_view(news.frame->bytes());
      if (!reply) {
        return fail(ErrorCode::kVersion, "a reply cannot be read: " + reply.error().message,
                    address_, "compare `landseer --version` with the broker's and the worker's");
      }
      news.reply = std::move(*reply);
      return news;
    }
    const Duration left = deadline - net::now().instant;
    if (left <= Duration::zero()) return news;
    if (auto waited = client_.wait_for(items, left); !waited) {
      return tl::make_unexpected(waited.error());
    }
  }
}

}  // namespace landseer::client
