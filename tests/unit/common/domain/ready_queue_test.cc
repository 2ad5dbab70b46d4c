#include "common/domain/ready_queue.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

TEST(ReadyQueue, LowestRankFirstThenInsertionOrder) {
  ReadyQueue queue;
  queue.add(0, {5, 2});
  queue.add(0, {5, 1});
  queue.add(0, {-3, 9});
  EXPECT_EQ(queue.best()->index, 9u);
  queue.remove(0, {-3, 9});
  EXPECT_EQ(queue.best()->index, 1u);
}

TEST(ReadyQueue, RequestsAreApart) {
  ReadyQueue queue;
  queue.add(7, {1, 0});
  queue.add(3, {2, 1});
  EXPECT_EQ(queue.best(3)->index, 1u);
  EXPECT_FALSE(queue.best(99));
  EXPECT_EQ(queue.requests().size(), 2u);
  EXPECT_EQ(queue.entries().front().index, 0u);
}

TEST(ReadyQueue, AddingTwiceAndRemovingTheAbsentChangeNothing) {
  ReadyQueue queue;
  queue.add(0, {1, 1});
  queue.add(0, {1, 1});
  queue.remove(0, {2, 2});
  queue.remove(4, {1, 1});
  EXPECT_EQ(queue.size(), 1u);
}

}  // namespace
}  // namespace landseer::domain
