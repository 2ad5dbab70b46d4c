#include "worker/io/artifact_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_folder.h"
#include "worker/io/file_tools.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::TempFolder;
using test::write_text;

class ArtifactStoreTest : public testing::Test {
 protected:
  TempFolder folder;
  ArtifactStore store = *ArtifactStore::open(folder / "store");
  fs::path output = folder / "output";

  void SetUp() override { fs::create_directories(output); }

  StoredArtifact captured() {
    auto stored = store.capture(output);
    EXPECT_TRUE(stored) << stored.error().to_string();
    return stored.value_or(StoredArtifact{});
  }
  std::string refusal() {
    const auto stored = store.capture(output);
    return stored ? "accepted" : stored.error().to_string();
  }
  std::size_t objects() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "store" / "objects")) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }
  bool tmp_is_empty() const { return fs::is_empty(folder / "store" / "tmp"); }
};

struct stat status_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status;
}

TEST_F(ArtifactStoreTest, OutputComesBackAsItWas) {
  write_text(output / "model.pt", "weights");
  write_text(output / "deep/er/data.npy", "numbers");
  write_text(output / "bin/run", "#!/bin/sh\n");
  write_text(output / "empty", "");
  chmod((output / "bin/run").c_str(), 0755);
  const StoredArtifact stored = captured();
  EXPECT_EQ(stored.files, 4u);
  EXPECT_EQ(stored.bytes, 24u);
  const auto manifest = store.manifest(stored.artifact);
  ASSERT_TRUE(manifest);
  EXPECT_TRUE(store.missing(*manifest).empty());

  const fs::path target = folder / "target";
  fs::create_directories(target);
  const auto placed = store.materialise(*manifest, target);
  ASSERT_TRUE(placed) << placed.error().to_string();
  EXPECT_EQ(read_text(target / "model.pt"), "weights");
  EXPECT_EQ(read_text(target / "deep/er/data.npy"), "numbers");
  EXPECT_EQ(read_text(target / "bin/run"), "#!/bin/sh\n");
  EXPECT_EQ(read_text(target / "empty"), "");
  EXPECT_EQ(status_of(target / "bin/run").st_mode & 0777u, 0555u);
  EXPECT_EQ(status_of(target / "model.pt").st_mode & 0777u, 0444u);
  EXPECT_TRUE(tmp_is_empty());
}

TEST_F(ArtifactStoreTest, FilesAreSharedNotCopied) {
  write_text(output / "model.pt", "weights");
  const ino_t inode = status_of(output / "model.pt").st_ino;
  const auto manifest = store.manifest(captured().artifact);
  EXPECT_EQ(status_of(object_path(folder / "store", sha256("weights"))).st_ino, inode);
  const fs::path target = folder / "target";
  fs::create_directories(target);
  ASSERT_TRUE(store.materialise(*manifest, target));
  EXPECT_EQ(status_of(target / "model.pt").st_ino, inode);
}

TEST_F(ArtifactStoreTest, EqualContentIsStoredOnce) {
  write_text(output / "a", "same");
  write_text(output / "b/c", "same");
  const StoredArtifact first = captured();
  EXPECT_EQ(first.files, 2u);
  EXPECT_EQ(objects(), 2u);  // The content and the list.
  const fs::path again = folder / "again";
  write_text(again / "b/c", "same");
  write_text(again / "a", "same");
  EXPECT_EQ(store.capture(again)->artifact, first.artifact);
  EXPECT_EQ(*store.add_blob("same"), sha256("same"));
  EXPECT_EQ(objects(), 2u);
}

TEST_F(ArtifactStoreTest, ASecondCaptureOfTheFolderIsTheSameArtifact) {
  write_text(output / "run", "#!/bin/sh\n");
  write_text(output / "data", "1");
  chmod((output / "run").c_str(), 0700);
  EXPECT_EQ(captured().artifact, captured().artifact);
}

TEST_F(ArtifactStoreTest, NothingLeftIsNoArtifact) {
  EXPECT_TRUE(captured().artifact.empty());
  fs::create_directories(output / "empty/folders");
  EXPECT_TRUE(captured().artifact.empty());
}

TEST_F(ArtifactStoreTest, AFileThatIsAlsoInTheCheckpointFolderIsCopied) {
  write_text(folder / "checkpoint/state", "state 1");
  ASSERT_EQ(link((folder / "checkpoint/state").c_str(), (output / "model.pt").c_str()), 0);
  ASSERT_TRUE(store.capture(output, {{folder / "checkpoint"}}));
  write_text(folder / "checkpoint/state", "state 2");
  EXPECT_EQ(store.read(sha256("state 1"), 0, 100)->data, "state 1");
}

TEST_F(ArtifactStoreTest, RefusesAFileWithANameOutsideAndTakesSeveralNamesInside) {
  write_text(folder / "secret", "not for artifacts");
  ASSERT_EQ(link((folder / "secret").c_str(), (output / "model.pt").c_str()), 0);
  EXPECT_NE(refusal().find("model.pt: the file has another name outside"), std::string::npos)
      << refusal();
  EXPECT_EQ(objects(), 0u);
  fs::remove(output / "model.pt");
  write_text(output / "a", "twice");
  ASSERT_EQ(link((output / "a").c_str(), (output / "b").c_str()), 0);
  EXPECT_EQ(captured().files, 2u);
}

TEST_F(ArtifactStoreTest, RefusesAFileThatSomebodyCanStillWriteTo) {
  write_text(output / "model.pt", "weights");
  {
    const UniqueFd writer(open((output / "model.pt").c_str(), O_WRONLY));
    EXPECT_NE(refusal().find("model.pt: a process that outlived the tool"), std::string::npos)
        << refusal();
  }
  EXPECT_EQ(captured().files, 1u);
}

TEST_F(ArtifactStoreTest, RefusesDevicesAndMountsAndRemovesNothingBehindAMount) {
  if (geteuid() != 0) GTEST_SKIP() << "devices and mounts are root's";
  ASSERT_EQ(mknod((output / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  EXPECT_NE(refusal().find("null: the output has a device"), std::string::npos) << refusal();
  fs::remove(output / "null");
  write_text(folder / "outside/file", "keep me");
  fs::create_directories(output / "hole");
  const std::string hole = output / "hole";
  if (mount((folder / "outside").c_str(), hole.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "this machine does not let root mount";
  }
  EXPECT_NE(refusal().find("hole: cannot open the folder"), std::string::npos) << refusal();
  EXPECT_FALSE(remove_tree(output));
  EXPECT_EQ(umount2(hole.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(read_text(folder / "outside/file"), "keep me");
}

TEST_F(ArtifactStoreTest, RefusesTooManyFilesAndTooManyBytes) {
  const UniqueFd opened(open(output.c_str(), O_RDONLY | O_DIRECTORY));
  for (std::size_t i = 0; i <= kManifestEntriesMax; ++i) {
    const std::string name = "f" + std::to_string(i);
    ASSERT_EQ(mknodat(opened.get(), name.c_str(), S_IFREG | 0600, 0), 0);
  }
  EXPECT_NE(refusal().find("more than 100000 files"), std::string::npos) << refusal();
  fs::remove_all(output);
  write_text(output / "a", "12345");
  write_text(output / "b", "678");
  EXPECT_TRUE(store.capture(output, {.linkable = {}, .bytes_max = 8}));
  const auto large = store.capture(output, {.linkable = {}, .bytes_max = 7});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimit);
}

TEST_F(ArtifactStoreTest, NamesAreBytes) {
  write_text(output / "two\nlines", "1");
  write_text(output / "bad\xff", "2");
  write_text(output / "..\\..", "3");
  const auto manifest = store.manifest(captured().artifact);
  const fs::path target = folder / "target";
  fs::create_directories(target);
  ASSERT_TRUE(store.materialise(*manifest, target));
  EXPECT_EQ(read_text(target / "two\nlines"), "1");
  EXPECT_EQ(read_text(target / "bad\xff"), "2");
}

TEST_F(ArtifactStoreTest, DamageIsFoundBeforeUseAndRemoved) {
  write_text(output / "model.pt", "weights");
  const auto manifest = store.manifest(captured().artifact);
  const fs::path object = object_path(folder / "store", sha256("weights"));
  chmod(object.c_str(), 0600);
  write_text(object, "WEIGHTS");
  const UniqueFd file(open(object.c_str(), O_RDONLY));
  ASSERT_TRUE(seal(file.get(), object));
  const ArtifactStore restarted = *ArtifactStore::open(folder / "store");
  const Cancel cancel;
  EXPECT_TRUE(restarted.has(sha256("weights")));
  EXPECT_FALSE(restarted.verify(*manifest, cancel));
  EXPECT_EQ(restarted.missing(*manifest).size(), 1u);
}

TEST_F(ArtifactStoreTest, ACopyIsWritableAndLeavesTheStoreAlone) {
  write_text(output / "deep/state", "1");
  const auto stored = store.capture(output, {.linkable = {}, .copy = true});
  write_text(output / "deep/state", "2");  // Somebody goes on with it.
  const fs::path target = folder / "target";
  fs::create_directories(target);
  ASSERT_TRUE(store.materialise(*store.manifest(stored->artifact), target, true));
  EXPECT_EQ(status_of(target / "deep").st_mode & 0777u, 0777u);
  EXPECT_EQ(status_of(target / "deep/state").st_mode & 0777u, 0666u);
  write_text(target / "deep/state", "3");
  EXPECT_EQ(store.read(sha256("1"), 0, 10)->data, "1");
}

TEST_F(ArtifactStoreTest, AStoreHasOneNameForAllWhoShareIt) {
  const ArtifactStore second = *ArtifactStore::open(folder / "store");
  EXPECT_EQ(store.id()->size(), 32u);
  EXPECT_EQ(*store.id(), *second.id());
}

TEST_F(ArtifactStoreTest, RefusesLinks) {
  ASSERT_EQ(symlink("/etc/passwd", (output / "model.pt").c_str()), 0);
  EXPECT_NE(refusal().find("model.pt: the output has a symbolic link"), std::string::npos)
      << refusal();
  fs::remove(output / "model.pt");
  fs::create_directories(output / "inner");
  ASSERT_EQ(symlink("/etc", (output / "inner/folder").c_str()), 0);
  EXPECT_NE(refusal().find("inner/folder: the output has a symbolic link"), std::string::npos);
}

TEST_F(ArtifactStoreTest, RefusesWhatIsInTheFoldersPlaceAndLeavesWhatItLeadsToAlone) {
  write_text(folder / "outside/file", "not the tool's");
  fs::remove(output);
  EXPECT_NE(refusal().find("the tool removed the folder"), std::string::npos) << refusal();
  ASSERT_EQ(symlink((folder / "outside").c_str(), output.c_str()), 0);
  EXPECT_NE(refusal().find("the tool put a symbolic link in the folder's place"), std::string::npos)
      << refusal();
  const struct stat status = status_of(folder / "outside/file");
  EXPECT_EQ(status.st_nlink, 1u);
  EXPECT_EQ(status.st_mode & 0200, 0200u);
  fs::remove(output);
  write_text(output, "a file");
  EXPECT_NE(refusal().find("the tool put a file in the folder's place"), std::string::npos);
}

TEST_F(ArtifactStoreTest, RefusesPipesAndSockets) {
  ASSERT_EQ(mkfifo((output / "pipe").c_str(), 0600), 0);
  EXPECT_NE(refusal().find("pipe: the output has a pipe"), std::string::npos) << refusal();
  fs::remove(output / "pipe");
  const int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (output / "s").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_NE(refusal().find("s: the output has a socket"), std::string::npos) << refusal();
  close(socket_fd);
}

/// Longer in all than any path the kernel takes.
void make_deep_folders(const fs::path& top, int depth) {
  UniqueFd at(open(top.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < depth; ++i) {
    const std::string name(200, static_cast<char>('a' + i % 26));
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0700), 0);
    at = UniqueFd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_GE(at.get(), 0);
  }
  const UniqueFd file(openat(at.get(), "file", O_WRONLY | O_CREAT, 0600));
  ASSERT_GE(file.get(), 0);
}

TEST_F(ArtifactStoreTest, RefusesNamesThatAreTooDeepAndCanRemoveThem) {
  make_deep_folders(output, 300);
  EXPECT_NE(refusal().find("deeper than 64"), std::string::npos) << refusal();
  const auto removed = remove_tree(output);
  EXPECT_TRUE(removed) << removed.error().to_string();
  EXPECT_FALSE(fs::exists(output));
}

TEST_F(ArtifactStoreTest, RemovalDoesNotFollowLinksAndOpensClosedFolders) {
  write_text(folder / "outside/file", "keep me");
  write_text(output / "closed/inner/file", "x");
  ASSERT_EQ(symlink((folder / "outside").c_str(), (output / "closed/link").c_str()), 0);
  chmod((output / "closed/inner").c_str(), 0);
  chmod((output / "closed").c_str(), 0500);
  chmod(output.c_str(), 0500);
  const auto removed = remove_tree(output);
  EXPECT_TRUE(removed) << removed.error().to_string();
  EXPECT_FALSE(fs::exists(output));
  EXPECT_EQ(read_text(folder / "outside/file"), "keep me");
  EXPECT_TRUE(remove_tree(output));
}

TEST_F(ArtifactStoreTest, ATamperedObjectCountsAsAbsentAndIsReplaced) {
  write_text(output / "model.pt", "weights");
  const auto manifest = store.manifest(captured().artifact);
  const fs::path object = object_path(folder / "store", sha256("weights"));
  chmod(object.c_str(), 0600);
  write_text(object, "WEIGHTS");
  chmod(object.c_str(), 0444);
  EXPECT_FALSE(store.has(sha256("weights")));
  EXPECT_EQ(store.missing(*manifest).size(), 1u);
  EXPECT_EQ(store.read(sha256("weights"), 0, 10).error().code, ErrorCode::kNotFound);
  const fs::path target = folder / "target";
  fs::create_directories(target);
  const auto placed = store.materialise(*manifest, target);
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(placed.error().where, "model.pt");
  ASSERT_TRUE(store.add_blob("weights"));
  EXPECT_TRUE(store.missing(*manifest).empty());
}

TEST_F(ArtifactStoreTest, ReadsPieces) {
  ASSERT_TRUE(store.add_blob("0123456789"));
  const Digest blob = sha256("0123456789");
  EXPECT_EQ(store.read(blob, 0, 4)->data, "0123");
  EXPECT_EQ(store.read(blob, 8, 4)->data, "89");
  EXPECT_EQ(store.read(blob, 10, 4)->data, "");
  EXPECT_EQ(store.read(blob, std::uint64_t{1} << 62, 4)->data, "");
  EXPECT_EQ(store.read(blob, 8, 0)->size, 10u);
  EXPECT_FALSE(store.read(sha256("other"), 0, 4));
}

TEST_F(ArtifactStoreTest, AWriterThatIsNotFinishedLeavesNothing) {
  {
    auto writer = store.make_writer();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append("half"));
  }
  auto writer = store.make_writer();
  ASSERT_TRUE(writer->append("wrong"));
  EXPECT_EQ(writer->finish(sha256("right")).error().code, ErrorCode::kInvalid);
  writer = tl::make_unexpected(Error{});
  EXPECT_EQ(objects(), 0u);
  EXPECT_TRUE(tmp_is_empty());
}

TEST_F(ArtifactStoreTest, SeveralThreadsMayStoreTheSame) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const fs::path own = folder / ("output" + std::to_string(i));
      for (int n = 0; n < 50; ++n) write_text(own / std::to_string(n), std::to_string(n % 10));
      EXPECT_TRUE(store.capture(own));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(objects(), 11u);
  EXPECT_TRUE(tmp_is_empty());
}

TEST_F(ArtifactStoreTest, IsClosedToOthersAndItsInputsAreOpenWhateverTheUmask) {
  write_text(output / "inner/model.pt", "weights");
  const mode_t before = umask(077);
  const ArtifactStore strict = *ArtifactStore::open(folder / "strict/");
  const auto manifest = strict.manifest(strict.capture(output)->artifact);
  const fs::path target = folder / "target";
  fs::create_directories(target);
  ASSERT_TRUE(strict.materialise(*manifest, target));
  umask(before);
  EXPECT_EQ(status_of(folder / "strict").st_mode & 0777u, 0700u);
  EXPECT_EQ(status_of(target / "inner").st_mode & 0777u, 0755u);
  EXPECT_EQ(status_of(target / "inner/model.pt").st_mode & 0777u, 0444u);
}

TEST_F(ArtifactStoreTest, AListThatIsNoneIsRefused) {
  const auto blob = store.add_blob("landseer-manifest 1\nnonsense\n");
  EXPECT_EQ(store.manifest(*blob).error().code, ErrorCode::kInvalid);
}

TEST_F(ArtifactStoreTest, AStoreThatCannotBeMadeSaysWhere) {
  write_text(folder / "file", "");
  const auto opened = ArtifactStore::open(folder / "file/store");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().to_string().find("/file"), std::string::npos);
}

}  // namespace
}  // namespace landseer::worker
