/// The commands that the executor runs for a tool that is more than processes, here a container of
/// a fake engine; and what else it tells a tool.
#include <sys/wait.h>
#include <unistd.h>

#include "tests/io/executor_fixture.h"

namespace landseer::worker {
namespace {

class ExecutorHelpers : public Executor {
 protected:
  std::vector<std::string> command(const std::string& script) const {
    return {"sh", "-c", "cd " + root_ + "; " + script};
  }
  /// Removes only at the third call.
  std::vector<std::string> stubborn_remover() const {
    return command(
        "echo call >> removals; [ $(wc -l < removals) -ge 3 ] || "
        "{ echo not yet >&2; exit 1; }; echo done > removed");
  }
  std::string own_log() const { return read_file(place_.state_folder + "/executor.log"); }
};

TEST_F(ExecutorHelpers, RunWithTheirSignalsAndRemoveUntilItWorks) {
  attach();
  Launch launch = shell(1, "trap '' TERM; " + tell_pid("one") + "while :; do sleep 0.01; done");
  launch.terminate_argv = command("echo told > terminated");
  launch.kill_argv = command("[ -e terminated ] && echo told > killed");
  launch.remove_argv = stubborn_remover();
  launch.grace_ms = 200;
  send(launch);
  const pid_t tool = await_pid("one");
  send(Halt{key_of(1)});
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kCancelled);
  EXPECT_EQ(ended.exit_code, SIGKILL);
  EXPECT_FALSE(is_alive(tool));
  EXPECT_TRUE(fs::exists(root_ + "/terminated"));
  EXPECT_TRUE(wait_until([&] { return fs::exists(root_ + "/killed"); }));
  EXPECT_EQ(read_file(root_ + "/removals"), "call\ncall\ncall\n");
  EXPECT_EQ(read_file(root_ + "/removed"), "done\n") << "before the end was told";
  EXPECT_NE(own_log().find("not yet\n"), std::string::npos) << own_log();
  EXPECT_NE(own_log().find("sh -c: exit code 1"), std::string::npos) << own_log();
}

TEST_F(ExecutorHelpers, AToolThatEndsWellByItselfNeedsNone) {
  attach();
  Launch launch = shell(1, "exit 3");
  launch.terminate_argv = launch.kill_argv = launch.remove_argv = command("echo x >> called");
  EXPECT_EQ(run(launch).exit_code, 3);
  EXPECT_FALSE(fs::exists(root_ + "/called"));
}

/// Its client may fail while the tool goes on.
TEST_F(ExecutorHelpers, ARemoteToolThatFailedIsRemovedAndNotMeasured) {
  attach();
  Launch launch = shell(1, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 125");
  launch.remote = true;
  launch.remove_argv = command("echo x >> called");
  const Ended ended = run(launch);
  EXPECT_EQ(ended.exit_code, 125);
  EXPECT_EQ(ended.cpu_ms + ended.memory_peak_bytes, 0u) << "that is the client's";
  EXPECT_EQ(read_file(root_ + "/called"), "x\n");
}

TEST_F(ExecutorHelpers, EveryVariableForTheDeadlineHasTheSame) {
  attach();
  Launch launch =
      shell(1, "test -n \"$LANDSEER_DEADLINE\" && test $X_DEADLINE = $LANDSEER_DEADLINE");
  launch.timeout_ms = 60'000;
  launch.deadline_names = {"X_DEADLINE"};
  EXPECT_EQ(run(launch).outcome, Outcome::kSucceeded);
}

TEST_F(ExecutorHelpers, AToolThatASignalEndedIsRemoved) {
  attach();
  Launch launch = shell(1, "kill -9 $$");
  launch.remove_argv = command("echo x >> called");
  EXPECT_EQ(run(launch).outcome, Outcome::kSignal);
  EXPECT_EQ(read_file(root_ + "/called"), "x\n");
}

TEST_F(ExecutorHelpers, WhatAnEngineStillDoesAfterItsToolIsNotKilledAtOnce) {
  attach();
  Launch launch = shell(1, "(setsid sh -c 'sleep 0.2; echo x > finished' >/dev/null 2>&1 &)");
  launch.remove_argv = command("echo x >> called");
  EXPECT_EQ(run(launch).outcome, Outcome::kSucceeded);
  EXPECT_TRUE(fs::exists(root_ + "/finished"));
  EXPECT_FALSE(fs::exists(root_ + "/called"));
}

TEST_F(ExecutorHelpers, OneThatHangsHoldsUpNobodyElse) {
  attach();
  Launch launch = shell(1, "kill -9 $$");
  launch.remove_argv =
      command("echo $$ > hangs.n; mv hangs.n hangs; while [ ! -e go ]; do sleep 0.01; done");
  send(launch);
  await_pid("hangs");
  EXPECT_EQ(run(shell(2, "true")).outcome, Outcome::kSucceeded);
  EXPECT_EQ(ended_.count(key_of(1)), 0U);
  std::ofstream(root_ + "/go") << "";
  EXPECT_EQ(await_end(1).outcome, Outcome::kSignal);
}

TEST_F(ExecutorHelpers, OneThatIsMissingIsSaidSo) {
  attach();
  Launch launch = shell(1, "kill -9 $$");
  launch.remove_argv = {root_ + "/remover"};
  send(launch);
  EXPECT_TRUE(wait_until([this] {
    return own_log().find("cannot start " + root_ + "/remover: No such file") != std::string::npos;
  }));
  std::ofstream(root_ + "/remover.n") << "#!/bin/sh\nexit 0\n";
  fs::permissions(root_ + "/remover.n", fs::perms::owner_all);
  fs::rename(root_ + "/remover.n", root_ + "/remover");
  EXPECT_EQ(await_end(1).outcome, Outcome::kSignal);
}

TEST_F(ExecutorHelpers, TheNextExecutorRemovesWhatADeadOneLeft) {
  attach();
  Launch launch = shell(1, tell_pid("one") + "exec sleep 1000");
  launch.remove_argv = stubborn_remover();
  send(launch);
  const pid_t tool = await_pid("one");
  kill(parent_of(agent_->executor_pid()), SIGKILL);  // its guard
  kill(agent_->executor_pid(), SIGKILL);
  EXPECT_TRUE(wait_until([this] { return has_gone(); }));
  attach();
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kReturned);
  EXPECT_EQ(ended.reason, "the worker's executor died while it ran");
  EXPECT_EQ(read_file(root_ + "/removed"), "done\n");
  EXPECT_FALSE(is_alive(tool));
}

TEST_F(ExecutorHelpers, AToolWithATimeLimitIsToldWhenItEnds) {
  attach();
  EXPECT_EQ(run(shell(1, "echo \"<$LANDSEER_DEADLINE>\"")).log_tail, "<>\n");
  Launch launch = shell(2, "echo $LANDSEER_DEADLINE");
  launch.timeout_ms = 90'000;
  const Ended ended = run(launch);
  EXPECT_EQ(ended.log_tail, std::to_string((ended.started_at_ms + 90'000) / 1000) + "\n");
}

}  // namespace
}  // namespace landseer::worker
