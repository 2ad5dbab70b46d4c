/// What the executor does with cgroups: limits, usage, and ends of those who hide. Skipped where
/// none can be made.
#include <sys/wait.h>
#include <unistd.h>

#include "tests/io/executor_fixture.h"
#include "worker/io/cgroup.h"

namespace landseer::worker {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

class ExecutorCgroup : public Executor {
 protected:
  void SetUp() override {
    Executor::SetUp();
    const std::string unenforced = CgroupRoot::find({}).unenforced();
    if (!unenforced.empty()) {
      GTEST_SKIP() << "this user may make no cgroup that enforces " << unenforced;
    }
  }

  void TearDown() override {
    Executor::TearDown();
    CgroupRoot::find({}).find_left("landseer/test-" + std::to_string(getpid())).remove();
  }

  Launch limited(std::uint64_t task, const std::string& script) const {
    Launch launch = shell(task, script);
    launch.cgroup = name_of(task);
    return launch;
  }
  std::string name_of(std::uint64_t task) const {
    return "landseer/test-" + std::to_string(getpid()) + "/" + std::to_string(task);
  }
  bool is_removed(std::uint64_t task) const {
    return !CgroupRoot::find({}).find_left(name_of(task));
  }
};

TEST_F(ExecutorCgroup, MemoryAboveTheLimitEndsTheToolAndIsToldWithPeakAndLimit) {
  attach();
  EXPECT_EQ(inventory_->unenforced, "");
  EXPECT_NE(inventory_->cgroup_root, "");
  Launch launch = limited(1, "exec tail /dev/zero");
  launch.memory_bytes = 32 * kMiB;
  const Ended ended = run(launch);
  EXPECT_EQ(ended.outcome, Outcome::kOutOfMemory);
  EXPECT_EQ(ended.exit_code, SIGKILL);
  EXPECT_EQ(ended.reason, "out of memory: peak 32.0 MiB, limit 32.0 MiB");
  EXPECT_EQ(ended.memory_peak_bytes, 32 * kMiB);
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, AllProcessesTogetherMayNotUseMore) {
  attach();
  // Each holds 12 MiB: two are too many, though neither is.
  const std::string hold = "head -c 12000000 /dev/zero | tr '\\0' x | (x=$(cat); sleep 1000)";
  Launch launch = limited(1, "(" + hold + ") & (" + hold + ") & wait -n; exit 7");
  launch.argv[0] = "bash";
  launch.memory_bytes = 36 * kMiB;
  const Ended ended = run(launch);
  EXPECT_EQ(ended.outcome, Outcome::kOutOfMemory) << ended.reason;
  EXPECT_EQ(ended.exit_code, 7);
}

TEST_F(ExecutorCgroup, AToolThatSurvivesTheKillOfAChildSucceeds) {
  attach();
  Launch launch = limited(1, "tail /dev/zero; exit 0");
  launch.memory_bytes = 32 * kMiB;
  const Ended ended = run(launch);
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_GE(ended.memory_peak_bytes, 31 * kMiB);
}

TEST_F(ExecutorCgroup, AForkBombStopsAtTheLimitAndIsGoneAtTheEnd) {
  attach();
  Launch launch = limited(1,
                          "bomb() { bomb | bomb & wait; }; echo $$ > pid.n; mv pid.n one; "
                          "bomb 2>/dev/null; sleep 1000");
  launch.pids_max = 40;
  launch.grace_ms = 50;
  send(launch);
  await_pid("one");
  const std::string folder = "/sys/fs/cgroup/pids/" + name_of(1);
  if (fs::exists(folder)) {
    EXPECT_TRUE(wait_until(
        [&] { return std::stoi("0" + read_file(folder + "/pids.events").substr(4)) > 0; }));
    EXPECT_LE(std::stoi(read_file(folder + "/pids.current")), 40);
  }
  send(Halt{key_of(1)});
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kCancelled);
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, ADaemonThatHidesAndIgnoresSigtermIsGoneBeforeTheEndIsTold) {
  attach();
  // Twice forked, in a session and an environment of its own.
  const Ended ended = run(
      limited(1,
              "(env -i PATH=/usr/bin:/bin setsid sh -c '(trap \"\" TERM; echo $$ >d.n; mv d.n d; "
              "exec sleep 1000) &' >/dev/null 2>&1 &); while [ ! -e d ]; do sleep 0.01; done"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_FALSE(is_alive(await_pid("d")));
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, GraceAndThenTheKillReachEveryGroup) {
  attach();
  Launch launch = limited(1, "trap '' TERM; setsid sh -c '" + tell_pid("child") +
                                 "exec sleep 1000' & " + tell_pid("one") + "wait; sleep 1000");
  launch.grace_ms = 100;
  send(launch);
  const pid_t tool = await_pid("one");
  const pid_t child = await_pid("child");
  send(Halt{key_of(1)});
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.exit_code, SIGKILL);
  EXPECT_GE(ended.finished_at_ms - ended.started_at_ms, 100);
  EXPECT_FALSE(is_alive(tool));
  EXPECT_FALSE(is_alive(child));
}

TEST_F(ExecutorCgroup, WhoMovedOutOfTheCgroupIsFoundAllTheSame) {
  attach();
  const std::string top = "/sys/fs/cgroup/pids/cgroup.procs";
  if (access(top.c_str(), W_OK) != 0) {
    GTEST_SKIP() << "the pids controller of cgroup v1 is not mounted, or closed to this user";
  }
  const Ended ended = run(limited(1, "(setsid sh -c 'echo $$ > " + top + "; " + tell_pid("out") +
                                         "exec sleep 1000' >/dev/null 2>&1 &); "
                                         "while [ ! -e out ]; do sleep 0.01; done"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_FALSE(is_alive(await_pid("out")));
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, CgroupsThatAToolMadeBelowItsOwnAreRemovedWithIt) {
  attach();
  if (!fs::exists("/sys/fs/cgroup/pids/cgroup.procs")) {
    GTEST_SKIP() << "the pids controller of cgroup v1 is not mounted";
  }
  const std::string below = "/sys/fs/cgroup/pids/" + name_of(1) + "/own/deeper";
  const Ended ended = run(limited(1, "mkdir -p " + below + "; (setsid sh -c 'echo $$ > " + below +
                                         "/cgroup.procs; " + tell_pid("deep") +
                                         "exec sleep 1000' & ); "
                                         "while [ ! -e deep ]; do sleep 0.01; done"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded) << ended.log_tail;
  EXPECT_FALSE(is_alive(await_pid("deep")));
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, TheNextExecutorEmptiesAndRemovesWhatADeadOneLeft) {
  attach();
  // Without a token and with another parent, only the cgroup tells whose it is.
  send(limited(1, "(env -i PATH=/usr/bin:/bin setsid sh -c '" + tell_pid("left") +
                      "exec sleep 1000' &); " + tell_pid("one") + "exec sleep 1000"));
  const pid_t tool = await_pid("one");
  const pid_t left = await_pid("left");
  kill(parent_of(agent_->executor_pid()), SIGKILL);  // its guard
  kill(agent_->executor_pid(), SIGKILL);
  EXPECT_TRUE(wait_until([this] { return has_gone(); }));
  EXPECT_TRUE(is_alive(left));
  EXPECT_FALSE(is_removed(1));
  attach();
  EXPECT_EQ(await_end(1).outcome, Outcome::kReturned);
  EXPECT_FALSE(is_alive(tool));
  EXPECT_FALSE(is_alive(left));
  EXPECT_TRUE(is_removed(1));
}

TEST_F(ExecutorCgroup, WithoutCgroupsAllButTheLimitsIsAsEver) {
  std::ofstream(root_ + "/no-mounts") << "";
  place_.command.insert(place_.command.end(), {"--cgroup-mounts", root_ + "/no-mounts"});
  attach();
  EXPECT_EQ(inventory_->unenforced, "a task's memory limit and the number of its processes");
  EXPECT_EQ(inventory_->cgroup_root, "");
  Launch launch = limited(1, "(setsid sh -c '" + tell_pid("left") +
                                 "trap \"\" TERM; exec sleep 1000' >/dev/null 2>&1 &);"
                                 "while [ ! -e left ]; do sleep 0.01; done; kill -9 $$");
  launch.memory_bytes = 1;
  const Ended ended = run(launch);
  EXPECT_EQ(ended.outcome, Outcome::kSignal);
  EXPECT_NE(ended.reason.find(" of the 1 B it asked for"), std::string::npos) << ended.reason;
  EXPECT_GT(ended.memory_peak_bytes, 0U);
  EXPECT_FALSE(is_alive(await_pid("left")));
}

TEST_F(ExecutorCgroup, ALimitThatCannotBeSetIsTheHostsFault) {
  attach();
  Launch launch = limited(1, "true");
  launch.cgroup = "../outside";
  const Ended ended = run(launch);
  EXPECT_EQ(ended.outcome, Outcome::kRuntimeError);
  EXPECT_NE(ended.reason.find("cannot start: "), std::string::npos);
}

}  // namespace
}  // namespace landseer::worker
