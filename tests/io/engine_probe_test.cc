/// What the probe makes of a host's refusals, which runtimes a worker offers, and how their
/// programs are run.
#include "worker/io/engine_probe.h"

#include <signal.h>

#include "tests/io/containers_fixture.h"
#include "worker/io/probe_program.h"
#include "worker/io/program.h"
#include "worker/io/runtimes.h"

namespace landseer::worker {
namespace {

TEST_F(Containers, TheProbeTakesBackWhatTheHostRefuses) {
  if (probe_program().empty()) {
    GTEST_SKIP() << "probe_program.cc has no code for this processor, only for x86-64 and AArch64";
  }
  fake("podman", R"(
case "$*" in
  *--ulimit*) ;;
  *) echo "Error: error setting rlimit type 7: operation not permitted" >&2; exit 126 ;;
esac
case "$*" in *--init*) echo "Error: no catatonit: init binary not found" >&2; exit 125 ;; esac
case "$*" in
  *--cgroup-parent*) echo "Error: the requested cgroup controller is not available" >&2; exit 126 ;;
esac)");
  const ProbePlace place{folder / "probe", "landseer-w-probe", "/", "landseer/w/probe"};
  const auto found = probe_engine(ContainerEngine::Kind::kPodman, options, environment(), place);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->ulimits.size(), 2U);
  EXPECT_FALSE(found->has_init);
  EXPECT_FALSE(found->joins_cgroups);
  EXPECT_EQ(found->user, "0:0");
  EXPECT_FALSE(std::filesystem::exists(folder / "probe"));
}

TEST_F(Containers, AProbeThatFailsSaysWhyAndWhatToDo) {
  const ProbePlace place{folder / "probe", "landseer-w-probe", "", "landseer/w/probe"};
  const auto probe = [&](ContainerEngine::Kind kind) {
    return probe_engine(kind, options, environment(), place);
  };
  fake("podman", "echo 'Error: exec newuidmap: not found' >&2; exit 125");
  if (!probe_program().empty()) {
    EXPECT_EQ(probe(ContainerEngine::Kind::kPodman).error().to_string(),
              "podman cannot run a container here: Error: exec newuidmap: not found (give this "
              "user a range in /etc/subuid and /etc/subgid, and install uidmap)");
  }
  options.ulimits = {"nofile=1:1"};
  fake("podman", "echo 'Error: error setting rlimit type 7' >&2; exit 126");
  if (!probe_program().empty()) {
    EXPECT_EQ(probe(ContainerEngine::Kind::kPodman).error().hint,
              "name limits that this host grants: --container-ulimit");
  }
  fake("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
  EXPECT_EQ(probe(ContainerEngine::Kind::kDocker).error().message,
            "docker's service does not answer: Cannot connect to the Docker daemon");
}

TEST_F(Containers, AutoTakesTheFirstThatWorksAndNeverPlainProcesses) {
  RuntimeSetup setup;
  setup.names = {"auto"};
  setup.host_environment = {"PATH=" + (folder / "bin").string()};
  setup.place = {folder / "probe", "landseer-w-probe", "", "landseer/w/probe"};
  setup.lock_folder = folder / "locks";
  auto none = Runtimes::start(setup);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "no container runtime works here: podman is not installed; docker is not installed; "
            "apptainer is not installed; singularity is not installed");
  write_text(folder / "bin/apptainer", "#!/bin/sh\nexit 0\n");
  chmod(program("apptainer").c_str(), 0755);
  setup.names = {"auto", "process", "apptainer", "noop"};
  auto some = Runtimes::start(setup);
  ASSERT_TRUE(some) << some.error().to_string();
  EXPECT_EQ(some->names(), (Words{"apptainer", "process"}));
  EXPECT_EQ(some->find("")->name(), "apptainer");
  EXPECT_EQ(some->find("process")->name(), "process");
  EXPECT_EQ(some->find("podman"), nullptr);
}

TEST_F(Containers, TheProbesProgramRunsAndEndsWell) {
  if (probe_program().empty()) {
    GTEST_SKIP() << "probe_program.cc has no code for this processor, only for x86-64 and AArch64";
  }
  write_text(folder / "probe", probe_program());
  chmod((folder / "probe").c_str(), 0755);
  const auto result = run_program({{(folder / "probe").string()}, {}, 60s});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->exit_code, 0);
}

TEST_F(Containers, AProgramsOutputIsBoundedAndItsTimeToo) {
  auto result = run_program(
      {{"sh", "-c", "head -c 300000 /dev/zero; echo last >&2; exit 3"}, environment(), 60s});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->output.size(), kProgramOutputMax);
  EXPECT_EQ(last_line(result->errors), "last");
  EXPECT_EQ(last_line("one\ntwo\n\x1b[0m\n \n"), "two");
  EXPECT_EQ(last_line("\n"), "");
  result = run_program({{"sh", "-c", "sleep 1000 & wait"}, environment(), 50ms});
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  // What it leaves in the background keeps nobody waiting.
  result = run_program({{"sh", "-c", "setsid sleep 30 & echo $!"}, environment(), 60s});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 0);
  kill(std::stoi(result->output), SIGKILL);
  EXPECT_EQ(run_program({{"no-such-program"}, environment(), 1s}).error().code, ErrorCode::kIo);
  result = run_program({{"sh", "-c", "kill -9 $$"}, environment(), 60s});
  EXPECT_EQ(result->exit_code, 137);
}

}  // namespace
}  // namespace landseer::worker
