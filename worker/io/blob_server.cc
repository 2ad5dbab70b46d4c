#include "worker/io/blob_server.h"

#include <algorithm>
#include <array>
#include <variant>

#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

/// Requests are under 100 bytes. 64 chunks waiting for one peer are 16 MiB, eight times what a
/// fetcher asks for ahead.
constexpr net::SocketOptions kOptions{
    .frame_bytes_max = 4096, .send_queue = 64, .receive_queue = 1000, .linger = {}};

/// Requests taken before the next look at the stop signal.
constexpr int kBatch = 64;

}  // namespace

protocol::BlobData read_chunk(const ArtifactStore& store, const protocol::GetBlob& request) {
  protocol::BlobData reply;
  reply.blob = request.blob;
  reply.offset = request.offset;
  const std::size_t limit = std::min<std::size_t>(request.limit, protocol::kBlobChunkBytesMax);
  auto piece = store.read(request.blob, request.offset, limit);
  if (!piece) return reply;  // Damaged or unreadable here: for the peer that is "not here".
  reply.found = true;
  reply.size = piece->size;
  reply.data = std::move(piece->data);
  return reply;
}

Result<std::unique_ptr<BlobServer>> BlobServer::start(const net::Context& context,
                                                      const ArtifactStore& store,
                                                      const std::string& address) {
  std::unique_ptr<BlobServer> server(new BlobServer(context, store));
  auto bound = server->router_.bind(address);
  if (!bound) return tl::make_unexpected(bound.error());
  server->address_ = std::move(*bound);
  // Starting and joining the thread are the fences under which libzmq lets a socket change hands.
  server->thread_ = std::thread([raw = server.get()] { raw->serve(); });
  return server;
}

BlobServer::BlobServer(const net::Context& context, const ArtifactStore& store)
    : store_(store), router_(context, kOptions) {}

BlobServer::~BlobServer() {
  stop_.request();
  if (thread_.joinable()) thread_.join();
}

void BlobServer::serve() {
  std::array<net::PollItem, 2> items;
  items[0].socket = &router_;
  items[1].fd = stop_.fd();
  while (!stop_.requested()) {
    net::poll(items, Duration(-1));
    for (int i = 0; i < kBatch; ++i) {
      const auto request = router_.receive();
      if (!request) break;
      answer(*request);
    }
  }
}

void BlobServer::answer(const net::PeerFrame& request) {
  const auto decoded = protocol::decode_bulk_request(request.frame);
  if (!decoded) {
    ++malformed_;
    return;
  }
  const protocol::BlobData reply =
      read_chunk(store_, std::get<protocol::GetBlob>(decoded->message));
  // A peer that is gone or does not read will ask again, here or elsewhere.
  if (router_.send(request.peer, protocol::encode(protocol::BulkReply(reply), decoded->number))) {
    bytes_served_ += reply.data.size();
  }
}

}  // namespace landseer::worker
