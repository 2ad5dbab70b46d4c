#include "submitter/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "submitter/cli/text_width.h"

namespace landseer::cli {
namespace {

protocol::PipelineRow sample_row() {
  protocol::PipelineRow row;
  row.pipeline = PipelineId{3};
  row.name = "digits";
  row.total = 240;
  row.completed = 130;
  row.failed = 7;
  row.running = 4;
  row.cached = 12;
  row.eta_ms = 185'000;
  row.submitted_at = 1'000;
  return row;
}

Instant at_seconds(std::int64_t seconds) { return {seconds * 1'000'000'000}; }

TEST(Progress, OneLine) {
  EXPECT_EQ(progress_line(sample_row()),
            "pipeline_3 'digits' running 57% 137/240 ended, 4 running, 7 failed, 12 cached, "
            "eta 3m05s");
}

TEST(Progress, WhatRulesDidIsShown) {
  std::ostringstream stream;
  const Screen screen{stream};
  protocol::PipelineStatus status;
  status.row = sample_row();
  status.row.cancelled = 12;
  status.row.pruned = 10;
  status.row.priority = -3;
  status.prunings = {{"clean < 0.5", 2, 10, 7'500'000, 3'600'000, 1},
                     {"stop_after 5", 0, 0, 0, 0, 0}};
  std::string text;
  for (const std::string& line : progress_lines(screen, status, WallTime{61'000})) {
    text += line + "\n";
  }
  EXPECT_NE(text.find("2 cancelled, 10 pruned"), std::string::npos) << text;
  EXPECT_NE(text.find("priority -3"), std::string::npos) << text;
  EXPECT_NE(
      text.find("clean < 0.5: held 2 times, 10 tasks pruned, about 2h05m saved, 1h00m of GPUs, "
                "1 of unknown length"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("stop_after 5: did not hold so far"), std::string::npos) << text;
}

TEST(Progress, TheNameCannotSteerTheTerminal) {
  auto row = sample_row();
  row.name = "a\x1b[2Jb\n";
  EXPECT_EQ(progress_line(row).find('\x1b'), std::string::npos);
  EXPECT_EQ(progress_line(row).find('\n'), std::string::npos);
}

TEST(Progress, HundredPercentOnlyWhenAllHasEnded) {
  auto row = sample_row();
  row.total = 1000;
  row.completed = 992;
  EXPECT_EQ(percent_ended(row), 99u);
  row.completed = 993;
  EXPECT_EQ(percent_ended(row), 100u);
}

TEST(Progress, BarIsAsWideAsAsked) {
  std::ostringstream stream;
  const Screen screen{stream};
  auto row = sample_row();
  row.total = 4;
  row.completed = 1;
  row.failed = 0;
  EXPECT_EQ(progress_bar(screen, row, 10), "[##......]");
}

TEST(Progress, LinesFitTheScreenAndShowStagesAndNotices) {
  std::ostringstream stream;
  protocol::PipelineStatus status;
  status.row = sample_row();
  status.stages = {{1, 20, 1, 19, 0}, {5, 0, 0, 0, 0}, {2, 220, 3, 111, 7}};
  status.notices = {"no worker is connected; start one with landseer-worker"};
  for (const std::size_t width : {20u, 40u, 80u, 200u}) {
    const Screen screen{stream, true, false, false, width};
    for (const std::string& line : progress_lines(screen, status, {60'000})) {
      EXPECT_LE(display_width(line), width) << line;
    }
  }
  const auto lines = progress_lines(Screen{stream}, status, {60'000});
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[3], "  pre_training       19/20, 1 running");
  EXPECT_EQ(lines[4], "  in_training       111/220, 3 running, 7 not completed");
  EXPECT_EQ(lines[5], "  ! no worker is connected; start one with landseer-worker");
}

TEST(ProgressFilter, LinesForStatesTenPercentAndThirtySeconds) {
  ProgressFilter filter;
  auto row = sample_row();
  EXPECT_TRUE(filter.is_due(row, at_seconds(1)));
  EXPECT_FALSE(filter.is_due(row, at_seconds(2)));
  row.completed = 136;  // 59 %
  EXPECT_FALSE(filter.is_due(row, at_seconds(3)));
  row.completed = 137;  // 60 %
  EXPECT_TRUE(filter.is_due(row, at_seconds(4)));
  EXPECT_FALSE(filter.is_due(row, at_seconds(33)));
  EXPECT_TRUE(filter.is_due(row, at_seconds(34)));
  row.state = protocol::PipelineState::kFailed;
  EXPECT_TRUE(filter.is_due(row, at_seconds(35)));
}

TEST(ProgressView, RedrawsInPlaceOnATerminalOnly) {
  protocol::PipelineStatus status;
  status.row = sample_row();
  std::ostringstream plain;
  const Screen log{plain};
  ProgressView lines(log);
  lines.show(status, {at_seconds(1), {1}});
  lines.show(status, {at_seconds(2), {2}});
  EXPECT_EQ(plain.str(), progress_line(status.row) + "\n");

  std::ostringstream live;
  const Screen terminal{live, true, false, false, 80};
  ProgressView view(terminal);
  view.show(status, {at_seconds(1), {1}});
  EXPECT_EQ(live.str().find('\x1b'), std::string::npos);
  view.show(status, {at_seconds(2), {2}});
  EXPECT_NE(live.str().find("\x1b[3A"), std::string::npos);
}

}  // namespace
}  // namespace landseer::cli
