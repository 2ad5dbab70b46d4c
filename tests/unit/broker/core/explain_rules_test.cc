/// What is said agrees with what placement does, whatever the cluster and the requests: both by a
/// seed.
#include <memory>
#include <random>
#include <set>

#include "tests/unit/broker/core/explain_fixture.h"

namespace landseer::broker::testing {
namespace {

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {
    Settings settings = BrokerHarness::make_settings(120s);
    settings.shared_resources = {{"matlab", 3}};
    harness_ = std::make_unique<BrokerHarness>(settings);
    harness_->take_snapshots = false;
  }

  void step() {
    switch (below(7)) {
      case 0:
      case 1:
        if (workers_.size() < 8) return connect();
        [[fallthrough]];
      case 2:
      case 3:
        harness_->submit(asking("t" + std::to_string(submissions_++), options()));
        return;
      case 4:
        if (!workers_.empty()) drains(any_worker().name, below(2) == 0)(*harness_);
        return;
      default:
        if (workers_.empty()) return;
        FakeWorker& worker = any_worker();
        if (!worker.assigned.empty()) {
          harness_->finish(worker, below(8) == 0 ? Outcome::kReturned : Outcome::kSucceeded);
        }
    }
  }

  /// Of every ready task.
  void check() {
    const State& state = harness_->broker.state();
    ASSERT_FALSE(state.placement_due);
    for (const auto& [id, worker] : state.workers.all()) {
      ASSERT_EQ(worker.takes_work(), worker.why_refused().kind.empty());
    }
    if (state.workers.size() == 0) return;
    std::vector<TaskId> ready;
    for (const auto& [id, record] : state.pipelines.all()) {
      for (const auto& task : record->scheduler->get_ready_tasks_by_priority()) {
        ready.push_back(task->id);
      }
    }
    for (const TaskId id : ready) check_task(id);
  }

  std::uint64_t impossible() const { return impossible_; }
  std::uint64_t waiting() const { return waiting_; }

 private:
  void check_task(TaskId id) {
    const auto why = explain(*harness_, number(id));
    const State& state = harness_->broker.state();
    const FoundTask found = *state.pipelines.find_task(id);
    const Request& request = state.requests.at(found.task->request);
    const auto& workers = state.workers.all();
    const bool there_is_enough =
        std::all_of(request.shared.begin(), request.shared.end(), [&](const auto& wanted) {
          return state.requests.shared().at(wanted.name) >= wanted.amount;
        });
    const bool can = there_is_enough &&
                     std::any_of(workers.begin(), workers.end(),
                                 [&](const auto& entry) { return entry.second.can_run(request); });
    const bool said = why.summary.find("no known worker can ever run") != std::string::npos;
    EXPECT_EQ(said, !can) << to_string(id) << ": " << why.summary;
    EXPECT_EQ(why.change_kind == "request", said);
    ++(can ? waiting_ : impossible_);
    std::set<std::string> named;
    std::size_t count = 0;
    bool is_shared = false;
    for (const auto& condition : why.conditions) {
      is_shared = is_shared || condition.count == 0;
      if (condition.count > 0 && named.insert(condition.workers.front()).second) {
        count += condition.count;
      }
    }
    // Else placement would have taken it there.
    EXPECT_TRUE(is_shared || count == workers.size())
        << to_string(id) << " has no reason at some worker: " << why.summary;
    EXPECT_EQ(why.summary.find("its turn comes next"), std::string::npos);
  }

  void connect() {
    protocol::Hello& offer = harness_->offer;
    offer.gpus.clear();
    for (std::uint32_t i = 0; i < below(4); ++i) {
      const bool is_large = below(2) == 0;
      offer.gpus.push_back({i, is_large ? "A100" : "T4", is_large ? 80u : 16u, "", ""});
    }
    offer.memory_bytes = 4 + below(12);
    offer.scratch_bytes = below(8);
    offer.tasks_max = below(3) == 0 ? static_cast<std::uint32_t>(1 + below(2)) : 0;
    offer.labels.clear();
    if (below(2) == 0) offer.labels["zone"] = below(2) == 0 ? "a" : "b";
    offer.named.clear();
    if (below(2) == 0) offer.named = {{"licence", 1 + below(3)}};
    const std::string name = "w" + std::to_string(workers_.size());
    harness_->worker(name, static_cast<std::uint32_t>(1 + below(6)));
    workers_.push_back(name);
  }

  OptionsEntry options() {
    OptionsEntry options;
    options.cpus_milli = static_cast<std::uint32_t>(500 * (1 + below(12)));
    options.gpus_milli = below(2) == 0 ? 0 : static_cast<std::uint32_t>(500 * below(7));
    options.memory_bytes = below(10);
    options.scratch_bytes = below(3) == 0 ? below(8) : 0;
    if (below(4) == 0) options.gpu_memory_bytes = 20;
    if (below(4) == 0) options.gpu_model = "t4";
    if (below(4) == 0) options.labels = {{"zone", 1, {"a"}}};
    if (below(4) == 0) options.named.push_back({"licence", 1 + below(2)});
    if (below(5) == 0) options.named.push_back({"matlab", 1 + below(4)});
    if (below(2) == 0) options.time_estimate_ms = 1000 * (1 + below(1000));
    return options;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  FakeWorker& any_worker() { return harness_->workers[workers_[below(workers_.size())]]; }

  std::mt19937 random_;
  std::unique_ptr<BrokerHarness> harness_;
  std::vector<std::string> workers_;
  int submissions_ = 0;
  std::uint64_t impossible_ = 0;
  std::uint64_t waiting_ = 0;
};

TEST(ExplainRules, WhatIsSaidIsWhatPlacementDoes) {
  std::uint64_t impossible = 0;
  std::uint64_t waiting = 0;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    Random cluster(seed);
    for (int i = 0; i < 40; ++i) {
      cluster.step();
      cluster.check();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << i;
    }
    impossible += cluster.impossible();
    waiting += cluster.waiting();
  }
  EXPECT_GT(impossible, 100u);
  EXPECT_GT(waiting, 100u);
}

}  // namespace
}  // namespace landseer::broker::testing
