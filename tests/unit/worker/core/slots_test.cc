#include "worker/core/slots.h"

#include <gtest/gtest.h>

namespace landseer::worker {
namespace {

protocol::Hello offer(std::uint32_t cpus, std::uint32_t gpus = 0) {
  protocol::Hello hello;
  hello.cpus_milli = 1000 * cpus;
  hello.memory_bytes = 1000;
  for (std::uint32_t i = 0; i < gpus; ++i) hello.gpus.push_back({4 + i, "T4", 0});
  return hello;
}

protocol::WorkSpec spec(std::uint32_t cpus_milli, std::uint32_t gpus_milli = 0,
                        std::uint64_t memory = 0) {
  protocol::WorkSpec made;
  made.cpus_milli = cpus_milli;
  made.gpus_milli = gpus_milli;
  made.memory_bytes = memory;
  return made;
}

TEST(Slots, TakeUntilNothingIsLeftAndGiveBack) {
  Slots slots(offer(2));
  EXPECT_TRUE(slots.take(spec(1500)));
  EXPECT_FALSE(slots.take(spec(1000)));
  EXPECT_TRUE(slots.take(spec(500, 0, 1000)));
  EXPECT_FALSE(slots.take(spec(0, 0, 1)));
  slots.give_back(spec(1500), {});
  EXPECT_TRUE(slots.take(spec(1000)));
}

TEST(Slots, WholeGpusAreNamedByHostIndexAndNotShared) {
  Slots slots(offer(8, 2));
  const auto first = slots.take(spec(1000, 1000));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 1u);
  EXPECT_FALSE(slots.take(spec(1000, 2000)));
  const auto second = slots.take(spec(1000, 1000));
  ASSERT_TRUE(second);
  EXPECT_NE(first->front(), second->front());
  EXPECT_GE(first->front(), 4u);
  slots.give_back(spec(1000, 1000), *first);
  EXPECT_EQ(slots.take(spec(1000, 1000)), first);
}

TEST(Slots, SharesFillOneGpuBeforeTheNext) {
  Slots slots(offer(8, 2));
  const auto one = slots.take(spec(1000, 500));
  const auto two = slots.take(spec(1000, 500));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(*one, *two);
  EXPECT_TRUE(slots.take(spec(1000, 1000))) << "the other is still whole";
  EXPECT_FALSE(slots.take(spec(1000, 100)));
}

TEST(Slots, ATaskWithoutAGpuRequestGetsNone) {
  Slots slots(offer(1, 1));
  EXPECT_TRUE(slots.take(spec(1000))->empty());
}

}  // namespace
}  // namespace landseer::worker
