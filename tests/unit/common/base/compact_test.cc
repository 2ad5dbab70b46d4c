#include "common/base/compact.h"

#include <gtest/gtest.h>

#include <random>

namespace landseer {
namespace {

TEST(IdList, IsWhatAVectorIs) {
  std::minstd_rand random(1);
  for (std::size_t size = 0; size < 20; ++size) {
    IdList<TaskId> list;
    std::vector<TaskId> expected;
    for (std::size_t i = 0; i < size; ++i) {
      expected.push_back(TaskId{random()});
      list.push_back(expected.back());
      EXPECT_EQ(list.back(), expected.back());
      EXPECT_EQ(list.front(), expected.front());
    }
    const IdList<TaskId> copy = list;
    IdList<TaskId> moved = std::move(list);
    EXPECT_EQ(std::vector<TaskId>(copy), expected);
    EXPECT_EQ(std::vector<TaskId>(moved), expected);
    moved = copy;
    EXPECT_EQ(moved.size(), size);
    EXPECT_EQ(std::vector<TaskId>(moved), expected);
    moved.clear();
    EXPECT_TRUE(moved.empty());
  }
}

TEST(IdRanges, AreTheIdsThatWereAddedWithAndWithoutGaps) {
  std::minstd_rand random(2);
  for (int round = 0; round < 200; ++round) {
    IdRanges<WorkflowId> ranges;
    std::vector<WorkflowId> expected;
    std::uint64_t last = random() % 5;
    for (std::uint32_t i = 0; i < random() % 30; ++i) {
      last += random() % 4 == 0 ? 1 + random() % 9 : 1;
      expected.push_back(WorkflowId{last});
      ranges.push_back(WorkflowId{last});
      EXPECT_EQ(ranges.back(), expected.back());
    }
    EXPECT_EQ(ranges.size(), expected.size());
    EXPECT_EQ(ranges.empty(), expected.empty());
    const IdRanges<WorkflowId> copy = ranges;
    EXPECT_EQ(std::vector<WorkflowId>(copy), expected);
    EXPECT_EQ(std::vector<WorkflowId>(ranges), expected);
    IdRanges<WorkflowId> shifted = copy;
    shifted.shift(7);
    std::vector<WorkflowId> further;
    for (const WorkflowId id : expected) further.push_back(WorkflowId{number(id) + 7});
    EXPECT_EQ(std::vector<WorkflowId>(shifted), further);
    IdRanges<WorkflowId> moved = std::move(ranges);
    EXPECT_EQ(std::vector<WorkflowId>(moved), expected);
    ranges = copy;
    EXPECT_EQ(std::vector<WorkflowId>(ranges), expected);
    moved.clear();
    EXPECT_TRUE(moved.empty());
    moved.push_back(WorkflowId{9});
    EXPECT_EQ(std::vector<WorkflowId>(moved), std::vector{WorkflowId{9}});
  }
}

TEST(RareText, ReadsLikeAText) {
  RareText text;
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text, "");
  text = std::string("why");
  const RareText copy = text;
  EXPECT_EQ(copy, "why");
  EXPECT_EQ(copy.size(), 3u);
  EXPECT_STREQ(copy.c_str(), "why");
  text.clear();
  EXPECT_TRUE(text.empty());
  text = copy;
  text = std::string();
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace landseer
