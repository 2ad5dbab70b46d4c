/// `landseer fetch` from a broker and workers that want to write elsewhere: by the names in the
/// list of files, and with the help of somebody who swaps the folder that is written to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "submitter/client/artifact_fetch.h"
#include "submitter/client/client.h"
#include "tests/support/hostile_paths.h"
#include "tests/support/temp_folder.h"

namespace landseer::client {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::write_text;

/// A broker with one artifact, and its bulk port, in a thread of its own.
class FakeSource {
 public:
  FakeSource() : clients_(context_), bulk_(context_) {
    address_ = clients_.bind("tcp://127.0.0.1:0").value();
    bulk_address_ = bulk_.bind("tcp://127.0.0.1:0").value();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeSource() {
    ended_ = true;
    thread_.join();
  }
  const std::string& address() const { return address_; }

  /// Before the fetch that reads it.
  void offer(const std::string& list, const std::string& content) {
    const std::lock_guard lock(mutex_);
    blobs_[sha256(content)] = content;
    artifact_ = sha256(list);
    blobs_[artifact_] = list;
  }

 private:
  void serve() {
    while (!ended_) {
      net::PollItem items[] = {{&clients_, -1, false}, {&bulk_, -1, false}};
      net::poll(items, std::chrono::milliseconds(20));
      const std::lock_guard lock(mutex_);
      while (auto received = clients_.receive()) {
        const auto envelope = protocol::decode_from_client(received->frame);
        if (!envelope) continue;
        const bool hello = std::holds_alternative<protocol::ClientHello>(envelope->message);
        protocol::StreamOpened opened;
        opened.artifact = artifact_;
        opened.bulk_address = bulk_address_;
        opened.sources = {{"w", "ticket"}};
        clients_.send(
            received->peer,
            protocol::encode(hello ? protocol::ToClient(protocol::ClientWelcome{1, 1, "test"})
                                   : protocol::ToClient(opened),
                             envelope->number));
      }
      while (auto received = bulk_.receive()) {
        const auto envelope = protocol::decode_bulk_request(received->frame);
        if (!envelope) continue;
        const auto* wanted = std::get_if<protocol::GetBlob>(&envelope->message);
        if (wanted == nullptr) continue;
        protocol::BlobData data;
        data.blob = wanted->blob;
        data.offset = wanted->offset;
        if (const auto found = blobs_.find(wanted->blob); found != blobs_.end()) {
          data.found = true;
          data.size = found->second.size();
          data.data = found->second.substr(std::min(wanted->offset, data.size), wanted->limit);
        }
        bulk_.send(received->peer, protocol::encode(protocol::BulkReply(data), envelope->number));
      }
    }
  }

  net::Context context_;
  net::Router clients_;
  net::Router bulk_;
  std::string address_;
  std::string bulk_address_;
  std::mutex mutex_;
  std::map<Digest, std::string> blobs_;
  Digest artifact_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

class HostileFetch : public testing::Test {
 protected:
  test::TempFolder folder;
  FakeSource source;
  fs::path parent = folder / "parent";
  fs::path outside = folder / "outside";

  void SetUp() override {
    fs::create_directories(parent);
    write_text(outside / "canary", "nobody may write this");
  }
  void TearDown() override {
    EXPECT_EQ(read_text(outside / "canary"), "nobody may write this");
    std::size_t things = 0;
    for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(outside)) ++things;
    EXPECT_EQ(things, 1u) << "something was made outside";
  }
  Result<Fetched> fetch(const fs::path& target) {
    ClientOptions options;
    options.broker = source.address();
    options.limits = {std::chrono::seconds(20), std::chrono::seconds(20), std::chrono::seconds(20)};
    Client client(options);
    return ArtifactFetch(client, TaskId{1}, [](std::uint64_t, std::uint64_t) {}).run(target, false);
  }
};

TEST_F(HostileFetch, NamesInTheListLeadNowhere) {
  const std::string content = "content";
  std::size_t fetched = 0;
  std::size_t refused = 0;
  // Any third: the list is judged by what the worker's test puts all of them through.
  const auto paths = test::hostile_paths(outside);
  for (std::size_t i = 0; i < paths.size(); i += 3) {
    SCOPED_TRACE(paths[i]);
    std::string list = "landseer-manifest 1\n" + sha256(content).hex() + " - 7 ";
    for (const char c : paths[i])
      list += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    source.offer(list + "\n", content);
    const fs::path target = parent / "target";
    const auto got = fetch(target);
    if (got) {
      ++fetched;
      EXPECT_EQ(read_text(target.native() + "/" + paths[i]), content);
    } else {
      ++refused;
      EXPECT_FALSE(got.error().message.empty());
      EXPECT_FALSE(fs::exists(target));
    }
    fs::remove_all(target);
    fs::remove_all(parent / ".target.fetching");
    ASSERT_TRUE(fs::is_empty(parent)) << "something was made beside the target";
  }
  EXPECT_GT(fetched, 20u);
  EXPECT_GT(refused, 100u);
}

/// Who may write to the folder above can take away what is being written, and put a link there.
TEST_F(HostileFetch, AStageThatIsSwappedForALinkIsNotFollowed) {
  const char* const chosen = std::getenv("LANDSEER_SWAP_RACES");
  const int races = chosen != nullptr ? std::atoi(chosen) / 100 : 100;
  const std::string content(10'000, 'x');
  source.offer("landseer-manifest 1\n" + sha256(content).hex() + " - 10000 a/model.pt\n", content);
  const fs::path stage = parent / ".target.fetching";
  const fs::path link = parent / "link";
  ASSERT_EQ(symlink(outside.c_str(), link.c_str()), 0);
  std::atomic<bool> is_over = false;
  std::thread swapper([&] {
    while (!is_over) {
      renameat2(AT_FDCWD, stage.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
    }
  });
  int made = 0;
  for (int i = 0; i < races; ++i) {
    if (fetch(parent / "target")) {
      ++made;
      EXPECT_EQ(read_text(parent / "target/a/model.pt"), content);
    }
    fs::remove_all(parent / "target");
    std::error_code gone;
    if (fs::directory_iterator(outside, gone) != fs::directory_iterator() &&
        ++fs::directory_iterator(outside) != fs::directory_iterator()) {
      break;
    }
  }
  is_over = true;
  swapper.join();
  EXPECT_GT(made, 0);
}

}  // namespace
}  // namespace landseer::client
