#include "common/domain/types.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "common/domain/combined_status.h"

namespace landseer::domain {
namespace {

constexpr std::array kAll{TaskStatus::kPending, TaskStatus::kRunning, TaskStatus::kCompleted,
                          TaskStatus::kFailed,  TaskStatus::kSkipped, TaskStatus::kCancelled};

TEST(Types, TextsAreReadBack) {
  for (const TaskStatus status : kAll) EXPECT_EQ(parse_task_status(to_string(status)), status);
  for (const char* text :
       {"pre_training", "in_training", "post_training", "deployment", "evaluation"}) {
    ASSERT_TRUE(parse_task_type(text)) << text;
    EXPECT_EQ(to_string(*parse_task_type(text)), text);
  }
  EXPECT_FALSE(parse_task_type("during_training"));
  EXPECT_EQ(stage_key(TaskType::kInTraining), "during_training");
}

TEST(Types, OnlyTheListedTransitionsAreLegal) {
  using S = TaskStatus;
  const std::array<std::pair<S, S>, 12> legal{{{S::kPending, S::kRunning},
                                               {S::kPending, S::kCompleted},
                                               {S::kPending, S::kSkipped},
                                               {S::kPending, S::kCancelled},
                                               {S::kRunning, S::kCompleted},
                                               {S::kRunning, S::kFailed},
                                               {S::kRunning, S::kCancelled},
                                               {S::kRunning, S::kPending},
                                               {S::kCompleted, S::kPending},
                                               {S::kFailed, S::kPending},
                                               {S::kSkipped, S::kPending},
                                               {S::kCancelled, S::kPending}}};
  for (const S from : kAll) {
    for (const S to : kAll) {
      const bool listed = std::find(legal.begin(), legal.end(), std::pair{from, to}) != legal.end();
      EXPECT_EQ(is_legal_transition(from, to), listed) << to_string(from) << to_string(to);
    }
  }
}

TEST(TaskStatuses, TogetherAreTheWorstOfThem) {
  using S = TaskStatus;
  const auto combined = [](std::vector<S> statuses) { return combined_status(statuses); };
  EXPECT_EQ(combined({}), S::kCompleted);
  EXPECT_EQ(combined({S::kCompleted, S::kPending}), S::kPending);
  EXPECT_EQ(combined({S::kPending, S::kRunning, S::kCompleted}), S::kRunning);
  EXPECT_EQ(combined({S::kRunning, S::kSkipped}), S::kFailed) << "skipped counts as failed";
  EXPECT_EQ(combined({S::kSkipped, S::kCancelled}), S::kCancelled) << "which is why";
  EXPECT_EQ(combined({S::kCancelled, S::kFailed, S::kRunning}), S::kFailed);
}

}  // namespace
}  // namespace landseer::domain
