#include "broker/core/records.h"

#include <gtest/gtest.h>

namespace landseer::broker {
namespace {

std::vector<Record> examples() {
  protocol::AttemptResult result;
  result.task = TaskId{3};
  result.attempt = 2;
  result.outcome = protocol::Outcome::kTimeout;
  result.reason = "time limit";
  result.artifact = sha256("x");
  return {PipelineAdded{PipelineId{1}, 1700, sha256("body"), ""},
          WorkerAdded{"uid", "name"},
          AttemptAssigned{{5, TaskId{3}, 2}, WorkerId{1}, 1701},
          AttemptEnded{result, Decision::kFail, "time limit", 0, 1702, "NVIDIA H100"},
          TaskReopened{TaskId{3}, true},
          TaskKept{TaskId{3}, 1703},
          TaskFailed{TaskId{3}, "gone", 1703},
          CancelRequested{PipelineId{1}, TaskId{}, 1703},
          PipelineForgotten{PipelineId{1}},
          WorkerForgotten{WorkerId{1}},
          RetryRequested{PipelineId{}, TaskId{3}, 1704},
          PauseChanged{PipelineId{1}, true, 1705},
          WorkerDrained{WorkerId{1}, true, true, 1706},
          WorkerBound{WorkerId{1}, "key"}};
}

TEST(Records, SurviveEncoding) {
  for (const Record& record : examples()) {
    const auto copy = decode_record(encode_record(record));
    ASSERT_TRUE(copy) << copy.error().to_string();
    EXPECT_EQ(*copy, record);
  }
}

TEST(Records, EveryTruncationIsAnError) {
  for (const Record& record : examples()) {
    const std::string bytes = encode_record(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_record(std::string_view(bytes).substr(0, size)));
    }
    EXPECT_FALSE(decode_record(bytes + "x"));
  }
}

}  // namespace
}  // namespace landseer::broker
