#include "broker/io/fair_queue.h"

#include <gtest/gtest.h>

namespace landseer::broker {
namespace {

std::string drain(FairQueue<int>& queue) {
  std::string order;
  while (const auto item = queue.pop()) order += std::to_string(*item) + " ";
  return order;
}

constexpr FairLimits kLimits{.each_items = 10, .each_bytes = 100, .bytes = 250};

TEST(FairQueue, CallersTakeTurns) {
  FairQueue<int> queue(kLimits);
  for (int i = 0; i < 4; ++i) queue.push("flood", int{i}, 1);
  queue.push("a", 10, 1);
  queue.push("b", 20, 1);
  queue.push("a", 11, 1);
  EXPECT_EQ(drain(queue), "0 10 20 1 11 2 3 ");
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, AFullOneDoesNotHoldBackOthers) {
  FairQueue<int> queue({.each_items = 2, .each_bytes = 100, .bytes = 250});
  EXPECT_TRUE(queue.push("flood", 1, 1));
  EXPECT_TRUE(queue.push("flood", 2, 1));
  EXPECT_FALSE(queue.push("flood", 3, 1));
  EXPECT_TRUE(queue.push("a", 4, 1));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.push("flood", 5, 1)) << "there is room again";
  EXPECT_EQ(drain(queue), "4 2 5 ");
}

TEST(FairQueue, LargeOnesCountByTheirBytes) {
  FairQueue<int> queue(kLimits);
  EXPECT_FALSE(queue.push("flood", 0, 101)) << "more than one caller may ever have";
  EXPECT_TRUE(queue.push("flood", 1, 60));
  EXPECT_FALSE(queue.push("flood", 2, 41));
  EXPECT_TRUE(queue.push("flood", 3, 40));
  EXPECT_TRUE(queue.push("a", 4, 100));
  EXPECT_TRUE(queue.push("b", 5, 50));
  EXPECT_FALSE(queue.push("c", 6, 1)) << "all together have enough";
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.push("c", 6, 60));
  EXPECT_EQ(drain(queue), "4 5 3 6 ");
  EXPECT_TRUE(queue.push("flood", 7, 100)) << "all of it was given back";
}

TEST(FairQueue, OfAllThereAreSoMany) {
  FairQueue<std::string> queue({.each_items = 2, .each_bytes = 100, .bytes = 250, .items = 3});
  EXPECT_TRUE(queue.push("a", "1", 1));
  EXPECT_TRUE(queue.push("a", "2", 1));
  EXPECT_TRUE(queue.push("b", "3", 1));
  std::string more = "what is refused stays as it is, however long";
  EXPECT_FALSE(queue.push("c", std::move(more), 1));
  EXPECT_EQ(more, "what is refused stays as it is, however long");
  EXPECT_EQ(queue.pop(), "1");
  EXPECT_TRUE(queue.push("c", std::move(more), 1));
}

}  // namespace
}  // namespace landseer::broker
