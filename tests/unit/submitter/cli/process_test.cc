#include "submitter/cli/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "submitter/cli/up_file.h"

namespace landseer::cli {
namespace {

class Processes : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "landseer-XXXXXX").string();
    home_ = mkdtemp(pattern.data());
    setenv("LANDSEER_HOME", home_.c_str(), 1);
  }
  void TearDown() override {
    std::filesystem::remove_all(home_);
    unsetenv("LANDSEER_HOME");
  }
  Result<Started> start(const std::string& script) {
    return start_in_background({"/bin/sh", "-c", script}, home_ + "/log", std::chrono::seconds(20));
  }
  std::string home_;
};

TEST_F(Processes, StartedOneIsKnownUntilItIsEnded) {
  const auto started = start("echo ready tcp://h:1; exec sleep 600");
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_EQ(started->ready_line, "ready tcp://h:1");
  EXPECT_TRUE(is_alive(started->process));
  EXPECT_EQ(getsid(static_cast<pid_t>(started->process.pid)), started->process.pid);
  const auto endings = end_processes({started->process}, std::chrono::seconds(20));
  EXPECT_EQ(endings, std::vector{Ending::kEnded});
  EXPECT_FALSE(is_alive(started->process));
  waitpid(static_cast<pid_t>(started->process.pid), nullptr, 0);
}

TEST_F(Processes, OneThatIgnoresTheRequestIsKilled) {
  const auto started = start("trap '' TERM; echo ready; while :; do read x < /dev/zero; done");
  ASSERT_TRUE(started) << started.error().to_string();
  const auto endings = end_processes({started->process}, std::chrono::milliseconds(100));
  EXPECT_EQ(endings, std::vector{Ending::kKilled});
  waitpid(static_cast<pid_t>(started->process.pid), nullptr, 0);
}

TEST_F(Processes, OneThatEndsBeforeItIsReadyIsReportedWithItsLog) {
  const auto started = start("echo 'the port is taken' >&2; exit 1");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kIo);
  EXPECT_NE(started.error().message.find("the port is taken"), std::string::npos);
  EXPECT_EQ(started.error().where, home_ + "/log");
}

TEST_F(Processes, AnAbsentProgramIsReported) {
  const auto started =
      start_in_background({home_ + "/absent"}, home_ + "/log", std::chrono::seconds(20));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().where, home_ + "/absent");
}

TEST_F(Processes, ANumberUsedAgainIsNotTheSameProcess) {
  ProcessRef other{getpid(), 1};
  EXPECT_FALSE(is_alive(other));
  EXPECT_EQ(end_processes({other}, std::chrono::seconds(1)), std::vector{Ending::kWasGone});
}

TEST_F(Processes, TheUpFileReadsBackWhatWasWritten) {
  EXPECT_TRUE(read_up_file().value().empty());
  const std::vector<Service> services{{"broker", {12, 34}, "tcp://h:1", "/log"},
                                      {"worker-1", {56, 78}, "tcp://h:2", "/log2"}};
  ASSERT_TRUE(write_up_file(services));
  EXPECT_EQ(read_up_file().value(), services);
  remove_up_file();
  EXPECT_TRUE(read_up_file().value().empty());
}

TEST_F(Processes, OnlyOneUpOrDownAtATime) {
  const auto lock = UpLock::take();
  ASSERT_TRUE(lock) << lock.error().to_string();
  EXPECT_EQ(UpLock::take().error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace landseer::cli
