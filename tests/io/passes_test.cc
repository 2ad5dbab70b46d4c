/// Transfers between workers that have keys: only what the broker gave a pass for.
#include <gtest/gtest.h>

#include <chrono>

#include "common/net/clock.h"
#include "common/net/key_pair.h"
#include "common/protocol/fetch_pass.h"
#include "tests/support/temp_folder.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/blob_server.h"

namespace landseer::worker {
namespace {

using namespace std::chrono_literals;
using test::TempFolder;
using test::write_text;

class PassesTest : public ::testing::Test {
 protected:
  PassesTest() {
    write_text(folder / "one" / "file", "content");
    artifact = capture("one");
    write_text(folder / "two" / "secret", "of another pipeline");
    other = capture("two");
  }
  Digest capture(const std::string& name) { return source.capture(folder / name)->artifact; }
  BlobFetcher make_fetcher(const net::KeyPair& own) {
    FetchOptions options;
    options.silence_limit = 2s;
    options.keys = net::ClientKeys{"", own.public_key, own.secret_key};
    return BlobFetcher(context, store, options);
  }
  protocol::FetchPass pass_for(const Digest& what, const std::string& whom) const {
    return {server_keys.public_key,
            protocol::make_fetch_pass(secret, {what, whom}, net::now().wall)};
  }
  bool fetch(BlobFetcher& fetcher, const Digest& what, const protocol::FetchPass& pass) {
    const std::vector<std::string> sources{server->address()};
    const std::vector<protocol::FetchPass> passes{pass};
    return fetcher.fetch_artifact(what, sources, cancel, {}, passes).has_value();
  }

  TempFolder folder;
  net::Context serving;
  net::Context context;
  Cancel cancel;
  ArtifactStore source = *ArtifactStore::open(folder / "source");
  ArtifactStore store = *ArtifactStore::open(folder / "own");
  Digest artifact;
  Digest other;
  net::KeyPair server_keys = *net::make_key_pair();
  net::KeyPair mine = *net::make_key_pair();
  net::KeyPair theirs = *net::make_key_pair();
  std::string secret = std::string(protocol::kFetchSecretBytes, 's');
  std::unique_ptr<BlobServer> server =
      *BlobServer::start(serving, source, "tcp://127.0.0.1:0", {server_keys.secret_key, secret});
};

TEST_F(PassesTest, AnArtifactIsFetchedWithItsPass) {
  BlobFetcher fetcher = make_fetcher(mine);
  EXPECT_TRUE(fetch(fetcher, artifact, pass_for(artifact, mine.public_key)));
  EXPECT_TRUE(store.missing(*store.manifest(artifact)).empty());
  EXPECT_EQ(server->refused(), 0u);
}

TEST_F(PassesTest, NothingIsFetchedWithoutOneOrWithSomebodyElses) {
  BlobFetcher fetcher = make_fetcher(mine);
  EXPECT_FALSE(fetch(fetcher, artifact, {server_keys.public_key, ""}));
  EXPECT_FALSE(fetch(fetcher, artifact, pass_for(artifact, theirs.public_key)));
  EXPECT_FALSE(fetch(fetcher, artifact, pass_for(other, mine.public_key)));
  protocol::FetchPass late = pass_for(artifact, mine.public_key);
  late.pass = protocol::make_fetch_pass(
      secret, {artifact, mine.public_key},
      WallTime{net::now().wall.unix_ms - protocol::kFetchPassLifeMs - 1000});
  EXPECT_FALSE(fetch(fetcher, artifact, late));
  protocol::FetchPass forged = pass_for(artifact, mine.public_key);
  forged.pass.back() = static_cast<char>(forged.pass.back() ^ 1);
  EXPECT_FALSE(fetch(fetcher, artifact, forged));
  EXPECT_EQ(server->refused(), 5u);
  EXPECT_EQ(server->bytes_served(), 0u);
}

TEST_F(PassesTest, WhoHasNoKeyGetsNoAnswer) {
  BlobFetcher fetcher(context, store, {.silence_limit = 300ms});
  EXPECT_FALSE(fetch(fetcher, artifact, {"", pass_for(artifact, mine.public_key).pass}));
  EXPECT_EQ(server->refused(), 0u);
}

TEST_F(PassesTest, APassForOneArtifactReadsNoOther) {
  ArtifactContents contents(source);
  const auto manifest = *source.manifest(other);
  EXPECT_TRUE(contents.has(other, manifest.entries.at(0).content));
  EXPECT_FALSE(contents.has(artifact, manifest.entries.at(0).content));
  EXPECT_FALSE(contents.has(artifact, other));
  EXPECT_FALSE(contents.has(sha256("not here"), sha256("x")));
}

}  // namespace
}  // namespace landseer::worker
