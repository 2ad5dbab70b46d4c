#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/net/socket.h"
#include "tests/support/temp_folder.h"
#include "worker/io/dataset_book.h"
#include "worker/io/datasets_file.h"
#include "worker/io/disk_keeper.h"
#include "worker/io/folder_content.h"
#include "worker/io/sealed_object.h"
#include "worker/io/store_index.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::TempFolder;
using test::write_text;

class DiskTest : public testing::Test {
 protected:
  TempFolder folder;
  ArtifactStore store = *ArtifactStore::open(folder / "store");
  int made = 0;

  Digest artifact(const std::vector<std::pair<std::string, std::string>>& files) {
    const fs::path output = folder / ("made" + std::to_string(++made));
    for (const auto& [name, content] : files) write_text(output / name, content);
    const Digest digest = store.capture(output)->artifact;
    used_at(digest, made);
    return digest;
  }
  void used_at(const Digest& digest, int seconds) const {
    const timespec time{1'000'000 + seconds, 0};
    const std::array<timespec, 2> times{time, time};
    ASSERT_EQ(
        utimensat(AT_FDCWD, (folder / "store" / "used" / digest.hex()).c_str(), times.data(), 0),
        0);
  }
  bool is_whole(const Digest& digest) const {
    const auto manifest = store.manifest(digest);
    return manifest && store.missing(*manifest).empty();
  }
};

TEST_F(DiskTest, TheOldestGoesAndWhatOthersNameStays) {
  const Digest old = artifact({{"a", "shared"}, {"b", "only in the old one"}});
  const Digest young = artifact({{"a", "shared"}});
  StoreIndex index(store);
  ASSERT_TRUE(index.scan());
  EXPECT_EQ(index.oldest(1, 10, {}), std::vector<Digest>{old});
  EXPECT_EQ(index.oldest(1, 10, {old}), std::vector<Digest>{young});
  const std::uint64_t before = index.bytes();
  const std::vector<Digest> released{old};
  ASSERT_TRUE(index.remove(released));
  EXPECT_FALSE(store.has(old));
  EXPECT_FALSE(store.has(sha256("only in the old one")));
  EXPECT_TRUE(is_whole(young));
  EXPECT_LT(index.bytes(), before);
}

TEST_F(DiskTest, WhatWasUsedSinceTheQuestionStays) {
  const Digest old = artifact({{"a", "1"}});
  StoreIndex index(store);
  ASSERT_TRUE(index.scan());
  store.mark_used(old);
  const std::vector<Digest> released{old};
  ASSERT_TRUE(index.remove(released));
  EXPECT_TRUE(is_whole(old));
}

TEST_F(DiskTest, TheOrderSurvivesARestartAndAnUnmarkedArtifactIsFound) {
  const Digest first = artifact({{"a", "1"}});
  const Digest second = artifact({{"a", "2"}});
  used_at(first, 100);
  fs::remove(folder / "store" / "used" / second.hex());
  StoreIndex index(*ArtifactStore::open(folder / "store"));
  ASSERT_TRUE(index.scan());
  // The unmarked one counts from when its list was written: now.
  EXPECT_EQ(index.oldest(2, 10, {}), (std::vector<Digest>{first, second}));
}

TEST_F(DiskTest, AFreshBlobThatNobodyNamesIsLeft) {
  const Digest script = *store.add_blob("a model script");
  StoreIndex index(store);
  ASSERT_TRUE(index.scan());
  ASSERT_TRUE(index.remove_loose());
  EXPECT_TRUE(store.has(script));
}

class KeeperTest : public DiskTest {
 protected:
  template <class T>
  T next(DiskKeeper& keeper) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
      std::array<net::PollItem, 1> items;
      items[0].fd = keeper.fd();
      net::poll(items, 1s);
      for (auto& event : keeper.take_events()) {
        if (T* found = std::get_if<T>(&event)) return std::move(*found);
      }
    }
    ADD_FAILURE() << "no event";
    return T{};
  }
};

TEST_F(KeeperTest, AsksUntilTheStoreIsBelowItsBudgetAndRemovesWhatIsReleasedOnly) {
  const Digest needed = artifact({{"a", std::string(1000, '1')}});
  const Digest old = artifact({{"a", std::string(1000, '2')}});
  const Digest young = artifact({{"a", std::string(1000, '3')}});
  DiskLimits limits{.artifacts_max = 2600, .disk_min = 0, .period = 5ms};
  DiskKeeper keeper(store, *AttemptFolders::open(folder / "scratch"), folder / "scratch", limits);
  EXPECT_EQ(keeper.first_fitness(), "");
  EXPECT_EQ(next<StoreFull>(keeper).artifacts.front(), needed);
  keeper.remove({{}, {needed}});
  EXPECT_EQ(next<StoreFull>(keeper).artifacts.front(), old);
  keeper.remove({{old}, {}});
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (store.has(old) && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(store.has(old));
  EXPECT_TRUE(is_whole(needed));
  EXPECT_TRUE(is_whole(young));
}

TEST_F(KeeperTest, AFullDiskMakesTheWorkerUnfitUntilThereIsSpace) {
  const fs::path disk = folder / "disk";
  fs::create_directories(disk);
  if (mount("none", disk.c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "this machine does not let this user mount a tmpfs";
  }
  {
    DiskLimits limits{.artifacts_max = 1 << 30, .disk_min = 1 << 20, .period = 5ms};
    DiskKeeper keeper(store, *AttemptFolders::open(disk), disk, limits);
    EXPECT_EQ(keeper.first_fitness(), "");
    write_text(disk / "other", std::string(3'500'000, 'x'));
    EXPECT_NE(next<FitnessChanged>(keeper).unfit.find("disk full: "), std::string::npos);
    fs::remove(disk / "other");
    EXPECT_EQ(next<FitnessChanged>(keeper).unfit, "");
    // Nothing half is kept of what does not fit, and the reason names the machine.
    const ArtifactStore small = *ArtifactStore::open(disk / "store");
    write_text(folder / "big/file", std::string(8'000'000, 'x'));
    const auto stored = small.capture(folder / "big");
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, ErrorCode::kIo);
    EXPECT_NE(stored.error().to_string().find("No space left"), std::string::npos);
    EXPECT_TRUE(fs::is_empty(disk / "store/tmp"));
  }
  EXPECT_EQ(umount2(disk.c_str(), MNT_DETACH), 0);
}

TEST_F(DiskTest, ADatasetIsItsFilesAndNotItsPlaceOrTime) {
  const Cancel cancel;
  write_text(folder / "one/train/a", "1");
  write_text(folder / "one/b", "2");
  write_text(folder / "two/b", "2");
  write_text(folder / "two/train/a", "1");
  const auto content = folder_content(folder / "one", FolderFiles::kAll, cancel);
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, *folder_content(folder / "two", FolderFiles::kAll, cancel));
  fs::rename(folder / "two/b", folder / "two/c");
  EXPECT_NE(*content, *folder_content(folder / "two", FolderFiles::kAll, cancel));
}

TEST_F(DiskTest, ADatasetThatChangesIsNoticedAndReadAnew) {
  write_text(folder / "data/a", "1");
  const DatasetFolder dataset{"d", "", folder / "data"};
  DatasetBook book({dataset}, folder / "memory");
  book.wait(20s);
  const Digest before = book.offers().at(0).content;
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(*book.check(dataset), before);
  write_text(folder / "data/a", "22");
  EXPECT_TRUE(book.check(dataset)->empty());
  book.wait(20s);
  EXPECT_NE(book.offers().at(0).content, before);
  EXPECT_EQ(*book.check(dataset), book.offers().at(0).content);
  // Somebody asks: what was edited is not known any more when the answer comes.
  const Digest edited = book.offers().at(0).content;
  write_text(folder / "data/a", "333");
  book.look({7, "d", "clean"});
  std::uint64_t answered = 0;
  while ((answered = book.take_looked()) == 0) {
    pollfd item{book.fd(), POLLIN, 0};
    ASSERT_GT(poll(&item, 1, 20'000), 0);
    static_cast<void>(book.take_offers());
  }
  EXPECT_EQ(answered, 7u);
  EXPECT_NE(book.offers().at(0).content, edited);
  book.wait(20s);
  // An answer that changes nothing is told once; a loop that waits for it must not turn for ever.
  static_cast<void>(book.take_offers());
  book.look({8, "unknown", {}});
  pollfd told{book.fd(), POLLIN, 0};
  ASSERT_GT(poll(&told, 1, 20'000), 0);
  EXPECT_EQ(book.take_looked(), 8u);
  EXPECT_FALSE(book.changed());
  EXPECT_EQ(poll(&told, 1, 0), 0);
  // A restart looks, and does not read: what it remembers is believed.
  const Digest known = book.offers().at(0).content;
  const std::string file = (folder / "memory") / sha256((folder / "data").string()).hex();
  const std::string text = test::read_text(file);
  ASSERT_EQ(text.substr(64), known.hex());
  write_text(file, text.substr(0, 64) + before.hex());
  DatasetBook again({dataset}, folder / "memory");
  again.wait(20s);
  EXPECT_EQ(again.offers().at(0).content, before);
}

TEST_F(DiskTest, ARegistryOfDatasetsSaysWhatIsHere) {
  write_text(folder / "digits/a", "1");
  write_text(folder / "datasets.yaml",
             "datasets:\n  digits: {source_artifacts_dir: digits, required_files: [a]}\n"
             "  elsewhere: {source_artifacts_dir: /no/such/folder}\n  plain: {default_image: x}\n"
             "  none: {source_artifacts_dir: ''}\n");
  const auto found = read_datasets_file(folder / "datasets.yaml");
  ASSERT_TRUE(found) << found.error().to_string();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at(0), (DatasetFolder{"digits", "", folder / "digits"}));
  EXPECT_EQ(read_datasets_file(folder / "none.yaml").error().code, ErrorCode::kNotFound);
  for (const char* text : {"tools: {}", "datasets: [a]", "datasets: {a: 1}", "datasets: {a: {b",
                           "datasets: {a: {source_artifacts_dir: [x]}}", ""}) {
    write_text(folder / "bad.yaml", text);
    const auto bad = read_datasets_file(folder / "bad.yaml");
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().code, ErrorCode::kInvalid) << text;
    EXPECT_NE(bad.error().where.find("bad.yaml"), std::string::npos);
  }
}

}  // namespace
}  // namespace landseer::worker
