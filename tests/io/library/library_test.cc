/// A libzmq that is too old: nothing is served with it, with keys or without.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "common/net/library_check.h"
#include "tests/support/temp_folder.h"

namespace landseer::net {
namespace {

TEST(Library, IsRecentEnoughOrRefused) {
  EXPECT_TRUE(check_library());
  EXPECT_TRUE(check_library({4, 3, 3}));
  EXPECT_TRUE(check_library({4, 10, 0}));
  EXPECT_TRUE(check_library({5, 0, 0}));
  for (const LibraryVersion& old : {LibraryVersion{4, 3, 2}, {4, 2, 9}, {3, 9, 9}, {0, 0, 0}}) {
    const auto refused = check_library(old);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kVersion);
  }
  EXPECT_NE(check_library({4, 3, 2}).error().message.find("libzmq is 4.3.2"), std::string::npos);
}

struct Ended {
  int code = -1;
  std::string said;
};

/// A whole program, for which libzmq is older than it is.
Ended run_with_old_library(const std::string& command) {
  const std::string line = "LD_PRELOAD=" LANDSEER_OLD_ZMQ_LIBRARY
                           " ASAN_OPTIONS=verify_asan_link_order=0 timeout 60 " LANDSEER_BINARY_DIR
                           "/" +
                           command + " 2>&1";
  FILE* const pipe = popen(line.c_str(), "r");
  Ended ended;
  char buffer[512];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) ended.said += buffer;
  ended.code = WEXITSTATUS(pclose(pipe));
  return ended;
}

TEST(Library, AnOldOneIsServedWithByNobody) {
  const test::TempFolder folder;
  const std::string home = "--state " + (folder / "state").string();
  const std::string free = "tcp://127.0.0.1:0";
  for (const std::string& command :
       {"landseer-broker " + home + " --workers-bind " + free + " --clients-bind " + free +
            " --bulk-bind " + free,
        "landseer-worker --broker tcp://127.0.0.1:9 --gpus none --runtime process --scratch " +
            (folder / "scratch").string()}) {
    const Ended ended = run_with_old_library(command);
    EXPECT_EQ(ended.code, 1) << ended.said;
    EXPECT_NE(ended.said.find("libzmq is 4.3.2"), std::string::npos) << ended.said;
    EXPECT_EQ(ended.said.find("ready"), std::string::npos) << ended.said;
  }
}

}  // namespace
}  // namespace landseer::net
