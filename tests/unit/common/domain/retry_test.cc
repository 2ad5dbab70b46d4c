/// Tasks that are over become pending again.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using testing::Graph;

void end(PriorityScheduler& scheduler, const TaskPtr& task, TaskStatus status) {
  ASSERT_TRUE(scheduler.start(task->id));
  ASSERT_TRUE(scheduler.update_task_status(task->id, status, "because of the test"));
}

std::set<std::string> names(const Graph& graph, const std::vector<TaskPtr>& tasks) {
  std::set<std::string> all;
  for (const TaskPtr& task : tasks) all.insert(graph.name(task));
  return all;
}

TEST(Retry, BringsTheFailedTaskAndWhatItSkippedBack) {
  const Graph graph("a b c\na d");
  const auto scheduler = graph.scheduler();
  end(*scheduler, graph["a"], TaskStatus::kFailed);
  ASSERT_TRUE(scheduler->is_complete());
  ASSERT_EQ(graph["c"]->status, TaskStatus::kSkipped);
  const auto retried = scheduler->retry(graph["a"]->id);
  ASSERT_TRUE(retried) << retried.error().to_string();
  EXPECT_EQ(names(graph, *retried), (std::set<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(retried->front(), graph["a"]);
  EXPECT_EQ(scheduler->get_progress().pending, 4u);
  EXPECT_EQ(scheduler->ready_count(), 1u);
  EXPECT_EQ(graph["b"]->reason, "");
  for (const char* name : {"a", "b", "c", "d"})
    end(*scheduler, graph[name], TaskStatus::kCompleted);
  EXPECT_TRUE(scheduler->is_complete());
}

TEST(Retry, WhatAlsoDependsOnAnotherLostTaskStaysSkipped) {
  const Graph graph("a c<a e\nb< d<a,b f");
  const auto scheduler = graph.scheduler();
  end(*scheduler, graph["a"], TaskStatus::kFailed);
  ASSERT_TRUE(scheduler->cancel(graph["b"]->id, "by a user"));
  EXPECT_EQ(names(graph, *scheduler->retry(graph["a"]->id)),
            (std::set<std::string>{"a", "c", "e"}));
  EXPECT_EQ(graph["d"]->status, TaskStatus::kSkipped);
  EXPECT_EQ(names(graph, *scheduler->retry(graph["b"]->id)),
            (std::set<std::string>{"b", "d", "f"}));
}

TEST(Retry, OfASkippedTaskNamesTheOneToRetryInstead) {
  const Graph graph("a b c");
  const auto scheduler = graph.scheduler();
  end(*scheduler, graph["a"], TaskStatus::kFailed);
  const auto refused = scheduler->retry(graph["c"]->id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find(to_string(graph["a"]->id)), std::string::npos);
  EXPECT_NE(refused.error().hint.find(to_string(graph["a"]->id)), std::string::npos);
  EXPECT_EQ(graph["c"]->status, TaskStatus::kSkipped);
}

TEST(Retry, OfATaskThatIsNotOverOrCompletedIsRefused) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  EXPECT_FALSE(scheduler->retry(graph["a"]->id)) << "pending";
  ASSERT_TRUE(scheduler->start(graph["a"]->id));
  EXPECT_FALSE(scheduler->retry(graph["a"]->id)) << "running";
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_FALSE(scheduler->retry(graph["a"]->id)) << "completed";
  EXPECT_EQ(scheduler->retry(TaskId{99}).error().code, ErrorCode::kNotFound);
}

TEST(Retry, AHeldTaskThatWasCancelledIsReadyAtOnce) {
  const Graph graph("a");
  const auto scheduler = graph.scheduler();
  ASSERT_TRUE(scheduler->start(graph["a"]->id));
  ASSERT_TRUE(scheduler->requeue(graph["a"]->id, /*held=*/true));
  scheduler->cancel_pending("by a user");
  ASSERT_TRUE(scheduler->retry(graph["a"]->id));
  EXPECT_TRUE(scheduler->is_ready(graph["a"]->id));
}

TEST(Retry, AllTakesTheFailedAndOnlyIfWantedTheCancelled) {
  for (const bool cancelled : {false, true}) {
    const Graph graph("a b\nc d");
    const auto scheduler = graph.scheduler();
    end(*scheduler, graph["a"], TaskStatus::kFailed);
    ASSERT_TRUE(scheduler->cancel(graph["c"]->id, "by a user"));
    const auto wanted =
        cancelled ? std::set<std::string>{"a", "b", "c", "d"} : std::set<std::string>{"a", "b"};
    EXPECT_EQ(names(graph, scheduler->retryable_all(cancelled)), wanted);
    EXPECT_EQ(names(graph, scheduler->retry_all(cancelled)), wanted);
  }
}

/// Random graphs and random lives; after every step the scheduler must agree with what the
/// statuses alone say.
class RandomLife {
 public:
  explicit RandomLife(unsigned seed)
      : random_(seed), graph_(make_graph()), scheduler_(graph_.scheduler()) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      check();
      if (::testing::Test::HasFailure()) return;
    }
  }

 private:
  std::string make_graph() {
    std::string text;
    const unsigned count = static_cast<unsigned>(3 + random_() % 10);
    for (unsigned i = 0; i < count; ++i) {
      text += "t" + std::to_string(i) + "<";
      for (unsigned j = 0, added = 0; j < i; ++j) {
        if (random_() % 3 == 0) text += (added++ > 0 ? ",t" : "t") + std::to_string(j);
      }
      text += "\n";
    }
    return text;
  }

  TaskPtr any() { return tasks()[random_() % tasks().size()]; }
  const std::vector<TaskPtr>& tasks() const { return graph_.pipeline->tasks; }

  void step() {
    const TaskPtr task = any();
    switch (random_() % 8) {
      case 0:
      case 1:
        static_cast<void>(scheduler_->start(task->id));
        break;
      case 2:
        static_cast<void>(scheduler_->update_task_status(task->id, TaskStatus::kCompleted));
        break;
      case 3:
        static_cast<void>(scheduler_->update_task_status(task->id, TaskStatus::kFailed, "x"));
        break;
      case 4:
        static_cast<void>(scheduler_->requeue(task->id, random_() % 2 == 0));
        break;
      case 5:
        static_cast<void>(scheduler_->cancel(task->id, "x"));
        break;
      case 6:
        static_cast<void>(scheduler_->release(task->id));
        break;
      default:
        retry(task);
    }
  }

  static bool is_lost(TaskStatus status) {
    return is_terminal(status) && status != TaskStatus::kCompleted;
  }
  bool has_lost_dependency(const TaskPtr& task, const std::set<TaskId>& revived) const {
    return std::any_of(task->dependencies.begin(), task->dependencies.end(), [&](TaskId id) {
      return !revived.contains(id) && is_lost(scheduler_->find_task(id)->status);
    });
  }

  /// The rule, word by word: again and again until nothing joins.
  std::set<TaskId> expected(std::set<TaskId> revived, const std::set<TaskStatus>& wanted) const {
    for (bool grown = true; grown;) {
      grown = false;
      for (const TaskPtr& each : tasks()) {
        if (wanted.contains(each->status) && !has_lost_dependency(each, revived)) {
          grown = revived.insert(each->id).second || grown;
        }
      }
    }
    return revived;
  }

  void retry(const TaskPtr& task) {
    std::set<TaskId> wanted;
    std::vector<TaskPtr> got;
    if (random_() % 4 == 0) {
      const bool cancelled = random_() % 2 == 0;
      std::set<TaskStatus> statuses{TaskStatus::kFailed, TaskStatus::kSkipped};
      if (cancelled) statuses.insert(TaskStatus::kCancelled);
      wanted = expected({}, statuses);
      got = scheduler_->retry_all(cancelled);
    } else {
      const bool legal = is_lost(task->status) && !has_lost_dependency(task, {});
      if (legal) wanted = expected({task->id}, {TaskStatus::kSkipped});
      auto retried = scheduler_->retry(task->id);
      EXPECT_EQ(retried.has_value(), legal);
      if (retried) got = *retried;
    }
    std::set<TaskId> ids;
    for (const TaskPtr& each : got) {
      EXPECT_EQ(each->status, TaskStatus::kPending);
      ids.insert(each->id);
    }
    EXPECT_EQ(ids, wanted);
    EXPECT_EQ(ids.size(), got.size());
  }

  void check() const {
    Progress counted;
    for (const TaskPtr& task : tasks()) {
      ++counted.total;
      if (task->status == TaskStatus::kPending) ++counted.pending;
      bool all_completed = true;
      for (const TaskId id : task->dependencies) {
        all_completed =
            all_completed && scheduler_->find_task(id)->status == TaskStatus::kCompleted;
      }
      const bool pending = task->status == TaskStatus::kPending;
      EXPECT_EQ(scheduler_->is_ready(task->id),
                pending && all_completed && !scheduler_->is_held(task->id));
      EXPECT_FALSE(pending && has_lost_dependency(task, {})) << "nobody waits in vain";
    }
    EXPECT_EQ(scheduler_->get_progress().total, counted.total);
    EXPECT_EQ(scheduler_->get_progress().pending, counted.pending);
    EXPECT_EQ(scheduler_->ready_count(), scheduler_->get_ready_tasks_by_priority().size());
  }

  std::mt19937 random_;
  Graph graph_;
  std::unique_ptr<PriorityScheduler> scheduler_;
};

TEST(Retry, FollowsItsRuleInRandomLives) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    RandomLife(seed).run(80);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace landseer::domain
