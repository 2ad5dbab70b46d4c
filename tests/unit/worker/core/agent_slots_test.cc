#include "tests/unit/worker/core/agent_fixture.h"

namespace landseer::worker {
namespace {

/// The worker has two slots; each further attempt is held where it is to run.
class HoldingAgent : public AgentTest {
 protected:
  HoldingAgent() {
    agent.set_holding(true);
    welcome();
  }
  /// Assigns and prepares attempts of as many CPUs.
  std::vector<worker::Run> ready(std::uint64_t first, std::uint64_t last,
                                 std::uint32_t cpus = 1000) {
    for (std::uint64_t task = first; task <= last; ++task) {
      assign(task, "", cpus);
      handle(Prepared{key(task), {}, {}});
    }
    return take<worker::Run>();
  }
  void end(std::uint64_t task, AttemptKey next = {}) {
    RunEnded event = ended(task, Outcome::kSucceeded);
    event.next = next;
    handle(event);
  }
};

TEST_F(HoldingAgent, HoldsOneForEachThatRunsAndNoMore) {
  const auto runs = ready(1, 6);
  ASSERT_EQ(runs.size(), 4u);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(runs[i].key, key(i + 1));
    EXPECT_EQ(runs[i].held, i >= 2) << i;
    EXPECT_EQ(runs[i].slot, runs[0].slot);
    EXPECT_NE(runs[i].slot, "");
  }
}

TEST_F(HoldingAgent, OneThatTookAPlaceRunsAndTheNextIsHeld) {
  ready(1, 6);
  end(1, key(3));
  auto runs = take<worker::Run>();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].key, key(5));
  EXPECT_TRUE(runs[0].held);
  EXPECT_TRUE(take<StartHeld>().empty());
  handle(RunStarted{key(3), WallTime{100}});
  EXPECT_EQ(sent<protocol::Started>().size(), 1u);
  // It frees the place that it had.
  end(3, key(4));
  runs = take<worker::Run>();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].key, key(6));
  end(2);
  end(4);
  EXPECT_EQ(take<StartHeld>().size(), 2u) << "five and six";
}

TEST_F(HoldingAgent, OneThatDidNotComeInTimeIsStarted) {
  ready(1, 3);
  end(1);
  const auto starts = take<StartHeld>();
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].key, key(3));
  // It may have had another one's place, too, before it heard that.
  end(2, key(3));
  const auto runs = ready(4, 4);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_FALSE(runs[0].held) << "only one slot is in use";
}

TEST_F(HoldingAgent, HeldOnesStartBeforeReadyOnesInAPlaceOfAnotherSize) {
  ready(1, 1, 2000);
  const auto runs = ready(2, 2, 2000);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_TRUE(runs[0].held);
  EXPECT_TRUE(ready(3, 3, 1000).empty()) << "nothing that runs takes as much";
  end(1);
  ASSERT_EQ(take<StartHeld>().size(), 1u);
  EXPECT_TRUE(take<worker::Run>().empty());
}

TEST_F(HoldingAgent, HoldsNothingOfWhoeverCannotAndNothingWithGpus) {
  agent.set_holding(false);
  EXPECT_EQ(ready(1, 4).size(), 2u);
}

TEST_F(HoldingAgent, AHeldOneThatIsCancelledEndsWithoutASlot) {
  ready(1, 3);
  hear(protocol::Stop{11, {key(3)}});
  ASSERT_EQ(take<StopRun>().size(), 1u);
  RunEnded event = ended(3, Outcome::kCancelled);
  event.started_at = WallTime{};
  handle(event);
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kCancelled);
  EXPECT_EQ(results[0].results[0].started_at, 0);
  // Both slots are in use still.
  const auto runs = ready(4, 4);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_TRUE(runs[0].held);
}

TEST_F(HoldingAgent, AHeldOneThatIsRecalledIsGivenBack) {
  ready(1, 3);
  hear(protocol::Recall{11, {key(3)}});
  ASSERT_EQ(take<StopRun>().size(), 1u);
  end(1);
  EXPECT_TRUE(take<StartHeld>().empty()) << "it is wanted back";
  handle(ended(3, Outcome::kCancelled));
  EXPECT_EQ(take<CaptureCheckpoint>().size(), 1u);
  handle(CheckpointCaptured{key(3), {}, 0});
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kReturned);
}

TEST_F(HoldingAgent, AHeldOneThatCannotBeStartedLeavesItsPlace) {
  ready(1, 4);
  end(1, key(3));
  handle(ended(3, Outcome::kRuntimeError));
  const auto starts = take<StartHeld>();
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].key, key(4));
}

}  // namespace
}  // namespace landseer::worker
