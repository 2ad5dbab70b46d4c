#include "worker/core/slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

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

TEST(Slots, MemoryOfAGpuIsTakenFromEachAndOneThatIsNotUsableIsNotTaken) {
  protocol::Hello hello = offer(8, 2);
  hello.gpus[0].memory_bytes = 100;
  hello.gpus[1].memory_bytes = 40;
  Slots slots(hello);
  protocol::WorkSpec half = spec(0, 500);
  half.gpu_memory_bytes = 60;
  const auto first = slots.take(half);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->front(), 4u);
  EXPECT_FALSE(slots.take(half)) << "40 are left on either";
  slots.give_back(half, *first);
  EXPECT_TRUE(slots.is_idle(4));
  slots.set_usable(4, false);
  EXPECT_FALSE(slots.take(half));
  slots.set_usable(4, true);
  EXPECT_TRUE(slots.take(half));
  EXPECT_FALSE(slots.is_idle(4));
}

TEST(Slots, ScratchNamedResourcesAndTheCapAreTakenToo) {
  protocol::Hello hello = offer(8, 2);
  hello.scratch_bytes = 100;
  hello.named = {{"licence_x", 1}};
  hello.tasks_max = 2;
  hello.gpus[1].model = "NVIDIA A100";
  Slots slots(hello);
  protocol::WorkSpec disk = spec(0);
  disk.scratch_bytes = 60;
  EXPECT_TRUE(slots.take(disk));
  EXPECT_FALSE(slots.take(disk));
  protocol::WorkSpec licence = spec(0, 1000);
  licence.named = {{"licence_x", 1}};
  licence.gpu_model = "a100";
  EXPECT_EQ(slots.take(licence), std::vector<std::uint32_t>{5});
  EXPECT_FALSE(slots.take(spec(0))) << "two run";
  slots.give_back(disk, {});
  EXPECT_FALSE(slots.take(licence));
  slots.give_back(licence, {5});
  EXPECT_TRUE(slots.take(licence));
  EXPECT_TRUE(slots.take(disk));
}

TEST(Slots, NeverGiveMoreThanThereIs) {
  protocol::Hello hello = offer(64, 3);
  for (auto& gpu : hello.gpus) gpu.memory_bytes = 1000;
  Slots slots(hello);
  std::uint64_t random = 1;
  const auto next = [&random](std::uint64_t below) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((random >> 33) % below);
  };
  std::vector<std::pair<protocol::WorkSpec, std::vector<std::uint32_t>>> held;
  for (int step = 0; step < 20'000; ++step) {
    if (!held.empty() && next(2) == 0) {
      const std::size_t which = next(held.size());
      slots.give_back(held[which].first, held[which].second);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      protocol::WorkSpec wanted = spec(0, next(2500));
      wanted.gpu_memory_bytes = next(600);
      if (const auto gpus = slots.take(wanted)) held.emplace_back(wanted, *gpus);
    }
    for (std::uint32_t gpu = 4; gpu < 7; ++gpu) {
      std::uint64_t milli = 0;
      std::uint64_t bytes = 0;
      for (const auto& [held_spec, gpus] : held) {
        const auto times = std::count(gpus.begin(), gpus.end(), gpu);
        ASSERT_LE(times, 1);
        if (times == 0) continue;
        milli += std::min(held_spec.gpus_milli, 1000u);
        bytes += held_spec.gpu_memory_bytes;
      }
      ASSERT_LE(milli, 1000u);
      ASSERT_LE(bytes, 1000u);
    }
  }
}

}  // namespace
}  // namespace landseer::worker
