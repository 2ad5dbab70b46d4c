#include "worker/io/blob_server.h"

#include <algorithm>
#include <array>
#include <variant>

#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/fetch_pass.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

/// Requests are under 100 bytes. 24 chunks waiting for one peer are three times what a fetcher asks
/// for ahead.
constexpr net::SocketOptions kOptions{
    .frame_bytes_max = 4096, .send_queue = 24, .receive_queue = 1000, .linger = {}};

constexpr Duration kLook = std::chrono::milliseconds(500);
/// Four times what a fetcher that reads slowly has asked for.
constexpr std::uint64_t kHeldMax = 32 * protocol::kBlobChunkBytesMax;
constexpr double kFilesMany = 0.5;  ///< of the process's limit: its tasks need some, too

/// Requests taken before the next look at the stop signal.
constexpr int kBatch = 64;

}  // namespace

Result<std::unique_ptr<BlobServer>> BlobServer::start(const net::Context& context,
                                                      const ArtifactStore& store,
                                                      const std::string& address,
                                                      const BlobServerKeys& keys) {
  std::unique_ptr<BlobServer> server(new BlobServer(context, store));
  if (!keys.secret_key.empty()) {
    if (auto locked = server->lock(context, keys); !locked) {
      return tl::make_unexpected(locked.error());
    }
  }
  auto bound = server->router_.bind(address);
  if (!bound) return tl::make_unexpected(bound.error());
  server->address_ = std::move(*bound);
  // Starting and joining the thread are the fences under which libzmq lets a socket change hands.
  server->thread_ = std::thread([raw = server.get()] { raw->serve(); });
  return server;
}

BlobServer::BlobServer(const net::Context& context, const ArtifactStore& store)
    : store_(store), contents_(store), router_(context, kOptions) {}

/// Whoever has any key gets in, for only the broker knows which are good; the pass decides then.
Result<void> BlobServer::lock(const net::Context& context, const BlobServerKeys& keys) {
  fetch_secret_ = keys.fetch_secret;
  auto keeper = net::Doorkeeper::start(
      context, [](const std::string&, const std::string& key) { return std::optional(key); });
  if (!keeper) return tl::make_unexpected(keeper.error());
  doorkeeper_ = std::move(*keeper);
  return router_.secure({"data", keys.secret_key});
}

bool BlobServer::may_read(const std::string& user, const protocol::GetBlob& request) {
  return doorkeeper_ == nullptr ||
         (protocol::is_good_fetch_pass(fetch_secret_, {request.artifact, user}, request.ticket,
                                       net::now().wall) &&
          contents_.has(request.artifact, request.blob));
}

BlobServer::~BlobServer() {
  stop_.request();
  if (thread_.joinable()) thread_.join();
}

void BlobServer::serve() {
  std::array<net::PollItem, 2> items;
  items[0].socket = &router_;
  items[1].fd = stop_.fd();
  while (!stop_.requested()) {
    // libzmq may take in what strangers send without a message for us.
    net::poll(items, kLook);
    look_at_connections(net::now().instant);
    for (int i = 0; i < kBatch; ++i) {
      const auto request = router_.receive();
      if (!request) break;
      answer(*request);
    }
  }
}

/// Anybody who reaches the port may connect. Those that say nothing go when files get few, and
/// those that make us hold more than any fetcher does go at once.
void BlobServer::look_at_connections(Instant now) {
  if (now < next_look_) return;
  next_look_ = now + kLook;
  net::Connections& connections = router_.connections();
  connections.end_due(now);
  if (net::files_in_use() > kFilesMany) connections.end_silent();
  if (connections.end_holders(kHeldMax) > 0) net::give_memory_back();
}

void BlobServer::answer(const net::PeerFrame& request) {
  const Instant now = net::now().instant;
  const auto decoded = protocol::decode_bulk_request(request.frame);
  const auto* wanted = decoded ? std::get_if<protocol::GetBlob>(&decoded->message) : nullptr;
  if (wanted == nullptr) {
    ++malformed_;
    router_.connections().malformed(request.peer, now);
    return;
  }
  const protocol::GetBlob& get = *wanted;
  const bool allowed = may_read(request.user, get);
  if (!allowed) {
    ++refused_;
    // Who has a pass for one thing and asks for another is no fetcher.
    router_.connections().malformed(request.peer, now);
  }
  // A peer that is gone or does not read will ask again, here or elsewhere.
  if (!allowed || !send_chunk(request.peer, get, decoded->number)) {
    // Damaged or unreadable here: for the peer that is "not here".
    const protocol::BlobData absent{get.blob, false, 0, 0, {}};
    router_.send(request.peer, protocol::encode(protocol::BulkReply(absent), decoded->number));
  }
}

/// Read from the file into the very frame that is sent. False if the blob is not here.
bool BlobServer::send_chunk(const std::string& peer, const protocol::GetBlob& request,
                            std::uint64_t number) {
  const auto blob = store_.open_blob(request.blob);
  if (!blob) return false;
  const std::uint64_t left = request.offset < blob->size ? blob->size - request.offset : 0;
  const std::size_t limit = std::min<std::size_t>(request.limit, protocol::kBlobChunkBytesMax);
  const std::size_t bytes = std::min<std::uint64_t>(limit, left);
  const protocol::BlobData reply{request.blob, true, request.offset, blob->size, {}};
  const std::string head = protocol::encode_blob_head(reply, bytes, number);
  net::Frame frame(head.size() + bytes);
  const std::span<char> room(frame.data(), head.size() + bytes);
  std::copy(head.begin(), head.end(), room.begin());
  if (!read_at(blob->file.get(), request.offset, room.subspan(head.size()))) return false;
  if (router_.send(peer, frame)) bytes_served_ += bytes;
  return true;
}

}  // namespace landseer::worker
