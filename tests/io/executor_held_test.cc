/// Tools that are sent before there is a place for them.
#include "tests/io/executor_fixture.h"

namespace landseer::worker {
namespace {

class HoldingExecutor : public Executor {
 protected:
  Launch in_slot(std::uint64_t task, const std::string& script, bool held,
                 const std::string& slot = "1000/0/0") const {
    Launch launch = shell(task, script);
    launch.slot = slot;
    launch.held = held;
    return launch;
  }
  /// Ends when `go-TASK` is there.
  Launch waiting(std::uint64_t task, bool held = false,
                 const std::string& slot = "1000/0/0") const {
    const std::string name = std::to_string(task);
    return in_slot(task,
                   tell_pid("pid-" + name) + "while [ ! -e go-" + name + " ]; do sleep 0.01; done",
                   held, slot);
  }
  void let_go(std::uint64_t task) { std::ofstream(root_ + "/go-" + std::to_string(task)) << "x"; }
  /// By answering this one it has read all before.
  void sync() {
    send(Halt{key_of(++syncs_)});
    await_end(syncs_);
  }
  bool has_started(std::uint64_t task) { return launched_.count(key_of(task)) != 0; }

  std::uint64_t syncs_ = 1000;
};

TEST_F(HoldingExecutor, SaysThatItCan) {
  attach();
  EXPECT_TRUE(inventory_->can_hold);
}

TEST_F(HoldingExecutor, AHeldOneGetsThePlaceOfTheNextThatEndsOfItsSlot) {
  attach();
  send(waiting(1));
  send(waiting(2, false, "2000/0/0"));
  send(in_slot(3, "echo three", true));
  send(in_slot(4, "echo four", true));
  sync();
  EXPECT_FALSE(has_started(3));
  let_go(2);
  EXPECT_EQ(await_end(2).next, AttemptKey{});
  sync();
  EXPECT_FALSE(has_started(3));
  let_go(1);
  EXPECT_EQ(await_end(1).next, key_of(3));
  EXPECT_EQ(await_end(3).next, key_of(4));
  const Ended four = await_end(4);
  EXPECT_EQ(four.outcome, Outcome::kSucceeded);
  EXPECT_EQ(four.log_tail, "four\n");
  EXPECT_GE(four.started_at_ms, ended_[key_of(3)].started_at_ms);
  EXPECT_EQ(four.next, AttemptKey{});
  EXPECT_EQ(launched_[key_of(4)].started_at_ms, four.started_at_ms);
}

TEST_F(HoldingExecutor, StartStartsAHeldOneOnce) {
  attach();
  send(waiting(1, true));
  send(waiting(1, true));  // said twice
  sync();
  EXPECT_FALSE(has_started(1));
  send(Start{key_of(1)});
  send(Start{key_of(1)});
  send(Start{key_of(77)});  // nobody
  let_go(1);
  EXPECT_EQ(await_end(1).outcome, Outcome::kSucceeded);
  sync();
  EXPECT_EQ(ended_.count(key_of(77)), 0U);
}

TEST_F(HoldingExecutor, AHeldOneThatIsHaltedNeverStarts) {
  attach();
  send(waiting(1));
  send(in_slot(2, "touch started", true));
  send(Halt{key_of(2)});
  const Ended two = await_end(2);
  EXPECT_EQ(two.outcome, Outcome::kCancelled);
  EXPECT_EQ(two.started_at_ms, 0);
  let_go(1);
  EXPECT_EQ(await_end(1).next, AttemptKey{});
  EXPECT_FALSE(fs::exists(root_ + "/started"));
}

TEST_F(HoldingExecutor, OneThatCannotBeStartedFreesThePlaceForNobody) {
  attach();
  send(waiting(1));
  Launch two = in_slot(2, "", true);
  two.argv = {"no-such-tool"};
  send(two);
  sync();
  let_go(1);
  EXPECT_EQ(await_end(1).next, key_of(2));
  EXPECT_EQ(await_end(2).outcome, Outcome::kRuntimeError);
  EXPECT_TRUE(ended_[key_of(2)].host_is_well);
}

TEST_F(HoldingExecutor, HeldOnesAreGivenBackWhenTheirAgentGoes) {
  attach();
  send(waiting(1));
  send(in_slot(2, "touch started", true));
  sync();
  attach();
  const Ended two = await_end(2);
  EXPECT_EQ(two.outcome, Outcome::kReturned);
  EXPECT_EQ(two.started_at_ms, 0);
  ASSERT_EQ(inventory_->running.size(), 1U);
  let_go(1);
  EXPECT_EQ(await_end(1).next, AttemptKey{});
  EXPECT_FALSE(fs::exists(root_ + "/started"));
}

TEST_F(HoldingExecutor, HeldOnesAreGivenBackAtTheEndOfTheLease) {
  attach();
  send(in_slot(1, "touch started", true));
  sync();
  send(Renew{1});
  const Ended one = await_end(1);
  EXPECT_EQ(one.outcome, Outcome::kReturned);
  EXPECT_EQ(one.reason, "lease ended");
  EXPECT_EQ(one.started_at_ms, 0);
}

TEST_F(HoldingExecutor, HeldOnesAreGivenBackAtQuit) {
  attach();
  Launch one = waiting(1);
  one.grace_ms = 0;
  send(one);
  send(in_slot(2, "touch started", true));
  sync();
  send(Quit{});
  EXPECT_EQ(await_end(2).outcome, Outcome::kReturned);
  EXPECT_EQ(await_end(1).next, AttemptKey{});
  EXPECT_FALSE(fs::exists(root_ + "/started"));
}

}  // namespace
}  // namespace landseer::worker
