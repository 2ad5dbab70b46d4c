#include "broker/io/fair_queue.h"

#include <gtest/gtest.h>

namespace landseer::broker {
namespace {

std::string drain(FairQueue<int>& queue) {
  std::string order;
  while (const auto item = queue.pop()) order += std::to_string(*item) + " ";
  return order;
}

TEST(FairQueue, CallersTakeTurns) {
  FairQueue<int> queue(10);
  for (int i = 0; i < 4; ++i) queue.push("flood", i);
  queue.push("a", 10);
  queue.push("b", 20);
  queue.push("a", 11);
  EXPECT_EQ(drain(queue), "0 10 20 1 11 2 3 ");
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, AFullOneDoesNotHoldBackOthers) {
  FairQueue<int> queue(2);
  EXPECT_TRUE(queue.push("flood", 1));
  EXPECT_TRUE(queue.push("flood", 2));
  EXPECT_FALSE(queue.push("flood", 3));
  EXPECT_TRUE(queue.push("a", 4));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.push("flood", 5)) << "there is room again";
  EXPECT_EQ(drain(queue), "4 2 5 ");
}

}  // namespace
}  // namespace landseer::broker
