#include "worker/io/stream_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "worker/io/log_index.h"
#include "worker/io/log_reader.h"

namespace landseer::worker {
namespace {

constexpr net::SocketOptions kOptions{.frame_bytes_max = 4096,
                                      .send_queue = 2 * protocol::kStreamWindowMax,
                                      .receive_queue = protocol::kStreamRequestsMax,
                                      .linger = {}};

/// Requests taken before the next look at the stop signal and at those that wait.
constexpr int kBatch = 16;
/// Readers that wait for the end of a log to grow; a further one is told at once what there is.
constexpr std::size_t kHeldMax = 1024;
/// While the connection is being made, or its queue is full: libzmq says neither when it is not.
constexpr Duration kSendRetry = std::chrono::milliseconds(5);
/// How often those that wait are looked after where the kernel does not tell of changes.
constexpr Duration kLook = std::chrono::milliseconds(50);

}  // namespace

struct StreamServer::Line {
  explicit Line(const net::Context& context) : dealer(context, kOptions), loss(context, dealer) {}
  net::Dealer dealer;
  net::LossWatch loss;
};

StreamServer::StreamServer(const ArtifactStore& store, const AttemptFolders& folders,
                           std::optional<net::ClientKeys> keys)
    : store_(store), contents_(store), folders_(folders), keys_(std::move(keys)), thread_([this] {
        serve();
      }) {}

StreamServer::~StreamServer() {
  stop_.request();
  thread_.join();
}

void StreamServer::attend(const std::string& address, const protocol::Attach& attach) {
  const std::lock_guard lock(mutex_);
  wanted_ = Place{address, attach};
  news_.request();
}

void StreamServer::serve() {
  while (!stop_.requested()) {
    wait();
    take_place();
    if (!line_) continue;
    // Requests that came over a broken connection are the client's to repeat.
    if (line_->loss.take()) unsaid_ = attach_;
    flush();
    if (unsent_.empty()) receive();
    watch_.take();
    answer_held();
  }
  line_.reset();
}

void StreamServer::wait() {
  std::array<net::PollItem, 5> items;
  std::size_t count = 0;
  items[count++].fd = stop_.fd();
  items[count++].fd = news_.fd();
  Duration timeout(-1);
  if (line_) {
    items[count++].socket = &line_->loss;
    if (unsent_.empty()) items[count++].socket = &line_->dealer;
    if (watch_.fd() >= 0) items[count++].fd = watch_.fd();
    const Instant now = net::now().instant;
    for (const Held& held : held_) {
      const Duration left = std::max(held.deadline - now, Duration::zero());
      timeout = timeout < Duration::zero() ? left : std::min(timeout, left);
    }
    if (!held_.empty() && watch_.fd() < 0) timeout = std::min(timeout, kLook);
    if (unsaid_ || !unsent_.empty()) timeout = kSendRetry;
  }
  net::poll({items.data(), count}, timeout);
}

void StreamServer::take_place() {
  std::optional<Place> place;
  {
    const std::lock_guard lock(mutex_);
    place = std::exchange(wanted_, std::nullopt);
    news_.clear();
  }
  if (!place) return;
  attach_ = unsaid_ = place->attach;
  if (place->address != address_ || !line_) connect(place->address);
}

void StreamServer::connect(const std::string& address) {
  held_.clear();
  unsent_.clear();
  line_ = std::make_unique<Line>(context_);
  address_ = address;
  auto connected = keys_ ? line_->dealer.secure(*keys_) : Result<void>{};
  if (connected) connected = line_->dealer.connect(address);
  if (!connected) {
    spdlog::warn("no logs can be read from here: {}", connected.error().to_string());
    line_.reset();
  }
}

/// In order: Attach goes before any answer.
void StreamServer::flush() {
  if (unsaid_) {
    if (!line_->dealer.send(protocol::encode(protocol::BulkRequest(*unsaid_)))) return;
    unsaid_.reset();
  }
  while (!unsent_.empty() && line_->dealer.send_whole(unsent_.front())) unsent_.pop_front();
}

void StreamServer::receive() {
  for (int i = 0; i < kBatch && unsent_.empty(); ++i) {
    const auto frame = line_->dealer.receive();
    if (!frame) return;
    const auto decoded = protocol::decode_bulk_request(*frame);
    if (!decoded) {
      ++malformed_;
      continue;
    }
    std::visit([&](const auto& request) { answer(request, decoded->number); }, decoded->message);
  }
}

void StreamServer::answer(const protocol::GetBlob& request, std::uint64_t number) {
  protocol::BlobData reply;
  reply.blob = request.blob;
  reply.offset = request.offset;
  const std::size_t limit = std::min<std::size_t>(request.limit, protocol::kBlobChunkBytesMax);
  // Damaged or unreadable here: for the reader that is "not here".
  // A broker of an earlier version does not say what it belongs to.
  const bool belongs = request.artifact.empty() || contents_.has(request.artifact, request.blob);
  if (auto piece = store_.read(request.blob, request.offset, limit); piece && belongs) {
    reply.found = true;
    reply.size = piece->size;
    reply.data = std::move(piece->data);
  }
  send(reply, number);
}

void StreamServer::answer(const protocol::GetLog& request, std::uint64_t number) {
  LogFrame log = read_log_frame(log_of(request), request, number);
  const auto& reply = log.reply;
  const bool is_end = log.bytes == 0 && reply.found && !reply.finished && request.limit > 0;
  if (is_end && request.wait_ms > 0 && held_.size() < kHeldMax) {
    held_.push_back(
        {number, request, net::now().instant + std::chrono::milliseconds(request.wait_ms)});
  } else {
    send(std::move(log.frame));
  }
}

/// Watched first and looked at then, so that nothing is missed in between.
void StreamServer::answer_held() {
  std::vector<Held> still;
  for (Held& held : held_) {
    const std::filesystem::path log = log_of(held.request);
    static_cast<void>(watch_.add(index_path(log)));
    const protocol::LogData reply = read_log(log, held.request);
    const bool is_due = !reply.data.empty() || !reply.found || reply.finished ||
                        held.deadline <= net::now().instant;
    if (is_due) {
      send(reply, held.number);
    } else {
      still.push_back(std::move(held));
    }
  }
  held_ = std::move(still);
}

std::filesystem::path StreamServer::log_of(const protocol::GetLog& request) const {
  return folders_.paths({0, request.task, request.attempt}, PipelineId{}).log;
}

void StreamServer::send(const protocol::BulkReply& reply, std::uint64_t number) {
  send(protocol::encode(reply, number));
}

void StreamServer::send(std::string frame) {
  unsent_.push_back(std::move(frame));
  flush();
}

}  // namespace landseer::worker
