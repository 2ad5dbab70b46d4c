/// Files of keys: which are refused, and what the refusal says.
#include "common/config/key_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temp_folder.h"

namespace landseer::config {
namespace {

namespace fs = std::filesystem;

class KeyFolderTest : public ::testing::Test {
 protected:
  KeyFolderTest() {
    key.name = "me";
    key.role = keys::Role::kSubmitter;
    key.public_key = std::string(40, 'p');
    key.secret_key = std::string(40, 's');
    key.broker_key = std::string(40, 'b');
    EXPECT_TRUE(write_key(path, kClientKeyFile, key));
  }
  Error error() const {
    const auto read = read_key(path, kClientKeyFile);
    return read ? Error{} : read.error();
  }

  test::TempFolder folder;
  std::string path = (folder / "home" / "keys").string();
  std::string file = path + "/" + kClientKeyFile;
  keys::KeyFile key;
};

TEST_F(KeyFolderTest, IsMadeForItsOwnerOnly) {
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(path), fs::directory_iterator()), 1);
  EXPECT_EQ(read_key(path, kClientKeyFile)->name, "me");
}

TEST_F(KeyFolderTest, AnyRightOfOthersIsRefusedWithTheMend) {
  for (const mode_t bit : {0040u, 0020u, 0010u, 0004u, 0002u, 0001u}) {
    ASSERT_EQ(chmod(file.c_str(), 0600 | bit), 0);
    EXPECT_EQ(error().code, ErrorCode::kNotAllowed) << bit;
    EXPECT_NE(error().hint.find("`chmod 600 " + file + "`"), std::string::npos) << error().hint;
    ASSERT_EQ(chmod(file.c_str(), 0600), 0);
    ASSERT_EQ(chmod(path.c_str(), 0700 | bit), 0);
    EXPECT_EQ(error().code, ErrorCode::kNotAllowed) << bit;
    EXPECT_NE(error().hint.find("`chmod 700 " + path + "`"), std::string::npos) << error().hint;
    ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  }
  EXPECT_TRUE(read_key(path, kClientKeyFile));
}

TEST_F(KeyFolderTest, LinksAndPipesAreRefused) {
  fs::rename(file, path + "/real");
  fs::create_symlink(path + "/real", file);
  EXPECT_EQ(error().code, ErrorCode::kNotAllowed);
  fs::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(error().code, ErrorCode::kNotAllowed);
  fs::rename(path, path + ".real");
  fs::create_directory_symlink(path + ".real", path);
  EXPECT_EQ(error().code, ErrorCode::kNotAllowed);
}

TEST_F(KeyFolderTest, FilesOfOthersAreRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  ASSERT_EQ(chown(file.c_str(), 12345, 12345), 0);
  EXPECT_EQ(error().code, ErrorCode::kNotAllowed);
  ASSERT_EQ(chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(error().code, ErrorCode::kNotAllowed);
}

TEST_F(KeyFolderTest, AKeyIsNotReplacedByAccident) {
  EXPECT_EQ(write_key(path, kClientKeyFile, key).error().code, ErrorCode::kConflict);
  key.name = "other";
  EXPECT_TRUE(write_key(path, kClientKeyFile, key, true));
  EXPECT_EQ(read_key(path, kClientKeyFile)->name, "other");
  EXPECT_TRUE(remove_key(path, kClientKeyFile));
  EXPECT_TRUE(remove_key(path, kClientKeyFile));
  EXPECT_EQ(error().code, ErrorCode::kNotFound);
}

TEST_F(KeyFolderTest, AHugeFileIsRefused) {
  test::write_text(file, std::string(keys::kKeyFileBytesMax + 1, ' '));
  chmod(file.c_str(), 0600);
  EXPECT_EQ(error().code, ErrorCode::kLimit);
}

TEST_F(KeyFolderTest, OnThisMachineAKeyIsNotNeededElsewhereItIs) {
  setenv("LANDSEER_HOME", (folder / "empty").c_str(), 1);
  EXPECT_FALSE(*find_key("", kClientKeyFile, "tcp://127.0.0.1:1", true));
  EXPECT_EQ(find_key("", kClientKeyFile, "tcp://10.0.0.1:1", false).error().code,
            ErrorCode::kNotAllowed);
  EXPECT_EQ(find_key(path, kWorkerKeyFile, "tcp://127.0.0.1:1", true).error().code,
            ErrorCode::kNotAllowed)
      << "a folder that was named must have the key";
  EXPECT_EQ((*find_key(path, kClientKeyFile, "tcp://10.0.0.1:1", false))->broker_key,
            key.broker_key);
  unsetenv("LANDSEER_HOME");
}

}  // namespace
}  // namespace landseer::config
