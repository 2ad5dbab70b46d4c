#include "dashboard/gateway/log_budget.h"

#include <gtest/gtest.h>

namespace landseer::gateway {
namespace {

using std::chrono::seconds;

constexpr RateLimit kRate{100'000, 400'000};

TEST(LogBudget, AnyAmountIsPaidBackBeforeMoreIsRead) {
  LogBudget budget(kRate);
  const Instant begin{};
  EXPECT_EQ(budget.left("a", 300'000, begin), 400'000u);
  budget.charge("a", 400'000);
  EXPECT_EQ(budget.left("a", 300'000, begin), 0u);
  EXPECT_EQ(budget.left("a", 300'000, begin + seconds(1)), 100'000u);
  budget.charge("a", 300'000);  // two that asked at the same time
  EXPECT_EQ(budget.left("a", 300'000, begin + seconds(3)), 0u) << "what was too much is waited for";
  EXPECT_EQ(budget.left("a", 300'000, begin + seconds(4)), 100'000u);
  EXPECT_EQ(budget.left("a", 300'000, begin + seconds(100)), 400'000u) << "no more is saved up";
}

TEST(LogBudget, IsAnotherForEachViewer) {
  LogBudget budget(kRate);
  EXPECT_EQ(budget.left("a", 1, Instant{}), 400'000u);
  budget.charge("a", 500'000);
  EXPECT_EQ(budget.left("a", 1, Instant{}), 0u);
  EXPECT_EQ(budget.left("b", 1, Instant{}), 400'000u);
}

TEST(LogBudget, CrumbsAreNotHandedOutUnlessAskedFor) {
  LogBudget budget(kRate);
  EXPECT_EQ(budget.left("a", 300'000, Instant{}), 400'000u);
  budget.charge("a", 400'000 - kLogPieceLeast + 1);
  EXPECT_EQ(budget.left("a", 300'000, Instant{}), 0u);
  EXPECT_EQ(budget.left("a", 100, Instant{}), kLogPieceLeast - 1);
}

/// Twenty minutes of a log that grows by 10 MB/s, read as the page does.
TEST(LogBudget, WhoFollowsStaysNearTheEndAtABoundedRate) {
  LogBudget budget;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
  std::uint64_t read = 0;
  std::uint64_t skipped = 0;
  std::uint64_t furthest_behind = 0;
  const auto per_tick = std::uint64_t{1'000'000};
  const int ticks = 12'000;
  for (int tick = 0; tick < ticks; ++tick) {
    size += per_tick;
    const Instant now = Instant{} + std::chrono::milliseconds(100) * tick;
    const std::uint64_t left = budget.left("a", 262'144, now);
    if (left == 0) continue;
    const std::uint64_t piece = std::min<std::uint64_t>(left, 262'144);
    const std::uint64_t from = follow_from(offset, size, left, piece);
    skipped += from - offset;
    const std::uint64_t got = std::min(piece, size - from);
    budget.charge("a", got);
    read += got;
    offset = from + got;
    furthest_behind = std::max(furthest_behind, size - offset);
  }
  EXPECT_EQ(read + skipped, offset) << "every byte was read or told of";
  EXPECT_LE(read, 1200 * kLogRate.per_second + kLogRate.at_once);
  EXPECT_GE(read, 1190 * kLogRate.per_second);
  EXPECT_LE(furthest_behind, static_cast<std::uint64_t>(kLogRate.at_once));
}

TEST(FollowFrom, SkipsOnlyWhatCannotBeRead) {
  EXPECT_EQ(follow_from(100, 100, 50, 50), 100u) << "at the end";
  EXPECT_EQ(follow_from(100, 150, 50, 20), 100u) << "in several pieces";
  EXPECT_EQ(follow_from(100, 151, 50, 20), 131u);
  EXPECT_EQ(follow_from(100, 10'000'000, 4'000'000, 1'000'000), 10'000'000 - kLogEndBytes);
  EXPECT_EQ(follow_from(200, 100, 50, 50), 200u) << "beyond the end, as asked";
}

}  // namespace
}  // namespace landseer::gateway
