// Folders and files of attempts that are over, used again.
#include "worker/io/attempt_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"
#include "worker/io/attempt_files.h"
#include "worker/io/executor_link.h"
#include "worker/io/file_tools.h"
#include "worker/io/job_file.h"
#include "worker/io/spares.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::TempFolder;
using test::write_text;

class AttemptFoldersAgain : public testing::Test {
 protected:
  AttemptJob job_of(std::uint64_t task) {
    AttemptJob job;
    job.key = {1, TaskId{task}, 1};
    job.pipeline = PipelineId{1};
    job.config = std::to_string(task);
    return job;
  }
  std::set<std::string> spares() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder / "spare")) {
      const std::string name = entry.path().filename();
      names.insert(name.substr(0, name.find('-')));
    }
    return names;
  }
  static ino_t inode(const fs::path& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }
  static mode_t mode(const fs::path& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }

  const TempFolder folder;
  const AttemptFolders folders = *AttemptFolders::open(folder.path());
};

TEST_F(AttemptFoldersAgain, OfAPlainProcessAreUsedAgainAsGoodAsNew) {
  const AttemptPaths first = *folders.create(job_of(1), ToolUser::kOurs);
  const std::set<ino_t> inodes{inode(first.folder), inode(first.output), inode(first.checkpoint)};
  write_text(first.input / "config.json", "{}");
  write_text(first.input / "data", "x");
  write_text(first.output / "model.pt", "weights");
  ASSERT_TRUE(write_job_file(first.folder, {job_of(1), {}}));
  fs::permissions(first.output, fs::perms::owner_all);
  ASSERT_TRUE(folders.remove({1, TaskId{1}, 1}, ToolUser::kOurs));
  ASSERT_TRUE(folders.remove_checkpoint(TaskId{1}, PipelineId{1}, ToolUser::kOurs));
  EXPECT_FALSE(fs::exists(first.folder));
  EXPECT_FALSE(fs::exists(first.checkpoint));
  EXPECT_EQ(spares(), (std::set<std::string>{"attempt", "checkpoint", "marker"}));
  EXPECT_TRUE(folders.found().empty());

  const AttemptPaths second = *folders.create(job_of(2), ToolUser::kOurs);
  EXPECT_TRUE(spares().empty());
  EXPECT_EQ((std::set<ino_t>{inode(second.folder), inode(second.output), inode(second.checkpoint)}),
            inodes);
  EXPECT_EQ(mode(second.input), 0755u);
  EXPECT_EQ(mode(second.output), 0777u);
  EXPECT_TRUE(fs::is_empty(second.output));
  EXPECT_FALSE(fs::exists(second.input / "data"));
  EXPECT_EQ(read_job_file(second.folder).error().code, ErrorCode::kNotFound);
  // The checkpoint's marker names the new work: the same work goes on with it, other work does not.
  write_text(second.checkpoint / "epoch", "3");
  EXPECT_TRUE(folders.create(job_of(2), ToolUser::kOurs));
  EXPECT_EQ(read_text(second.checkpoint / "epoch"), "3");
  AttemptJob other = job_of(2);
  other.config = "other";
  EXPECT_TRUE(folders.create(other, ToolUser::kOurs));
  EXPECT_TRUE(fs::is_empty(second.checkpoint));
}

TEST_F(AttemptFoldersAgain, WhatIsNotAsItWasMadeIsRemoved) {
  const std::vector<std::function<void(const AttemptPaths&)>> deeds{
      [](const AttemptPaths& paths) { fs::create_directory(paths.output / "folder"); },
      [](const AttemptPaths& paths) { write_text(paths.folder / "more", "x"); },
      [](const AttemptPaths& paths) { fs::create_directory(paths.input / "config.json"); },
      [](const AttemptPaths& paths) {
        fs::remove(paths.output);
        fs::create_directory_symlink("/tmp", paths.output);
      },
      [](const AttemptPaths& paths) { fs::remove(paths.input); }};
  for (std::size_t i = 0; i < deeds.size(); ++i) {
    const AttemptJob job = job_of(i + 1);
    const AttemptPaths paths = *folders.create(job, ToolUser::kOurs);
    deeds[i](paths);
    EXPECT_TRUE(folders.remove(job.key, ToolUser::kOurs));
    EXPECT_FALSE(fs::exists(paths.folder)) << i;
    EXPECT_FALSE(spares().contains("attempt")) << i;
  }
  const AttemptPaths paths = *folders.create(job_of(9), ToolUser::kOurs);
  write_text(paths.checkpoint / "epoch", "3");
  EXPECT_TRUE(folders.remove_checkpoint(TaskId{9}, PipelineId{1}, ToolUser::kOurs));
  EXPECT_FALSE(spares().contains("checkpoint"));
}

TEST_F(AttemptFoldersAgain, AContainersFoldersAreAlwaysNewAndNeverKept) {
  ASSERT_TRUE(folders.create(job_of(1), ToolUser::kOurs));
  ASSERT_TRUE(folders.remove({1, TaskId{1}, 1}, ToolUser::kOurs));
  ASSERT_TRUE(folders.create(job_of(2)));
  EXPECT_EQ(spares(), std::set<std::string>{"attempt"});
  ASSERT_TRUE(folders.remove({1, TaskId{2}, 1}));
  ASSERT_TRUE(folders.remove_checkpoint(TaskId{2}, PipelineId{1}));
  EXPECT_EQ(spares(), std::set<std::string>{"attempt"});
}

TEST_F(AttemptFoldersAgain, SoManyAreKeptAndNoMoreAndThoseOfARestartAreFound) {
  Spares some(folder / "spare", "attempt-", 2);
  for (const char* name : {"a", "b", "c"}) {
    fs::create_directory(folder / name);
    EXPECT_EQ(some.keep(folder / name), std::string(name) != "c");
  }
  Spares fewer(folder / "spare", "attempt-", 1);  // as after a restart
  EXPECT_TRUE(fewer.take(folder / "x"));
  EXPECT_FALSE(fewer.take(folder / "y"));
  EXPECT_FALSE(some.take(folder / "y")) << "one was removed, the other is x";
}

TEST_F(AttemptFoldersAgain, AFileWithAnotherNameIsNotWrittenOver) {
  const auto opened = open_folder(folder.path());
  write_text(folder / "config.json", "a longer one");
  ASSERT_EQ(chmod((folder / "config.json").c_str(), 0644), 0);
  const ino_t first = inode(folder / "config.json");
  ASSERT_TRUE(rewrite_file(opened->get(), "config.json", "short"));
  EXPECT_EQ(read_text(folder / "config.json"), "short");
  EXPECT_EQ(inode(folder / "config.json"), first);
  fs::create_hard_link(folder / "config.json", folder / "kept");
  ASSERT_TRUE(rewrite_file(opened->get(), "config.json", "new"));
  EXPECT_EQ(read_text(folder / "kept"), "short");
  EXPECT_EQ(read_text(folder / "config.json"), "new");
  fs::remove(folder / "config.json");
  fs::create_symlink("kept", folder / "config.json");
  ASSERT_TRUE(rewrite_file(opened->get(), "config.json", "third"));
  EXPECT_EQ(read_text(folder / "kept"), "short");
  EXPECT_EQ(read_text(folder / "config.json"), "third");
}

TEST(AttemptFiles, OneThatIsForgottenIsUsedAgainAndSaysNothingOfItsFirstAttempt) {
  const TempFolder folder;
  const AttemptFiles files = *AttemptFiles::open(folder.path().string());
  Launch first;
  first.key = {1, TaskId{1}, 1};
  first.cgroup = "landseer/a/longer/place";
  ASSERT_TRUE(files.mark_launched(first));
  Ended ended;
  ended.key = first.key;
  ended.reason = "the first one's end";
  ASSERT_TRUE(files.record(ended.key, encode(FromExecutor(ended))));
  files.forget(first.key);
  EXPECT_TRUE(files.load().ended.empty());
  Launch second;
  second.key = {1, TaskId{2}, 1};
  for (const char* place : {"", "landseer/b"}) {
    second.cgroup = place;
    ASSERT_TRUE(files.mark_launched(second));
    const auto found = files.load();
    EXPECT_TRUE(found.ended.empty());
    ASSERT_EQ(found.unfinished.size(), 1u);
    EXPECT_EQ(found.unfinished[0].key, second.key);
    EXPECT_EQ(found.unfinished[0].cgroup, place);
    files.forget(second.key);
  }
  // One file did for all three.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace landseer::worker
