/// The executor with real processes.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "tests/io/executor_fixture.h"
#include "worker/io/log_reader.h"

namespace landseer::worker {
namespace {

// --- How a tool ends ---

TEST_F(Executor, ReportsSuccessWithOutputTimesAndUsage) {
  attach();
  const Ended ended = run(shell(1, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.reason, "");
  EXPECT_EQ(ended.log_tail, "done\n");
  EXPECT_GT(ended.started_at_ms, 1'600'000'000'000);
  EXPECT_GE(ended.finished_at_ms, ended.started_at_ms);
  EXPECT_GT(ended.cpu_ms, 0U);
  EXPECT_GT(ended.memory_peak_bytes, 100'000U);
  EXPECT_GT(launched_[key_of(1)].pid, 0);
  EXPECT_EQ(launched_[key_of(1)].started_at_ms, ended.started_at_ms);
}

TEST_F(Executor, ReportsTheExitCode) {
  attach();
  const Ended ended = run(shell(1, "exit 7"));
  EXPECT_EQ(ended.outcome, Outcome::kExitCode);
  EXPECT_EQ(ended.exit_code, 7);
  EXPECT_EQ(ended.reason, "exit code 7");
}

TEST_F(Executor, ReportsTheSignal) {
  attach();
  const Ended ended = run(shell(1, "kill -SEGV $$"));
  EXPECT_EQ(ended.outcome, Outcome::kSignal);
  EXPECT_EQ(ended.exit_code, SIGSEGV);
  EXPECT_EQ(ended.reason, "killed by SIGSEGV (Segmentation fault)");
}

TEST_F(Executor, SaysWhyAToolCannotBeStarted) {
  attach();
  const auto reason_for = [this](std::uint64_t task, Launch launch) {
    launch.key = key_of(task);
    const Ended ended = run(launch);
    EXPECT_EQ(ended.outcome, Outcome::kRuntimeError);
    EXPECT_EQ(ended.started_at_ms, 0);
    return ended.reason;
  };
  Launch launch = shell(1, "");
  launch.argv = {"no-such-tool"};
  EXPECT_EQ(reason_for(1, launch), "cannot start no-such-tool: No such file or directory");
  launch.argv = {"./data"};
  std::ofstream(root_ + "/data") << "x";
  EXPECT_EQ(reason_for(2, launch), "cannot start ./data: Permission denied");
  fs::permissions(root_ + "/data", fs::perms::owner_all);
  EXPECT_EQ(reason_for(3, launch), "cannot start ./data: Exec format error");
  launch.argv = {"sh"};
  launch.cwd = root_ + "/nowhere";
  EXPECT_EQ(reason_for(4, launch),
            "cannot start sh: the working folder " + root_ + "/nowhere cannot be entered");
  launch.cwd = root_;
  launch.log_path = root_ + "/nowhere/log";
  EXPECT_EQ(reason_for(5, launch), "cannot start: " + root_ +
                                       "/nowhere/log: cannot write the log: "
                                       "No such file or directory");
  launch.log_path = log_path(6);
  launch.argv = {"sh", std::string(200'000, 'x')};
  EXPECT_EQ(reason_for(6, launch), "cannot start sh: Argument list too long");
  launch.argv = {};
  EXPECT_EQ(reason_for(7, launch), "cannot start: the command is empty");
}

TEST_F(Executor, GivesToolsExactlyTheirEnvironmentNoInputAndNoSignalsBlocked) {
  attach();
  Launch launch = shell(1,
                        "env | sort; readlink /proc/$$/fd/0; grep SigBlk /proc/self/status; "
                        "ignored=$(sed -n 's/SigIgn:.//p' /proc/self/status); "
                        "echo $((0x$ignored & 0x7fffffff)); "  // above: the C library's own
                        "ls /proc/self/fd | wc -l; ulimit -c; pwd");
  launch.env.push_back("KEY=two words");
  const Ended ended = run(launch);
  EXPECT_EQ(ended.log_tail,
            "KEY=two words\nLANDSEER_ATTEMPT_TOKEN=" + fs::canonical(place_.state_folder).string() +
                "/attempt-1.1.1\nPATH=/usr/bin:/bin\nPWD=" + root_ +
                "\n/dev/null\nSigBlk:\t0000000000000000\n"
                "0\n4\n0\n" +
                root_ + "\n");
}

// --- Ending what does not end by itself ---

TEST_F(Executor, TimeLimitKillsTheWholeTree) {
  attach();
  // A grandchild with a session of its own that ignores SIGTERM, one whose parent is gone, and one
  // that also hides where it comes from.
  const std::string stubborn = "trap '' TERM; ";
  const std::string forever = "while :; do sleep 100; done";
  const std::string quote = "\"";
  Launch launch = shell(
      1, "setsid sh -c " + quote + stubborn + "echo \\$\\$ >a.n; mv a.n a; " + forever + quote +
             " & (setsid sh -c " + quote + stubborn + "echo \\$\\$ >b.n; mv b.n b; " + forever +
             quote + " &) ; (env -i PATH=/usr/bin:/bin setsid sh -c " + quote + stubborn +
             "echo \\$\\$ >c.n; mv c.n c; " + forever + quote + " >/dev/null 2>&1 &) ; wait");
  launch.timeout_ms = 700;
  launch.grace_ms = 200;
  send(launch);
  const std::vector<pid_t> pids{await_pid("a"), await_pid("b"), await_pid("c")};
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kTimeout);
  EXPECT_EQ(ended.reason, "time limit of 700ms exceeded");
  for (const pid_t pid : pids) EXPECT_FALSE(is_alive(pid)) << pid;
}

TEST_F(Executor, WhatASuccessfulToolLeavesBehindIsKilledAtOnce) {
  attach();
  const Ended ended = run(shell(1, "(setsid sh -c '" + tell_pid("left") +
                                       "trap \"\" TERM; exec sleep 1000' >/dev/null 2>&1 &);"
                                       "while [ ! -e left ]; do sleep 0.01; done"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_FALSE(is_alive(await_pid("left")));
}

TEST_F(Executor, HaltGivesChildrenTheGraceThatTheirShellDoesNotUse) {
  attach();
  // The tool dies of SIGTERM at once, its child needs a moment to save its work.
  send(shell(1, "(trap 'sleep 0.2; echo saved; exit 0' TERM; " + tell_pid("child") +
                    "while :; do sleep 0.01; done) & wait"));
  await_pid("child");
  send(Halt{key_of(1)});
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kCancelled);
  EXPECT_EQ(ended.reason, "cancelled");
  EXPECT_EQ(ended.exit_code, SIGTERM);
  EXPECT_NE(ended.log_tail.find("saved\n"), std::string::npos) << ended.log_tail;
}

TEST_F(Executor, HaltIsAnsweredWhateverTheStateOfTheAttempt) {
  attach();
  send(Halt{key_of(1)});
  EXPECT_EQ(await_end(1).outcome, Outcome::kCancelled);
  EXPECT_EQ(run(shell(2, "exit 3")).exit_code, 3);
  ended_.clear();
  send(Halt{key_of(2)});
  EXPECT_EQ(await_end(2).exit_code, 3);
}

TEST_F(Executor, OneAttemptEndsWithoutHarmToAnother) {
  attach();
  send(shell(1, "(setsid sh -c '" + tell_pid("orphan") + "exec sleep 1000' &); exec sleep 1000"));
  const pid_t orphan = await_pid("orphan");
  Launch second = shell(2, tell_pid("two") + "exec sleep 1000");
  second.grace_ms = 0;
  send(second);
  const pid_t two = await_pid("two");
  send(Halt{key_of(2)});
  await_end(2);
  EXPECT_FALSE(is_alive(two));
  EXPECT_TRUE(is_alive(orphan));
  EXPECT_EQ(ended_.count(key_of(1)), 0U);
  send(Halt{key_of(1)});
  await_end(1);
  EXPECT_FALSE(is_alive(orphan));
}

// --- Logs ---

TEST_F(Executor, LogHasOutputAndErrorsInTheOrderTheyWereWritten) {
  attach();
  const Ended ended = run(shell(1, "for i in 1 2 3; do echo out $i; echo err $i >&2; done"));
  EXPECT_EQ(ended.log_tail, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
  EXPECT_EQ(read_file(log_path(1)), ended.log_tail);
}

TEST_F(Executor, ChattyToolIsNeitherBlockedNorFillsTheDisk) {
  place_.command.insert(place_.command.end(), {"--log-bytes-max", "1000"});
  attach();
  const Ended ended = run(shell(1, "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo the end"));
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_EQ(read_file(log_path(1)).size(), 1000U);
  const auto begin = read_log(log_path(1), {"", key_of(1).task, 1, 0, 5000, 0, false});
  EXPECT_EQ(begin.data, std::string(750, 'x'));
  EXPECT_EQ(begin.size, 5'000'009U);
  EXPECT_TRUE(begin.finished);
  std::string end;
  for (std::uint64_t at = 750; at < begin.size;) {
    const auto piece = read_log(log_path(1), {"", key_of(1).task, 1, at, 5000, 0, false});
    EXPECT_GE(piece.offset, begin.size - 250);
    ASSERT_FALSE(piece.data.empty());
    end += piece.data;
    at = piece.offset + piece.data.size();
  }
  EXPECT_EQ(end, std::string(241, 'x') + "\nthe end\n");
  EXPECT_EQ(ended.log_tail, "the end\n");
}

TEST_F(Executor, LogTailIsWholeLinesOfValidUtf8) {
  attach();
  const Ended bad = run(shell(1, "printf 'a\\377b\\303\\251\\303\\n'"));
  EXPECT_EQ(bad.log_tail, "a?b\u00e9?\n");
  const Ended lines = run(shell(2, "for i in $(seq 2000); do echo line $i; done"));
  EXPECT_LE(lines.log_tail.size(), protocol::kLogTailBytesMax);
  EXPECT_TRUE(lines.log_tail.starts_with("line "));
  EXPECT_TRUE(lines.log_tail.ends_with("line 2000\n"));
  const Ended wide = run(shell(3, "for i in $(seq 3000); do printf '\\303\\251'; done; printf x"));
  EXPECT_TRUE(is_utf8(wide.log_tail));
  EXPECT_GT(wide.log_tail.size(), protocol::kLogTailBytesMax - 4);
  EXPECT_EQ(wide.log_tail.find('?'), std::string::npos);
}

// --- Agents come and go ---

TEST_F(Executor, ToolsGoOnWithoutAnAgentAndAreInTheNextOnesInventory) {
  attach();
  const pid_t executor = agent_->executor_pid();
  EXPECT_EQ(run(shell(1, "exit 5")).exit_code, 5);
  EXPECT_EQ(run(shell(2, "true")).exit_code, 0);
  send(Forget{key_of(2)});
  send(shell(3, tell_pid("three") + "while [ ! -e go ]; do sleep 0.01; done; echo went"));
  const pid_t three = await_pid("three");
  ASSERT_TRUE(wait_for([this] { return launched_.count(key_of(3)) != 0; }));
  agent_.reset();

  attach();
  EXPECT_EQ(agent_->executor_pid(), executor);
  ASSERT_EQ(inventory_->running.size(), 1U);
  EXPECT_EQ(inventory_->running[0], launched_[key_of(3)]);
  EXPECT_EQ(inventory_->running[0].pid, three);
  ASSERT_EQ(ended_.size(), 1U);
  EXPECT_EQ(ended_[key_of(1)].exit_code, 5);
  std::ofstream(root_ + "/go") << "";
  EXPECT_EQ(await_end(3).log_tail, "went\n");
}

TEST_F(Executor, SurvivesAnAgentThatIsKilled) {
  const pid_t agent = fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    auto client = ExecutorClient::start_or_attach(place_);
    if (!client || !client->send(Renew{kMinuteMs}) ||
        !client->send(shell(1, tell_pid("one") + "while [ ! -e go ]; do sleep 0.01; done"))) {
      _exit(1);
    }
    while (true) pause();
  }
  const pid_t tool = await_pid("one");
  kill(agent, SIGKILL);
  waitpid(agent, nullptr, 0);
  EXPECT_TRUE(is_alive(tool));
  attach();
  ASSERT_EQ(inventory_->running.size(), 1U);
  std::ofstream(root_ + "/go") << "";
  EXPECT_EQ(await_end(1).outcome, Outcome::kSucceeded);
}

TEST_F(Executor, TheNewestAgentWins) {
  attach();
  std::optional<ExecutorClient> old;
  old.emplace(std::move(*agent_));
  attach();
  EXPECT_EQ(run(shell(1, "true")).outcome, Outcome::kSucceeded);
  EXPECT_TRUE(wait_until([&] { return !old->receive(); }));
}

TEST_F(Executor, LaunchingTwiceRunsOnce) {
  attach();
  const Launch launch = shell(1, "echo x >> count");
  run(launch);
  ended_.clear();
  launched_.clear();
  run(launch);
  EXPECT_EQ(read_file(root_ + "/count"), "x\n");
  EXPECT_EQ(launched_.size(), 0U);
  send(Forget{launch.key});
  ended_.clear();
  run(launch);
  EXPECT_EQ(read_file(root_ + "/count"), "x\nx\n");
}

TEST_F(Executor, LaunchTooLargeForTheLinkIsRefusedAndTheRestGoesOn) {
  attach();
  Launch launch = shell(1, "true");
  launch.env.push_back("BIG=" + std::string(kLinkBytesMax, 'x'));
  EXPECT_EQ(agent_->send(launch).error().code, ErrorCode::kLimit);
  launch.env.back() = "BIG=" + std::string(100'000, 'x');
  launch.env.push_back("MORE=" + std::string(100'000, 'x'));
  launch.env.push_back("STILL=" + std::string(100'000, 'x'));
  EXPECT_EQ(run(launch).outcome, Outcome::kSucceeded);
}

// --- Lease ---

TEST_F(Executor, EndOfLeaseStopsToolsAndRefusesNewOnesUntilRenewed) {
  attach();
  send(shell(1, tell_pid("one") + "exec sleep 1000"));
  const pid_t tool = await_pid("one");
  send(Renew{50});
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kReturned);
  EXPECT_EQ(ended.reason, "lease ended");
  EXPECT_FALSE(is_alive(tool));
  EXPECT_EQ(run(shell(2, "true")).outcome, Outcome::kReturned);
  send(Renew{kMinuteMs});
  EXPECT_EQ(run(shell(3, "true")).outcome, Outcome::kSucceeded);
}

TEST_F(Executor, ALeaseEndsAtItsMomentHoweverLateTheExecutorHearsOfIt) {
  attach();
  const auto now_ms = static_cast<std::uint64_t>(net::now().instant.nanoseconds / 1'000'000);
  send(shell(1, tell_pid("one") + "exec sleep 1000"));
  await_pid("one");
  send(Renew{kMinuteMs, now_ms - 1000});  // as if the machine had stood still since it was sent
  EXPECT_EQ(await_end(1).reason, "lease ended");
  send(Renew{kMinuteMs, now_ms + kMinuteMs});
  EXPECT_EQ(run(shell(2, "true")).outcome, Outcome::kSucceeded);
}

TEST_F(Executor, WithoutAgentToolAndLeaseItEndsAndTheNextOneKnowsWhatHappened) {
  attach();
  const pid_t executor = agent_->executor_pid();
  send(shell(1, tell_pid("one") + "exec sleep 1000"));
  const pid_t tool = await_pid("one");
  send(Renew{100});
  agent_.reset();
  EXPECT_TRUE(wait_until([&] { return !is_alive(executor) && !is_alive(tool); }));
  EXPECT_FALSE(fs::exists(place_.socket_path));
  attach();
  EXPECT_NE(agent_->executor_pid(), executor);
  EXPECT_TRUE(inventory_->running.empty());
  EXPECT_EQ(ended_[key_of(1)].reason, "lease ended");
}

// --- The executor's own end ---

TEST_F(Executor, KilledExecutorIsNoticedAndTheNextOneKillsWhatItLeft) {
  attach();
  send(shell(
      1, "setsid sh -c '" + tell_pid("child") + "exec sleep 1000' & " + tell_pid("one") + "wait"));
  const pid_t tool = await_pid("one");
  const pid_t child = await_pid("child");
  kill(parent_of(agent_->executor_pid()), SIGKILL);  // its guard
  kill(agent_->executor_pid(), SIGKILL);
  EXPECT_TRUE(wait_until([this] { return has_gone(); }));
  EXPECT_TRUE(is_alive(tool));
  attach();
  const Ended ended = await_end(1);
  EXPECT_EQ(ended.outcome, Outcome::kReturned);
  EXPECT_EQ(ended.reason, "the worker's executor died while it ran");
  EXPECT_FALSE(is_alive(tool));
  EXPECT_FALSE(is_alive(child));
}

TEST_F(Executor, NothingOutlivesAKilledExecutorThoughNoOtherIsStarted) {
  attach();
  send(shell(1, "trap '' TERM; setsid sh -c '" + tell_pid("child") + "exec sleep 1000' & " +
                    tell_pid("one") + "wait"));
  const pid_t tool = await_pid("one");
  const pid_t child = await_pid("child");
  const pid_t guard = parent_of(agent_->executor_pid());
  kill(guard, SIGTERM);  // not for it
  kill(agent_->executor_pid(), SIGKILL);
  EXPECT_TRUE(wait_until([&] { return !is_alive(tool) && !is_alive(child); }));
  EXPECT_TRUE(wait_until([&] { return !is_alive(guard); }));
}

TEST_F(Executor, DamagedStateFileCountsAsAnAttemptThatMustNotGoOn) {
  fs::create_directory(place_.state_folder);
  std::ofstream(place_.state_folder + "/attempt-1.4.1") << "\x92\x01\x82";
  std::ofstream(place_.state_folder + "/attempt-1.x.1") << "not ours";
  attach();
  EXPECT_EQ(await_end(4).outcome, Outcome::kReturned);
  EXPECT_EQ(ended_.size(), 1U);
}

TEST_F(Executor, IgnoresInterruptsAndEndsInOrderWhenTerminated) {
  attach();
  const pid_t executor = agent_->executor_pid();
  kill(executor, SIGINT);
  kill(executor, SIGHUP);
  EXPECT_EQ(run(shell(1, "true")).outcome, Outcome::kSucceeded);
  send(shell(2,
             "trap 'echo bye; exit 0' TERM; " + tell_pid("two") + "while :; do sleep 0.01; done"));
  await_pid("two");
  kill(executor, SIGTERM);
  const Ended ended = await_end(2);
  EXPECT_EQ(ended.outcome, Outcome::kReturned);
  EXPECT_TRUE(ended.log_tail.ends_with("bye\n")) << ended.log_tail;
  EXPECT_TRUE(wait_until([&] { return has_gone() && !is_alive(executor); }));
}

TEST_F(Executor, SaysWhyItCannotStart) {
  place_.state_folder = "/dev/null/state";
  const auto client = ExecutorClient::start_or_attach(place_);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(client.error().message.find("/dev/null/state"), std::string::npos);
}

TEST_F(Executor, SocketPathMayBeLongerThanAUnixAddress) {
  const std::string folder = root_ + "/" + std::string(150, 'd');
  fs::create_directory(folder);
  place_.socket_path = folder + "/socket";
  attach();
  EXPECT_EQ(run(shell(1, "true")).outcome, Outcome::kSucceeded);
}

}  // namespace
}  // namespace landseer::worker
