#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "tests/support/temp_folder.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/blob_server.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using protocol::BlobData;
using protocol::GetBlob;
using test::TempFolder;
using test::write_text;

constexpr std::size_t kChunk = protocol::kBlobChunkBytesMax;
/// Nobody listens on port 1.
const std::string kDead = "tcp://127.0.0.1:1";

std::string content_of(std::size_t size) {
  std::string content(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : content) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return content;
}

/// A worker's store and its server.
struct Peer {
  Peer(const net::Context& context, const fs::path& folder)
      : root(folder),
        store(*ArtifactStore::open(root)),
        server(std::move(*BlobServer::start(context, store, "tcp://127.0.0.1:0"))) {}
  const std::string& address() const { return server->address(); }
  /// Changes an object in a way that metadata does not show.
  void damage(const Digest& blob) const {
    const fs::path path = object_path(root, blob);
    chmod(path.c_str(), 0600);
    UniqueFd file(open(path.c_str(), O_RDWR));
    ASSERT_EQ(pwrite(file.get(), "!", 1, 0), 1);
    ASSERT_TRUE(seal(file.get(), path.string()));
  }

  fs::path root;
  ArtifactStore store;
  std::unique_ptr<BlobServer> server;
};

class TransferTest : public testing::Test {
 protected:
  TempFolder folder;
  net::Context context;
  Cancel cancel;
  Peer one{context, folder / "one"};
  Peer two{context, folder / "two"};
  ArtifactStore store = *ArtifactStore::open(folder / "own");
  BlobFetcher fetcher{context, store, {.silence_limit = 300ms}};

  Result<void> fetch(const Digest& blob, std::vector<std::string> sources) {
    return fetcher.fetch(blob, std::uint64_t{1} << 30, sources, cancel);
  }
  std::string failure(const Digest& blob, std::vector<std::string> sources) {
    const auto fetched = fetch(blob, std::move(sources));
    return fetched ? "fetched" : fetched.error().message;
  }
};

TEST_F(TransferTest, TwentyMebibytesArrive) {
  const std::string content = content_of(20 * 1024 * 1024 + 17);
  const Digest blob = *one.store.add_blob(content);
  const auto fetched = fetch(blob, {one.address()});
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(store.read(blob, 0, content.size())->data, content);
  EXPECT_EQ(one.server->bytes_served(), content.size());
  EXPECT_TRUE(fetch(blob, {}));  // It is here: nobody is asked.
}

TEST_F(TransferTest, SizesAroundAChunk) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1,
                                 8 * kChunk, 9 * kChunk + 1}) {
    const Digest blob = *one.store.add_blob(content_of(size));
    EXPECT_EQ(failure(blob, {one.address()}), "fetched") << size;
    EXPECT_EQ(store.read(blob, 0, 1)->size, size);
  }
}

TEST_F(TransferTest, AnArtifactArrivesWithAllItsFiles) {
  write_text(folder / "output/model.pt", content_of(3 * kChunk));
  write_text(folder / "output/data/a.npy", "a");
  write_text(folder / "output/data/b.npy", "b");
  const Digest artifact = one.store.capture(folder / "output")->artifact;
  ASSERT_TRUE(store.add_blob("a"));
  const std::vector<std::string> sources{kDead, two.address(), one.address()};
  const auto fetched = fetcher.fetch_artifact(artifact, sources, cancel);
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_TRUE(*fetched);
  EXPECT_TRUE(store.missing(*store.manifest(artifact)).empty());
  EXPECT_FALSE(*fetcher.fetch_artifact(artifact, {}, cancel));
}

TEST_F(TransferTest, AnArtifactIsCompletedFromSeveralSources) {
  write_text(folder / "output/a", "only one has it");
  write_text(folder / "output/b", "two has it");
  const Digest artifact = one.store.capture(folder / "output")->artifact;
  fs::remove(object_path(one.root, sha256("two has it")));
  ASSERT_TRUE(two.store.add_blob("two has it"));
  const std::vector<std::string> sources{one.address(), two.address()};
  EXPECT_TRUE(fetcher.fetch_artifact(artifact, sources, cancel));
  EXPECT_TRUE(store.missing(*store.manifest(artifact)).empty());
}

TEST_F(TransferTest, WrongBytesAreRefusedAndTheNextSourceIsUsed) {
  const std::string content = content_of(2 * kChunk);
  const Digest blob = *one.store.add_blob(content);
  one.damage(blob);
  EXPECT_EQ(failure(blob, {one.address()}),
            "cannot fetch " + blob.hex() + ": " + one.address() + " sent wrong bytes");
  EXPECT_FALSE(store.has(blob));
  ASSERT_TRUE(two.store.add_blob(content));
  EXPECT_EQ(failure(blob, {one.address(), two.address()}), "fetched");
  EXPECT_EQ(store.read(blob, 0, content.size())->data, content);
}

TEST_F(TransferTest, TheErrorSaysWhatWasWrongWithEachSource) {
  const Digest blob = sha256("nobody has it");
  EXPECT_EQ(failure(blob, {one.address(), kDead, "nonsense"}),
            "cannot fetch " + blob.hex() + ": " + one.address() + " does not have it; " + kDead +
                " was silent for 300ms; nonsense is not an address that can be reached");
  EXPECT_EQ(failure(blob, {}), "cannot fetch " + blob.hex() + ": no worker is known to have it");
}

TEST_F(TransferTest, ABlobAboveTheLimitIsRefused) {
  const Digest blob = *one.store.add_blob("0123456789");
  const std::vector<std::string> sources{one.address()};
  EXPECT_FALSE(fetcher.fetch(blob, 9, sources, cancel));
  EXPECT_TRUE(fetcher.fetch(blob, 10, sources, cancel));
}

TEST_F(TransferTest, ABlobThatIsNoArtifactIsSaidToBeNone) {
  const Digest blob = *one.store.add_blob("no list");
  const std::vector<std::string> sources{one.address()};
  EXPECT_EQ(fetcher.fetch_artifact(blob, sources, cancel).error().code, ErrorCode::kInvalid);
}

TEST_F(TransferTest, TheServerDropsGarbageAndGoesOn) {
  net::Dealer dealer(context);
  ASSERT_TRUE(dealer.connect(one.address()));
  std::array<net::PollItem, 1> items;
  items[0].socket = &dealer;
  while (!dealer.send("garbage")) net::poll(items, 1ms);
  EXPECT_TRUE(dealer.send(""));
  const Digest blob = *one.store.add_blob("content");
  const GetBlob request{blob, 2, 3};
  const std::string frame = protocol::encode(protocol::BulkRequest(request), 77);
  EXPECT_TRUE(dealer.send(frame.substr(0, frame.size() - 1)));
  EXPECT_TRUE(dealer.send(frame));
  net::poll(items, 10s);
  const auto reply = dealer.receive();
  ASSERT_TRUE(reply);
  const auto decoded = protocol::decode_bulk_reply(*reply);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->number, 77u);
  EXPECT_EQ(std::get<BlobData>(decoded->message), (BlobData{blob, true, 2, 7, "nte"}));
  EXPECT_EQ(one.server->malformed(), 3u);
}

TEST_F(TransferTest, AServerThatCannotListenSaysSo) {
  EXPECT_FALSE(BlobServer::start(context, store, one.address()));
  EXPECT_FALSE(BlobServer::start(context, store, "nonsense"));
}

/// A peer that answers as the test says: empty means no answer at all.
class ScriptedPeer {
 public:
  using Script = std::function<std::optional<BlobData>(const GetBlob&)>;

  ScriptedPeer(const net::Context& context, Script script)
      : router_(context), script_(std::move(script)), address_(*router_.bind("tcp://127.0.0.1:0")) {
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedPeer() {
    stop_.request();
    thread_.join();
  }
  const std::string& address() const { return address_; }

 private:
  void serve() {
    std::array<net::PollItem, 2> items;
    items[0].socket = &router_;
    items[1].fd = stop_.fd();
    while (!stop_.requested()) {
      net::poll(items, Duration(-1));
      while (const auto frame = router_.receive()) {
        const auto request = protocol::decode_bulk_request(frame->frame);
        const auto reply = script_(std::get<GetBlob>(request->message));
        if (!reply) continue;
        router_.send(frame->peer, protocol::encode(protocol::BulkReply(*reply), request->number));
      }
    }
  }

  net::Router router_;
  Script script_;
  std::string address_;
  Cancel stop_;
  std::thread thread_;
};

TEST_F(TransferTest, WhatASilentSourceSentIsKept) {
  const std::string content = content_of(10 * kChunk);
  const Digest blob = *two.store.add_blob(content);
  const ScriptedPeer fading(context, [&](const GetBlob& request) -> std::optional<BlobData> {
    if (request.offset >= 6 * kChunk) return std::nullopt;
    return BlobData{blob, true, request.offset, content.size(),
                    content.substr(request.offset, kChunk)};
  });
  EXPECT_EQ(failure(blob, {fading.address(), two.address()}), "fetched");
  EXPECT_EQ(store.read(blob, 0, content.size())->data, content);
  // The window reaches beyond what was kept by nothing: the second source served the rest alone.
  EXPECT_EQ(two.server->bytes_served(), 4 * kChunk);
}

TEST_F(TransferTest, WrongBytesOfASilentSourceDoNotSpoilTheNext) {
  const std::string content = content_of(4 * kChunk);
  const Digest blob = *two.store.add_blob(content);
  for (const std::uint64_t claimed : {content.size(), content.size() + 1, kChunk + 1}) {
    const ScriptedPeer liar(context, [&](const GetBlob& request) -> std::optional<BlobData> {
      if (request.offset > 0) return std::nullopt;
      return BlobData{blob, true, 0, claimed, std::string(kChunk, 'x')};
    });
    EXPECT_EQ(failure(blob, {liar.address(), two.address()}), "fetched") << claimed;
    fs::remove(object_path(folder / "own", blob));
  }
}

TEST_F(TransferTest, ShortChunksAreTaken) {
  const std::string content = content_of(5000);
  const Digest blob = sha256(content);
  const ScriptedPeer slow(context, [&](const GetBlob& request) {
    return BlobData{blob, true, request.offset, content.size(),
                    content.substr(request.offset, 999)};
  });
  EXPECT_EQ(failure(blob, {slow.address()}), "fetched");
}

TEST_F(TransferTest, NonsenseIsRefused) {
  const Digest blob = sha256("wanted");
  const std::vector<BlobData> replies{{sha256("other"), true, 0, 5, "other"},
                                      {blob, true, 1, 6, "anted"},
                                      {blob, true, 0, 6, ""},
                                      {blob, true, 0, 6, "wanted and more"},
                                      {blob, true, 0, std::uint64_t{1} << 40, "wanted"}};
  for (const BlobData& reply : replies) {
    const ScriptedPeer liar(context, [&](const GetBlob&) { return reply; });
    EXPECT_NE(failure(blob, {liar.address()}).find("sent "), std::string::npos) << reply.data;
    EXPECT_FALSE(store.has(blob));
  }
}

TEST_F(TransferTest, ACancelledFetchEndsAtOnce) {
  BlobFetcher patient(context, store, {.silence_limit = 60s});
  const ScriptedPeer silent(context, [&](const GetBlob&) -> std::optional<BlobData> {
    cancel.request();
    return std::nullopt;
  });
  const std::vector<std::string> sources{silent.address()};
  const Instant start = net::now().instant;
  const auto fetched = patient.fetch(sha256("x"), 100, sources, cancel);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kConflict);
  EXPECT_LT(net::now().instant - start, 30s);
}

}  // namespace
}  // namespace landseer::worker
