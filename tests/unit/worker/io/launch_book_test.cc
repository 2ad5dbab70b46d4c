#include "worker/io/launch_book.h"

#include <gtest/gtest.h>

namespace landseer::worker {
namespace {

using Keys = std::vector<AttemptKey>;

const AttemptKey kOne{1, TaskId{1}, 1};
const AttemptKey kTwo{1, TaskId{2}, 1};

Launched running(const AttemptKey& key) {
  Launched launched;
  launched.key = key;
  return launched;
}

TEST(LaunchBook, WhatANewExecutorDoesNotRunNeverCameToRun) {
  LaunchBook book;
  book.launched(kOne);
  book.launched(kTwo);
  book.connection_lost();
  EXPECT_EQ(book.settle(std::vector{running(kTwo)}), Keys{kOne});
  book.connection_lost();
  EXPECT_EQ(book.settle({}), Keys{kTwo}) << "what ran before is in doubt again";
}

TEST(LaunchBook, WhatEndedIsNotMissed) {
  LaunchBook book;
  book.launched(kOne);
  book.connection_lost();
  book.ended(kOne);
  EXPECT_EQ(book.settle({}), Keys{});
}

TEST(LaunchBook, AnInventorySaysNothingAboutLaunchesThatMayBeYounger) {
  LaunchBook book;
  book.launched(kOne);
  book.connection_lost();
  book.ended(kOne);     // the new executor says so, and the broker gives more work at once
  book.launched(kTwo);  // before its inventory arrives
  EXPECT_EQ(book.settle({}), Keys{}) << "it would be given back, and run nevertheless";
}

}  // namespace
}  // namespace landseer::worker
