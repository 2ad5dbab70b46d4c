#include "submitter/client/selector.h"

#include <gtest/gtest.h>

namespace landseer::client {
namespace {

std::vector<protocol::PipelineRow> rows(const std::vector<std::string>& names) {
  std::vector<protocol::PipelineRow> all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    protocol::PipelineRow row;
    row.pipeline = PipelineId{i + 1};
    row.name = names[i];
    all.push_back(row);
  }
  return all;
}

const auto kRows = rows({"digits", "trades", "digits", "a,b", "last"});

std::vector<std::uint64_t> selected(std::string_view text) {
  const auto ids = select_pipelines(text, kRows);
  std::vector<std::uint64_t> numbers;
  if (ids) {
    for (const PipelineId id : *ids) numbers.push_back(number(id));
  }
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST(Selector, AcceptsIdsInBothForms) {
  EXPECT_EQ(selected("3"), Numbers{3});
  EXPECT_EQ(selected("pipeline_3"), Numbers{3});
}

TEST(Selector, WorkflowsAreRangesOfIds) {
  using Range = protocol::WorkflowRange;
  const auto ranges = select_workflows("workflow_7-9,workflow_12,14-workflow_15");
  ASSERT_TRUE(ranges);
  EXPECT_EQ(*ranges, (std::vector<Range>{{WorkflowId{7}, WorkflowId{9}},
                                         {WorkflowId{12}, WorkflowId{12}},
                                         {WorkflowId{14}, WorkflowId{15}}}));
  for (const char* bad : {"workflow_", "workflow_x", "workflow_1-", "workflow_1,,2", "task_7"}) {
    const auto refused = select_workflows(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  }
}

TEST(Selector, LastIsTheNewest) { EXPECT_EQ(selected("last"), Numbers{5}); }

TEST(Selector, RangesAndListsKeepTheirOrderAndAreDistinct) {
  EXPECT_EQ(selected("4,1-3,2"), (Numbers{4, 1, 2, 3}));
  EXPECT_EQ(selected("pipeline_1-pipeline_2,last"), (Numbers{1, 2, 5}));
}

TEST(Selector, AUniqueNameIsEnoughAndMayHoldAComma) {
  EXPECT_EQ(selected("trades"), Numbers{2});
  EXPECT_EQ(selected("a,b"), Numbers{4});
}

TEST(Selector, ANameOfSeveralIsAnErrorThatListsThem) {
  const auto ids = select_pipelines("digits", kRows);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::kInvalid);
  EXPECT_NE(ids.error().message.find("pipeline_1, pipeline_3"), std::string::npos);
}

TEST(Selector, WhatDoesNotExistIsNotFound) {
  for (const char* text : {"9", "pipeline_9", "1-9", "1,9", "nothing", "3,"}) {
    const auto ids = select_pipelines(text, kRows);
    ASSERT_FALSE(ids) << text;
    EXPECT_EQ(ids.error().code, ErrorCode::kNotFound) << text;
  }
}

TEST(Selector, AMisspeltNameIsAnsweredWithTheNearest) {
  EXPECT_EQ(select_pipelines("trads", kRows).error().hint, "did you mean 'trades'?");
}

TEST(Selector, ABackwardRangeIsInvalid) {
  EXPECT_EQ(select_pipelines("3-1", kRows).error().code, ErrorCode::kInvalid);
}

TEST(Selector, LastOfNothingIsNotFound) {
  EXPECT_EQ(select_pipelines("last", {}).error().code, ErrorCode::kNotFound);
}

TEST(Selector, OnePipelineWhereOneIsWanted) {
  EXPECT_EQ(select_pipeline("last", kRows).value(), PipelineId{5});
  EXPECT_EQ(select_pipeline("1-2", kRows).error().code, ErrorCode::kInvalid);
}

TEST(Selector, Tasks) {
  EXPECT_EQ(select_task("task_7").value(), TaskId{7});
  EXPECT_EQ(select_task("7").value(), TaskId{7});
  for (const char* text : {"", "0", "task_", "pipeline_7", "7x", "-1"}) {
    EXPECT_EQ(select_task(text).error().code, ErrorCode::kInvalid) << text;
  }
}

}  // namespace
}  // namespace landseer::client
