/// Cgroups: the trees of this host, as far as it has them and lets us, and fake ones of files.
#include "worker/io/cgroup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "worker/io/cgroup_mounts.h"
#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;

/// Folders and files where the kernel would have its own: what was written can be read.
class FakeTrees : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "landseer-cgroup-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    sources_ = {root_ + "/mountinfo", root_ + "/own", true};
    put("own", "");
    put("mountinfo", "");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name) << text;
  }
  std::string get(const std::string& name) const {
    std::ifstream file(root_ + "/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  /// What the kernel puts into a new cgroup of v2.
  void put_unified(const std::string& folder) const {
    for (const char* name :
         {"cgroup.procs", "cgroup.subtree_control", "cgroup.kill", "memory.max", "memory.swap.max",
          "memory.peak", "memory.events", "pids.max", "cpu.stat", "cgroup.events"}) {
      put(folder + "/" + name, "");
    }
    put(folder + "/cgroup.controllers", "cpu memory pids\n");
  }
  void mount_unified() const {
    put("mountinfo", "30 23 0:26 / " + root_ + "/v2 rw,relatime shared:4 - cgroup2 cgroup2 rw\n");
  }
  void mount_v1(const std::string& controllers) const {
    const std::string folder = "/v1/" + controllers;
    put("mountinfo", get("mountinfo") + "32 31 0:29 / " + root_ + folder +
                         " rw,relatime - cgroup cgroup rw," + controllers + "\n");
    put(folder + "/cgroup.procs", "");
  }

  std::string root_;
  CgroupSources sources_;
};

TEST_F(FakeTrees, WithoutMountsThereIsNoneAndBothLimitsAreSaidToBeMissing) {
  const CgroupRoot root = CgroupRoot::find(sources_);
  EXPECT_EQ(root.path(), "");
  EXPECT_EQ(root.unenforced(), "a task's memory limit and the number of its processes");
  const auto made = root.make({"landseer/a/1.1.1", 1000, 10, false});
  ASSERT_TRUE(made);
  EXPECT_FALSE(*made);
}

TEST_F(FakeTrees, UnifiedTreeSetsAllLimitsAndReadsAllCounters) {
  mount_unified();
  for (const char* folder : {"v2", "v2/landseer", "v2/landseer/a"}) put_unified(folder);
  const CgroupRoot root = CgroupRoot::find(sources_);
  EXPECT_EQ(root.path(), "/");
  EXPECT_EQ(root.unenforced(), "");
  EXPECT_EQ(get("v2/cgroup.subtree_control"), "+pidsry") << "+memory, and +pids over it";
  put_unified("v2/landseer/a/1.1.1");
  auto made = root.make({"landseer/a/1.1.1", 1 << 20, 10, false});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(get("v2/landseer/a/1.1.1/memory.max"), "1048576");
  EXPECT_EQ(get("v2/landseer/a/1.1.1/memory.swap.max"), "0");
  EXPECT_EQ(get("v2/landseer/a/1.1.1/pids.max"), "10");
  EXPECT_EQ(made->entrances().size(), 1U);

  put("v2/landseer/a/1.1.1/memory.peak", "5000\n");
  put("v2/landseer/a/1.1.1/memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n");
  put("v2/landseer/a/1.1.1/cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
  const CgroupUsage usage = made->usage();
  EXPECT_EQ(usage.memory_peak_bytes, 5000U);
  EXPECT_EQ(usage.out_of_memory_kills, 2U);
  EXPECT_EQ(usage.cpu_us, 1'234'567U);

  put("v2/landseer/a/1.1.1/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_TRUE(made->is_populated());
  put("v2/landseer/a/1.1.1/cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_FALSE(made->is_populated());
  made->kill_all();
  EXPECT_EQ(get("v2/landseer/a/1.1.1/cgroup.kill"), "1");
  EXPECT_FALSE(made->remove()) << "a fake folder is never empty";
  EXPECT_TRUE(*made);
}

TEST_F(FakeTrees, UnifiedTreeGivesTheToolOfAContainerAPlaceBesideTheEngines) {
  mount_unified();
  for (const char* folder : {"v2", "v2/landseer", "v2/landseer/a", "v2/landseer/a/1.1.1"}) {
    put_unified(folder);
  }
  put_unified("v2/landseer/a/1.1.1/client");
  const auto made = CgroupRoot::find(sources_).make({"landseer/a/1.1.1", 0, 10, true});
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_EQ(made->entrances().size(), 1U);
  EXPECT_TRUE(fs::read_symlink("/proc/self/fd/" + std::to_string(made->entrances()[0]))
                  .string()
                  .ends_with("1.1.1/client/cgroup.procs"));
  EXPECT_NE(get("v2/landseer/a/1.1.1/cgroup.subtree_control"), "");
}

TEST_F(FakeTrees, ControllersOfV1AreUsedWhereTheyAreAndV2ForTheRest) {
  mount_unified();
  put_unified("v2");
  put("v2/cgroup.controllers", "hugetlb pids\n");
  mount_v1("memory");
  mount_v1("cpu,cpuacct");
  put("v1/memory/landseer/a/1.1.1/tasks", "");
  put("v1/memory/landseer/a/1.1.1/memory.limit_in_bytes", "");
  for (const char* name : {"v2/landseer", "v2/landseer/a", "v2/landseer/a/1.1.1"}) {
    put_unified(name);
  }
  const CgroupRoot root = CgroupRoot::find(sources_);
  EXPECT_EQ(root.unenforced(), "");
  const auto made = root.make({"landseer/a/1.1.1", 4096, 10, false});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(get("v1/memory/landseer/a/1.1.1/memory.limit_in_bytes"), "4096");
  EXPECT_EQ(get("v2/landseer/a/1.1.1/pids.max"), "10");
  EXPECT_EQ(get("v2/landseer/a/1.1.1/memory.max"), "");
}

TEST_F(FakeTrees, WhoIsNotPrivilegedKeepsToTheCgroupThatWasDelegatedToIt) {
  mount_unified();
  put("own", "0::/user/service\n");
  put_unified("v2/user/service");
  put("v2/user/service/cgroup.procs", "");
  sources_.privileged = false;
  const CgroupRoot root = CgroupRoot::find(sources_);
  EXPECT_EQ(root.path(), "/user/service");
  put("own", "0::/user/service/landseer-worker\n");  // where an earlier one of us moved itself
  EXPECT_EQ(CgroupRoot::find(sources_).path(), "/user/service");
  put("own", "0::/elsewhere\n");
  EXPECT_EQ(CgroupRoot::find(sources_).path(), "");
}

TEST_F(FakeTrees, ProcessesLeaveTheCgroupWhoseControllersArePassedDown) {
  put("v2/cgroup.procs", "41\n42\n");
  put("v2/landseer-worker/cgroup.procs", "");
  EXPECT_TRUE(leave_to_leaf(root_ + "/v2"));
  EXPECT_EQ(get("v2/landseer-worker/cgroup.procs"), "42") << "the last of two";
}

TEST_F(FakeTrees, AFailedLimitIsAnErrorAndAStrangeNameToo) {
  mount_v1("memory");
  mount_v1("pids");
  put("v1/memory/landseer/a/1.1.1/tasks", "");
  put("v1/pids/landseer/a/1.1.1/tasks", "");
  put("v1/pids/landseer/a/1.1.1/pids.max", "");
  const CgroupRoot root = CgroupRoot::find(sources_);
  const auto made = root.make({"landseer/a/1.1.1", 4096, 10, false});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "cannot make the cgroup: No such file or directory");
  for (const char* name : {"", "/etc", "a/../../b", "a//b", "a/"}) {
    EXPECT_FALSE(root.make({name, 0, 10, false})) << name;
  }
}

/// With the trees of this host; they are used only if they may be.
class RealTrees : public ::testing::Test {
 protected:
  void SetUp() override {
    name_ = "landseer/test-" + std::to_string(getpid()) + "/1.1.1";
    root_ = CgroupRoot::find({});
    if (root_.path().empty()) {
      GTEST_SKIP() << "this user may make no cgroup under /sys/fs/cgroup, in either version";
    }
  }
  void TearDown() override {
    root_.find_left("landseer/test-" + std::to_string(getpid())).remove();
  }
  pid_t start(const Cgroup& cgroup, const std::string& script) const {
    SpawnRequest request{{"sh", "-c", script}, {"PATH=/usr/bin:/bin"}, "/", 0, 2};
    request.entrances = cgroup.entrances();
    const auto pid = spawn(request);
    EXPECT_TRUE(pid) << pid.error().to_string();
    return pid.value_or(-1);
  }

  std::string name_;
  CgroupRoot root_ = CgroupRoot::find({});
};

TEST_F(RealTrees, ToolIsInItFromItsFirstInstructionAndAllAreFoundAndKilled) {
  auto cgroup = root_.make({name_, 0, 50, false});
  ASSERT_TRUE(cgroup) << cgroup.error().to_string();
  ASSERT_TRUE(*cgroup);
  EXPECT_FALSE(cgroup->is_populated());
  const pid_t pid = start(*cgroup, "grep -q " + name_ +
                                       " /proc/self/cgroup || exit 9; "
                                       "setsid sleep 1000 & exec sleep 1000");
  EXPECT_TRUE(cgroup->is_populated());
  EXPECT_FALSE(cgroup->remove());
  cgroup->kill_all();
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  for (int tries = 0; tries < 10'000 && !cgroup->remove(); ++tries) {
    cgroup->kill_all();
    usleep(1000);
  }
  EXPECT_FALSE(*cgroup) << "it is gone";
}

TEST_F(RealTrees, WhatIsLeftIsFoundByItsNameWithWhatWasMadeBelow) {
  auto cgroup = root_.make({name_, 0, 50, true});
  ASSERT_TRUE(cgroup && *cgroup);
  Cgroup left = root_.find_left(name_);
  ASSERT_TRUE(left);
  EXPECT_FALSE(left.is_populated());
  EXPECT_TRUE(left.remove());
  EXPECT_FALSE(root_.find_left(name_));
  EXPECT_FALSE(root_.find_left("../etc"));
}

}  // namespace
}  // namespace landseer::worker
