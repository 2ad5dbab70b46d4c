#include "common/domain/finish_first.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using namespace std::chrono_literals;
using testing::Graph;

/// Tasks of one CPU: their price is an eighth of their time.
constexpr std::int64_t kCpus = 8;

std::unique_ptr<PriorityScheduler> scheduler(const Graph& graph,
                                             const std::map<std::string, Duration>& times = {}) {
  auto made = graph.scheduler("finish-first");
  for (const auto& [tool, time] : times) made->expect(tool, time);
  return made;
}

/// All in the order in which one worker would run it.
std::string run_all(const Graph& graph, PriorityScheduler& scheduler) {
  std::string order;
  while (const TaskPtr task = scheduler.get_next_task()) {
    order += (order.empty() ? "" : " ") + graph.name(task);
    EXPECT_TRUE(scheduler.update_task_status(task->id, TaskStatus::kCompleted));
  }
  return order;
}

TEST(FinishFirst, FinishesOneWorkflowBeforeItBeginsTheNext) {
  const Graph graph("a b c\na b d\na e f\ng h i");
  EXPECT_EQ(run_all(graph, *scheduler(graph)), "a b c d e f g h i");
}

TEST(FinishFirst, ShowsWhatAWorkflowCostsFromHereOn) {
  const Graph graph("a b\na c");
  const auto made = scheduler(graph, {{"a", 20s}, {"b", 4s}, {"c", 8s}});
  EXPECT_EQ(graph["a"]->priority, 16'000 / kCpus);  // all three for two workflows
  EXPECT_EQ(graph["b"]->priority, 4'000 / kCpus);
  EXPECT_EQ(graph["c"]->priority, 8'000 / kCpus);
}

TEST(FinishFirst, LeavesOutWhatMakesAWorkflowDearer) {
  const Graph graph("a b\na c");
  const auto made = scheduler(graph, {{"a", 2s}, {"b", 4s}, {"c", 80s}});
  EXPECT_EQ(graph["a"]->priority, 6'000 / kCpus);
}

TEST(FinishFirst, TakesInWhatLiesBeyondASetIfItHelps) {
  // From b on, only c is worth it; from a on, which is dear anyway, d as well.
  const Graph graph("a b c\na b d");
  const auto made = scheduler(graph, {{"a", 100s}, {"b", 1s}, {"c", 1s}, {"d", 9s}});
  EXPECT_EQ(graph["b"]->priority, 2'000 / kCpus);
  EXPECT_EQ(graph["a"]->priority, 111'000 / 2 / kCpus);
}

TEST(FinishFirst, GoesOnWithWhatIsCheapestPerWorkflow) {
  const Graph graph("a x\nb y\nc z1\nc z2\nc z3");
  const auto made =
      scheduler(graph, {{"a", 9s}, {"b", 3s}, {"c", 9s}, {"x", 1s}, {"y", 1s}, {"z1", 1s}});
  EXPECT_EQ(run_all(graph, *made), "b y c z1 z2 z3 a x");
}

TEST(FinishFirst, CountsAGpuMoreThanACpu) {
  IdCounters ids;
  TaskFactory tasks(ids);
  WorkflowFactory workflows(ids);
  TaskOptions two_gpus;
  two_gpus.resources.gpus_milli = 2000;
  const SharedTask gpus = tasks.create_task(TaskType::kInTraining, {"gpus", {}}, {}, {}, two_gpus);
  const SharedTask cpu = tasks.create_task(TaskType::kInTraining, {"cpu", {}});
  const auto pipeline = *PipelineFactory(ids).create_pipeline(
      "p", {workflows.create_workflow("1", {gpus}), workflows.create_workflow("2", {cpu})});
  const auto made = *PriorityScheduler::create(pipeline, *make_policy("finish-first"));
  EXPECT_EQ(gpus->priority, 2000);
  EXPECT_EQ(cpu->priority, 125);
}

TEST(FinishFirst, LostWorkflowsNoLongerCount) {
  const Graph graph("a b\na c\nd e");
  const auto made = scheduler(graph);
  EXPECT_EQ(graph["a"]->priority, 1500 / kCpus);
  EXPECT_TRUE(made->cancel(graph["b"]->id, "test"));
  EXPECT_EQ(graph["a"]->priority, 2000 / kCpus);
  EXPECT_EQ(graph["b"]->priority, 0);
  EXPECT_TRUE(made->cancel(graph["c"]->id, "test"));
  EXPECT_EQ(graph["a"]->priority, kNoWorkflow);
  EXPECT_EQ(run_all(graph, *made), "d e a");
}

TEST(FinishFirst, ARetriedTaskCountsAgain) {
  const Graph graph("a b\na c");
  const auto made = scheduler(graph);
  EXPECT_TRUE(made->cancel(graph["b"]->id, "test"));
  EXPECT_TRUE(made->retry(graph["b"]->id));
  EXPECT_EQ(graph["a"]->priority, 1500 / kCpus);
}

TEST(FinishFirst, WhatIsFinishedCostsNothingMore) {
  const Graph graph("a b c\na d e");
  const auto made = scheduler(graph);
  ASSERT_EQ(graph.name(made->get_next_task()), "a");
  EXPECT_TRUE(made->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_EQ(graph["b"]->priority, 2000 / kCpus);
  EXPECT_EQ(graph["a"]->priority, 0);
}

TEST(FinishFirst, AWorkflowOfOneLostEvaluationCountsForNoneOfItsOthers) {
  const Graph graph("a e1<a e2<a\na f1<a f2<a");
  const auto made = scheduler(graph);
  EXPECT_EQ(graph["e1"]->priority, 2000 / kCpus);  // half a workflow
  EXPECT_TRUE(made->cancel(graph["e2"]->id, "test"));
  EXPECT_EQ(graph["e1"]->priority, kNoWorkflow);
  EXPECT_EQ(graph["f1"]->priority, 2000 / kCpus);
}

TEST(FinishFirst, WhatAJoinWaitsForSharesWhatItFinishes) {
  const Graph graph("a b< c<a,b\nd e");
  const auto made = scheduler(graph, {{"a", 2s}, {"b", 2s}, {"c", 2s}, {"d", 8s}});
  EXPECT_EQ(graph["a"]->priority, 6000 / kCpus);
  EXPECT_EQ(graph["b"]->priority, 6000 / kCpus);
  ASSERT_EQ(graph.name(made->get_next_task()), "a");
  EXPECT_TRUE(made->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_EQ(graph["b"]->priority, 4000 / kCpus);  // alone responsible now
}

TEST(FinishFirst, FollowsALongPathFirstWhenItWouldEndAlone) {
  const Graph graph("a\nb\nc\nd\nl1 l2 l3 l4");
  const auto made = scheduler(graph, {{"l1", 3s}, {"l2", 3s}, {"l3", 3s}, {"l4", 3s}});
  // One at a time, nothing ends alone; with two running, the long path does.
  EXPECT_EQ(graph.name(made->get_next_task()), "a");
  EXPECT_EQ(graph.name(made->get_next_task()), "l1");
  EXPECT_EQ(graph.name(made->get_next_task()), "b");
}

TEST(FinishFirst, UnknownToolsTakeAsLongAsTheOthers) {
  const Graph graph("a x\nb y");
  const auto made = scheduler(graph, {{"a", 30s}});
  EXPECT_EQ(graph["b"]->priority, 60'000 / kCpus);
  made->expect("b", 10s);
  EXPECT_EQ(graph["b"]->priority, 30'000 / kCpus);
  EXPECT_EQ(graph["y"]->priority, 20'000 / kCpus);
}

TEST(FinishFirst, ExpectedTimesMayBeKnownBeforeThePipeline) {
  const Graph graph("a b");
  auto policy = *make_policy("finish-first");
  Policy::Changes changed;
  policy->expect("b", 7s, changed);
  EXPECT_TRUE(changed.empty());
  const auto made = *PriorityScheduler::create(graph.pipeline, std::move(policy));
  EXPECT_EQ(graph["b"]->priority, 7000 / kCpus);
}

/// The lowest price of all sets of tasks that begin with `root`, by trying them all.
double cheapest(const std::vector<std::vector<int>>& children, const std::vector<int>& times,
                int root) {
  double best = 1e18;
  const int n = static_cast<int>(times.size());
  std::vector<int> parent(times.size(), -1);
  for (int i = 0; i < n; ++i) {
    for (const int child : children[static_cast<std::size_t>(i)]) {
      parent[static_cast<std::size_t>(child)] = i;
    }
  }
  for (unsigned set = 0; set < 1u << n; ++set) {
    if ((set >> root & 1) == 0) continue;
    double work = 0;
    int whole = 0;
    bool good = true;
    for (int i = 0; i < n && good; ++i) {
      if ((set >> i & 1) == 0) continue;
      const auto at = static_cast<std::size_t>(i);
      good = i == root || (parent[at] >= 0 && (set >> parent[at] & 1) != 0);
      work += times[at];
      whole += children[at].empty() ? 1 : 0;
    }
    if (good && whole > 0) best = std::min(best, work / whole);
  }
  return best;
}

TEST(FinishFirst, PricesOfTreesAreThoseOfTheCheapestSet) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    const int n = 2 + static_cast<int>(random() % 10);
    std::vector<std::vector<int>> children(static_cast<std::size_t>(n));
    std::vector<std::string> paths;
    std::vector<int> times;
    std::map<std::string, Duration> expected;
    for (int i = 0; i < n; ++i) {
      const int parent =
          i == 0 || random() % 5 == 0 ? -1 : static_cast<int>(random() % static_cast<unsigned>(i));
      if (parent >= 0) children[static_cast<std::size_t>(parent)].push_back(i);
      paths.push_back((parent >= 0 ? paths[static_cast<std::size_t>(parent)] : "") + " t" +
                      std::to_string(i));
      times.push_back(1 + static_cast<int>(random() % 60));
      expected["t" + std::to_string(i)] = std::chrono::seconds(times.back());
    }
    std::string text;
    for (int i = 0; i < n; ++i) {
      if (children[static_cast<std::size_t>(i)].empty())
        text += paths[static_cast<std::size_t>(i)] + "\n";
    }
    const Graph graph(text);
    const auto made = scheduler(graph, expected);
    for (int i = 0; i < n; ++i) {
      EXPECT_NEAR(static_cast<double>(graph["t" + std::to_string(i)]->priority),
                  cheapest(children, times, i) * 1000 / kCpus, 1.0)
          << "round " << round << ", t" << i << " of\n"
          << text;
    }
  }
}

/// Layers of tasks with one or two dependencies; some workflows end in several tasks.
std::string random_graph(std::mt19937& random) {
  std::string text;
  for (int line = 0; line < 12; ++line) {
    std::string last = "r" + std::to_string(random() % 3);
    text += last + "<";
    for (int layer = 0; layer < 3; ++layer) {
      const std::string next = last + std::to_string(random() % 3);
      text += " " + next + "<" + last;
      if (random() % 4 == 0) text += " " + next + "e<" + next;
      if (random() % 4 == 0) text += " " + next + "j<" + next + "," + last;
      last = next;
    }
    text += "\n";
  }
  return text;
}

std::vector<std::int64_t> priorities(const Graph& graph) {
  std::vector<std::int64_t> all;
  for (const TaskPtr& task : graph.pipeline->tasks) all.push_back(task->priority);
  return all;
}

std::vector<TaskId> ready(const PriorityScheduler& scheduler) {
  std::vector<TaskId> ids;
  for (const TaskPtr& task : scheduler.get_ready_tasks_by_priority()) ids.push_back(task->id);
  return ids;
}

class Life {
 public:
  explicit Life(std::uint32_t seed)
      : random_(seed), graph_(random_graph(random_)), scheduler_(scheduler(graph_)) {}

  void step() {
    const TaskPtr task = graph_.pipeline->tasks[random_() % graph_.pipeline->tasks.size()];
    switch (random_() % 8) {
      case 0:
        static_cast<void>(scheduler_->cancel(task->id, "test"));
        break;
      case 1:
        static_cast<void>(scheduler_->retry(task->id));
        break;
      case 2:
        static_cast<void>(scheduler_->reopen(task->id));
        break;
      case 3:
        static_cast<void>(scheduler_->complete_cached(task->id));
        break;
      case 4:
        times_[task->tool->name] = std::chrono::seconds(1 + random_() % 50);
        scheduler_->expect(task->tool->name, times_[task->tool->name]);
        break;
      case 5:
        if (random_() % 20 == 0) scheduler_->cancel_pending("test");
        break;
      default:
        run_one();
    }
  }

  /// A scheduler that was made just now sees the pipeline as this one does.
  void expect_same_anew() {
    const auto before = priorities(graph_);
    const auto order = ready(*scheduler_);
    const auto anew = scheduler(graph_, times_);
    EXPECT_EQ(priorities(graph_), before);
    EXPECT_EQ(ready(*anew), order);
  }

  std::vector<TaskId> ran;

 private:
  void run_one() {
    if (const TaskPtr next = scheduler_->get_next_task()) {
      ran.push_back(next->id);
      if (random_() % 5 == 0) {
        static_cast<void>(scheduler_->requeue(next->id));
        return;
      }
      const bool good = random_() % 8 != 0;
      EXPECT_TRUE(scheduler_->update_task_status(
          next->id, good ? TaskStatus::kCompleted : TaskStatus::kFailed));
    }
  }

  std::mt19937 random_;
  Graph graph_;
  std::unique_ptr<PriorityScheduler> scheduler_;
  std::map<std::string, Duration> times_;
};

TEST(FinishFirst, ItDoesNotMatterHowAPipelineCameToWhereItIs) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    Life life(seed);
    for (int i = 0; i < 60; ++i) {
      life.step();
      life.expect_same_anew();
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << i;
    }
  }
}

TEST(FinishFirst, StatusesThatAreReadAnewGiveTheSameOrder) {
  const Graph graph("a b c\na b d\ne f g");
  const auto made = scheduler(graph, {{"a", 5s}});
  graph["a"]->status = TaskStatus::kCompleted;
  made->reload_statuses();
  EXPECT_EQ(run_all(graph, *made), "b c d e f g");
}

TEST(FinishFirst, TheSameLifeGivesTheSameOrder) {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    Life one(seed);
    Life two(seed);
    for (int i = 0; i < 200; ++i) one.step();
    for (int i = 0; i < 200; ++i) two.step();
    EXPECT_EQ(one.ran, two.ran);
    EXPECT_FALSE(one.ran.empty());
  }
}

}  // namespace
}  // namespace landseer::domain
