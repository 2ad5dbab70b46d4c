/// What strangers may do at a worker's data port, which everybody on the network can reach: not
/// much.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/net/clock.h"
#include "common/net/process_limits.h"
#include "tests/io/hostile_bytes.h"
#include "tests/support/temp_folder.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/blob_server.h"

namespace landseer::worker {
namespace {

using namespace std::chrono_literals;

template <class Condition>
bool within(Duration patience, Condition&& condition) {
  for (const Instant end = net::now().instant + patience; net::now().instant < end;) {
    if (condition()) return true;
    net::poll({}, 10ms);
  }
  return false;
}

/// Whether the other side closed it.
bool is_ended(const UniqueFd& peer) {
  char bytes[4096];
  for (;;) {
    const ssize_t size = recv(peer.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (size == 0) return true;
    if (size < 0) return errno != EAGAIN && errno != EINTR;
  }
}

class DataPort : public ::testing::Test {
 protected:
  DataPort() {
    test::write_text(folder / "out" / "file", "content");
    artifact = store.capture(folder / "out")->artifact;
  }
  /// A worker is served as if nothing were.
  bool serves() {
    const test::TempFolder own;
    const ArtifactStore mine = *ArtifactStore::open(own / "store");
    BlobFetcher fetcher(context, mine, {});
    const std::vector<std::string> sources{server->address()};
    return fetcher.fetch_artifact(artifact, sources, cancel, {}).has_value();
  }

  test::TempFolder folder;
  net::Context serving;
  net::Context context;
  Cancel cancel;
  ArtifactStore store = *ArtifactStore::open(folder / "store");
  Digest artifact;
  std::unique_ptr<BlobServer> server = *BlobServer::start(serving, store, "tcp://127.0.0.1:0");
};

TEST_F(DataPort, AMessageWithoutAnEndEndsItsConnection) {
  const UniqueFd peer = test::connect_dealer(server->address());
  ASSERT_TRUE(peer);
  const std::string piece = test::frame(std::string(4000, 'x'), test::kMore);
  std::string pieces;
  for (int i = 0; i < 256; ++i) pieces += piece;
  constexpr std::size_t kMost = std::size_t{1} << 30;
  std::size_t sent = 0;
  while (sent < kMost) {
    const ssize_t size = send(peer.get(), pieces.data(), pieces.size(), MSG_NOSIGNAL);
    if (size <= 0) break;
    sent += static_cast<std::size_t>(size);
    net::poll({}, 5ms);  // or it were gigabytes before anybody looks
  }
  EXPECT_LT(sent, kMost);
  EXPECT_TRUE(serves());
}

TEST_F(DataPort, WhoSendsWhatMeansNothingIsEnded) {
  const UniqueFd peer = test::connect_dealer(server->address());
  ASSERT_TRUE(peer);
  for (std::uint32_t i = 0; i < net::Connections::kMalformedMax; ++i) {
    test::send_raw(peer, test::frame("no request"));
  }
  EXPECT_TRUE(within(30s, [&] { return is_ended(peer); }));
  EXPECT_EQ(server->malformed(), net::Connections::kMalformedMax);
  EXPECT_TRUE(serves());
}

TEST_F(DataPort, StrangersWhoSayNothingMakeRoom) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  net::set_file_limit(256);
  std::vector<UniqueFd> silent;
  const auto all_ended = [&] {
    return std::all_of(silent.begin(), silent.end(),
                       [](const UniqueFd& peer) { return is_ended(peer); });
  };
  // Both ends are this process's: half of the limit is soon reached.
  for (int i = 0; i < 80; ++i) {
    silent.push_back(test::connect_raw(server->address()));
    ASSERT_TRUE(silent.back());
  }
  EXPECT_TRUE(within(4s, all_ended)) << "libzmq itself would wait five seconds for their greeting";
  silent.clear();
  EXPECT_TRUE(serves());
  net::set_file_limit(before.rlim_cur);
}

}  // namespace
}  // namespace landseer::worker
