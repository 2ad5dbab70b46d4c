/// Names and links that lead out of a folder, on their way through a capture and through the list
/// of an artifact: nothing outside is read, changed, sealed or made.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "tests/support/hostile_paths.h"
#include "tests/support/temp_folder.h"
#include "worker/io/artifact_store.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using test::hostile_names;
using test::hostile_paths;
using test::read_text;
using test::write_text;

const std::string kCanary = "nobody may read or write this";

class HostileNames : public testing::Test {
 protected:
  test::TempFolder folder;
  ArtifactStore store = *ArtifactStore::open(folder / "store");
  fs::path output = folder / "output";
  fs::path outside = folder / "outside";

  void SetUp() override {
    fs::create_directories(output);
    write_text(outside / "canary", kCanary);
    write_text(outside / "inner/canary", kCanary);
  }
  void TearDown() override {
    EXPECT_FALSE(store.has(sha256(kCanary))) << "the canary was read";
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(outside)) {
      if (!entry.is_regular_file()) continue;
      ++files;
      struct stat status {};
      ASSERT_EQ(lstat(entry.path().c_str(), &status), 0);
      EXPECT_EQ(read_text(entry.path()), kCanary);
      EXPECT_EQ(status.st_nlink, 1u) << entry.path();
      EXPECT_NE(status.st_mode & 0200, 0u) << entry.path() << " was sealed";
    }
    EXPECT_EQ(files, 2u) << "something was made outside";
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      EXPECT_TRUE(entry.path() == output || entry.path() == outside ||
                  entry.path() == folder / "store" || entry.path() == folder / "target")
          << entry.path() << " was made";
    }
  }
};

/// As a worker that makes lists by hand would: parse_manifest sees what check_path would refuse.
std::string list_of(const std::string& path, const Digest& content, std::size_t bytes) {
  std::string escaped;
  for (const char c : path) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\') escaped += c;
    escaped += c;
  }
  return "landseer-manifest 1\n" + content.hex() + " - " + std::to_string(bytes) + " " + escaped +
         "\n";
}

TEST_F(HostileNames, ListsOfOthersLeadNowhere) {
  const Digest content = *store.add_blob("content");
  const auto paths = hostile_paths(outside);
  ASSERT_GE(paths.size(), 500u);
  std::size_t accepted = 0;
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const fs::path target = folder / "target";
    fs::create_directories(target);
    const Digest artifact = *store.add_blob(list_of(path, content, 7));
    const auto manifest = store.manifest(artifact);
    if (!manifest) {
      EXPECT_FALSE(manifest.error().message.empty());
      continue;
    }
    ASSERT_EQ(manifest->entries.size(), 1u);
    const auto placed = store.materialise(*manifest, target);
    const fs::path made = fs::path(target.native() + "/" + path);
    if (placed) {
      ++accepted;
      EXPECT_EQ(read_text(made), "content");
      EXPECT_EQ(fs::weakly_canonical(made).native().find(fs::canonical(target).native() + "/"), 0u);
    } else {
      EXPECT_FALSE(placed.error().message.empty());
    }
    ASSERT_TRUE(remove_tree(target));
  }
  EXPECT_GT(accepted, paths.size() / 8) << "odd names are not bad ones";
  EXPECT_LT(accepted, paths.size() / 2);
}

TEST_F(HostileNames, TwinsByCaseAndByUnicodeStayTwo) {
  for (const char* name : {"model", "MODEL", "\xc3\xa9", "e\xcc\x81"})
    write_text(output / name, name);
  const auto stored = store.capture(output);
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_EQ(stored->files, 4u);
  fs::create_directories(folder / "target");
  ASSERT_TRUE(store.materialise(*store.manifest(stored->artifact), folder / "target"));
  for (const char* name : {"model", "MODEL", "\xc3\xa9", "e\xcc\x81"}) {
    EXPECT_EQ(read_text(folder / "target" / name), name);
  }
}

/// Every kind of thing that is no plain file of the tool's, under every name there can be.
TEST_F(HostileNames, CapturedUnderAnyNameWhatIsNoFileIsRefused) {
  std::size_t tried = 0;
  for (const std::string& name : hostile_names()) {
    if (name.empty() || name == "." || name == ".." || name.size() > 255 ||
        name.find('\0') != std::string::npos) {
      continue;
    }
    const std::string path = output.native() + "/" + name;
    const auto refused = [&](int made, const char* what) {
      ASSERT_EQ(made, 0) << what << " " << name << ": " << std::strerror(errno);
      const auto stored = store.capture(output);
      ASSERT_FALSE(stored) << what << " " << name;
      EXPECT_EQ(stored.error().code, ErrorCode::kInvalid) << stored.error().to_string();
      EXPECT_EQ(stored.error().where, name);
      ASSERT_EQ(unlink(path.c_str()), 0);
      ++tried;
    };
    refused(symlink((outside / "canary").c_str(), path.c_str()), "a link");
    refused(symlink(outside.c_str(), path.c_str()), "a link to a folder");
    refused(symlink("../outside/canary", path.c_str()), "a relative link");
    refused(symlink("/proc/self/exe", path.c_str()), "a link of the kernel's");
    refused(symlink(name.c_str(), path.c_str()), "a link to itself");
    refused(mkfifo(path.c_str(), 0600), "a pipe");
    refused(link((outside / "canary").c_str(), path.c_str()), "a hard link");
    refused(link((outside / "inner/canary").c_str(), path.c_str()), "another hard link");
    if (geteuid() == 0) refused(mknod(path.c_str(), S_IFCHR | 0666, makedev(1, 3)), "a device");
    if (geteuid() == 0) refused(mknod(path.c_str(), S_IFBLK | 0666, makedev(7, 99)), "a disk");
    // And the same name for a file, which is taken.
    write_text(path, "plain");
    const auto stored = store.capture(output);
    ASSERT_TRUE(stored) << name << ": " << stored.error().to_string();
    EXPECT_EQ(store.manifest(stored->artifact)->entries.at(0).path, name);
    ASSERT_EQ(unlink(path.c_str()), 0);
  }
  EXPECT_GT(tried, 300u);
}

/// Somebody swaps files and folders for links as fast as he can. 10^4 captures here;
/// LANDSEER_SWAP_RACES=100000 is the full form.
TEST_F(HostileNames, ARaceOfSwappedLinksReadsNothingOutside) {
  const char* const chosen = std::getenv("LANDSEER_SWAP_RACES");
  const long races = chosen != nullptr ? std::atol(chosen) : 10'000;
  write_text(output / "model.pt", "weights");
  write_text(output / "inner/canary", "of the tool");
  const fs::path aside = folder / "aside";
  fs::create_directories(aside);
  ASSERT_EQ(symlink((outside / "canary").c_str(), (aside / "link").c_str()), 0);
  ASSERT_EQ(symlink(outside.c_str(), (aside / "folder").c_str()), 0);
  const auto exchange = [](const fs::path& a, const fs::path& b) {
    renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
  };
  std::atomic<bool> is_over = false;
  std::mutex in_order;  // while it is free, so is every name
  std::thread swapper([&] {
    for (int i = 0; !is_over; ++i) {
      const std::lock_guard lock(in_order);
      for (int times = 0; times < 2; ++times) {  // there and back
        exchange(output / "model.pt", aside / "link");
        if (i % 3 == 0) exchange(output / "inner", aside / "folder");
      }
    }
  });
  long refused = 0;
  long taken = 0;
  for (long i = 0; i < races; ++i) {
    // Now and then nobody swaps, so that there is something to take, however the two are scheduled.
    std::unique_lock still(in_order, std::defer_lock);
    if (i % 512 == 0) still.lock();
    const auto stored = store.capture(output);
    ++(stored ? taken : refused);
    EXPECT_TRUE(stored || !still.owns_lock()) << stored.error().to_string();
    if (store.has(sha256(kCanary))) break;
  }
  is_over = true;
  swapper.join();
  ASSERT_TRUE(remove_tree(aside));
  EXPECT_GT(refused, 0);
  EXPECT_GE(taken, races / 512);
}

}  // namespace
}  // namespace landseer::worker
