/// What placement promises, whatever comes: a cluster in virtual time with unlike workers and
/// unlike tasks, all by a seed. Rules: docs/architecture.md, "Placement".
#include <gtest/gtest.h>

#include <random>

#include "broker/core/broker.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

using namespace std::chrono_literals;

struct Live {
  WorkerId worker{};
  TaskId task{};
  std::uint32_t attempt = 0;
  protocol::WorkSpec spec;
};

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed, const Settings& settings = shared_settings())
      : random_(seed), core_(settings) {
    now_.instant = Instant{1'000'000'000};
    now_.wall = WallTime{1'700'000'000'000};
  }

  static Settings shared_settings() {
    Settings settings;
    settings.shared_resources = {{"matlab", 3}};
    return settings;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void add_worker(protocol::Hello hello) {
    const PeerId peer{100 + ++workers_};
    hello.uid = hello.name = "w" + std::to_string(workers_);
    hello.instance = 1;
    hello.runtimes = {"process"};
    core_.handle(FromWorkerPeer{peer, hello}, now_, out_);
    settle();
  }

  void add_random_worker() {
    protocol::Hello hello;
    hello.cpus_milli = static_cast<std::uint32_t>(1000 * (2 + below(7)));
    hello.memory_bytes = 4 + below(13);
    hello.scratch_bytes = below(10);
    for (std::uint32_t i = 0; i < below(5); ++i) {
      const bool large = below(2) == 0;
      hello.gpus.push_back({i, large ? "A100" : "T4", large ? 80u : 16u, "", ""});
    }
    if (below(2) == 0) hello.labels["zone"] = below(2) == 0 ? "a" : "b";
    if (below(2) == 0) hello.named = {{"licence", 1 + below(3)}};
    if (below(3) == 0) hello.tasks_max = static_cast<std::uint32_t>(1 + below(3));
    add_worker(std::move(hello));
  }

  protocol::OptionsEntry random_options() {
    protocol::OptionsEntry options;
    options.cpus_milli = static_cast<std::uint32_t>(500 * (1 + below(12)));
    options.gpus_milli = static_cast<std::uint32_t>(below(2) == 0 ? 0 : 500 * below(8));
    options.memory_bytes = below(8);
    options.scratch_bytes = below(3) == 0 ? below(8) : 0;
    if (below(4) == 0) options.gpu_memory_bytes = 20;
    if (below(4) == 0) options.gpu_model = "t4";
    if (below(4) == 0) options.labels = {{"zone", 1, {"a"}}};
    if (below(4) == 0) options.named.push_back({"licence", 1 + below(2)});
    if (below(4) == 0) options.named.push_back({"matlab", 1 + below(3)});
    options.timeout_ms = 1000 * (60 + below(600));
    if (below(2) == 0) options.time_estimate_ms = 1 + below(options.timeout_ms);
    return options;
  }

  PipelineId submit(const std::vector<protocol::OptionsEntry>& tasks, std::int64_t priority = 0) {
    protocol::Submission s;
    s.submission_id = s.name = "p" + std::to_string(++submissions_);
    s.priority = priority;
    s.use_cache = false;
    for (std::uint32_t i = 0; i < tasks.size(); ++i) {
      s.tools.push_back({s.name + "tool" + std::to_string(i % 7), "", "run", {}, false});
      s.configs.push_back("{\"n\":" + std::to_string(i) + "}");
      s.options.push_back(tasks[i]);
      s.tasks.push_back({1, i, i, i, {}});
      s.workflows.push_back({"w", {i}});
    }
    core_.handle(FromClientPeer{PeerId{7}, 1,
                                protocol::SubmitChunk{s.submission_id, 0, true,
                                                      protocol::encode_submission(s)}},
                 now_, out_);
    const PipelineId id{submissions_};
    EXPECT_NE(core_.state().pipelines.find(id), nullptr) << "the submission is good";
    settle();
    return id;
  }

  /// Ends the attempt that ends first. False: nothing runs.
  bool step() {
    if (ends_.empty()) return false;
    const auto [at, key] = *ends_.begin();
    ends_.erase(ends_.begin());
    now_.wall.unix_ms += (at - now_.instant).count() / 1'000'000;
    now_.instant = at;
    const Live live = live_.at(key);
    live_.erase(key);
    protocol::AttemptResult result;
    result.epoch = core_.state().settings.epoch;
    result.task = live.task;
    result.attempt = live.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.started_at = now_.wall.unix_ms - 5000;
    result.finished_at = now_.wall.unix_ms;
    for (const auto& [each, session] : sessions_) {
      core_.handle(FromWorkerPeer{PeerId{100 + each}, protocol::Heartbeat{session, 1}}, now_, out_);
    }
    const std::uint64_t worker = number(live.worker);
    core_.handle(
        FromWorkerPeer{PeerId{100 + worker}, protocol::Results{sessions_.at(worker), {result}}},
        now_, out_);
    settle();
    return true;
  }

  bool has_started(PipelineId pipeline, std::size_t index) const {
    const PipelineRecord& record = *core_.state().pipelines.find(pipeline);
    return record.pipeline->tasks[index]->status != domain::TaskStatus::kPending;
  }

  bool could_run(PipelineId pipeline, std::size_t index) const {
    const State& state = core_.state();
    const Request& request =
        state.requests.at(state.pipelines.find(pipeline)->pipeline->tasks[index]->request);
    for (const auto& [name, amount] : request.shared) {
      if (state.requests.shared().at(name) < amount) return false;
    }
    return std::any_of(state.workers.all().begin(), state.workers.all().end(),
                       [&](const auto& entry) { return entry.second.can_run(request); });
  }

  Duration elapsed() const { return now_.instant - Instant{1'000'000'000}; }
  const Broker& core() const { return core_; }
  std::uint64_t reservations() const { return reservations_; }
  std::size_t running() const { return live_.size(); }

 private:
  void settle() {
    do {
      core_.settle(now_, out_);
      for (const WorkerMail& mail : out_.to_workers) {
        const std::uint64_t worker = number(mail.peer) - 100;
        if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
          sessions_[worker] = welcome->session;
        } else if (const auto* assign = std::get_if<protocol::Assign>(&mail.message)) {
          for (const auto& work : assign->attempts) take(WorkerId{worker}, *assign, work);
        }
      }
      out_.clear();
    } while (core_.state().placement_due);
    reservations_ += core_.reservations().all().size();
    check_amounts();
    check_that_nobody_is_passed_over();
    core_.check_invariants();
  }

  void take(WorkerId worker, const protocol::Assign& assign, const protocol::Assignment& work) {
    const protocol::WorkSpec& spec = assign.specs.at(work.spec);
    live_[work.task] = {worker, work.task, work.attempt, spec};
    // Before its time limit, which is when it would be ended.
    const auto took = std::chrono::milliseconds(1 + below(spec.timeout_ms));
    ends_.emplace(now_.instant + took, work.task);
  }

  /// What runs on a worker is never more than it offers, of anything.
  void check_amounts() {
    std::int64_t matlab = 0;
    for (const auto& [id, worker] : core_.state().workers.all()) {
      std::uint64_t cpus = 0, memory = 0, scratch = 0, count = 0, licences = 0;
      domain::GpuPool gpus;
      for (const auto& gpu : worker.offer.gpus) {
        gpus.add(gpu.index, gpu.model, gpu.memory_bytes, true);
      }
      std::vector<const protocol::WorkSpec*> wishes;
      for (const auto& [task, live] : live_) {
        if (live.worker != id) continue;
        ++count;
        cpus += live.spec.cpus_milli;
        memory += live.spec.memory_bytes;
        scratch += live.spec.scratch_bytes;
        for (const auto& named : live.spec.named) licences += named.amount;
        if (live.spec.gpus_milli > 0) wishes.push_back(&live.spec);
      }
      ASSERT_LE(cpus, worker.offer.cpus_milli);
      ASSERT_LE(memory, worker.offer.memory_bytes);
      ASSERT_LE(scratch, worker.offer.scratch_bytes);
      ASSERT_LE(licences, worker.offered("licence"));
      ASSERT_TRUE(worker.offer.tasks_max == 0 || count <= worker.offer.tasks_max);
      ASSERT_EQ(worker.gpus_taken.size(), wishes.size());
      for (const auto& [attempt, taken] : worker.gpus_taken) {
        const protocol::WorkSpec& spec = live_.at(attempt.task).spec;
        const domain::GpuWish wish{spec.gpus_milli, spec.gpu_memory_bytes, spec.gpu_model};
        ASSERT_EQ(taken.size(), (spec.gpus_milli + 999) / 1000);
        gpus.occupy(wish, taken);
      }
      // One below zero would make the sum too small for what the others have at most.
      for (const auto& gpu : worker.offer.gpus) {
        std::uint64_t share = 0;
        for (const auto& [attempt, taken] : worker.gpus_taken) {
          if (std::count(taken.begin(), taken.end(), gpu.index) == 0) continue;
          const protocol::WorkSpec& spec = live_.at(attempt.task).spec;
          share += std::min(spec.gpus_milli, 1000u);
          ASSERT_TRUE(domain::matches_model(gpu.model, spec.gpu_model));
          ASSERT_GE(gpu.memory_bytes, spec.gpu_memory_bytes);
        }
        ASSERT_LE(share, 1000u);
      }
    }
    for (const auto& [task, live] : live_) {
      const auto found = core_.state().pipelines.find_task(task);
      for (const auto& named : core_.state().requests.at(found->task->request).shared) {
        matlab += static_cast<std::int64_t>(named.amount);
      }
    }
    ASSERT_LE(matlab, 3);
    ASSERT_EQ(core_.state().workers.shared_free().at("matlab"), 3 - matlab);
  }

  /// The best task of each request, which decides for it, is not ready while a worker has room for
  /// it that is not kept for another.
  void check_that_nobody_is_passed_over() {
    const State& state = core_.state();
    std::set<std::uint32_t> decided;
    for (const auto& [rank, id] : state.pipelines.active()) {
      const PipelineRecord& record = *state.pipelines.find(id);
      for (const std::uint32_t index : record.scheduler->requests()) {
        const domain::TaskPtr task = record.scheduler->peek(index);
        const Request& request = state.requests.at(index);
        if (task == nullptr || !decided.insert(index).second || !request.shared.empty()) continue;
        const FoundTask found{const_cast<PipelineRecord*>(&record), task};
        for (const auto& [worker_id, worker] : state.workers.all()) {
          const bool could = worker.takes_work() && worker.can_run(request) &&
                             worker.has_room(request, 0) &&
                             core_.reservations().allows(worker, found, now_);
          ASSERT_FALSE(could) << to_string(task->id) << " would fit at " << worker.offer.name;
        }
      }
    }
  }

  std::mt19937_64 random_;
  Broker core_;
  Outbox out_;
  Now now_;
  std::map<std::uint64_t, std::uint64_t> sessions_;
  std::map<TaskId, Live> live_;
  std::set<std::pair<Instant, TaskId>> ends_;
  std::uint64_t workers_ = 0;
  std::uint64_t submissions_ = 0;
  std::uint64_t reservations_ = 0;
};

TEST(PlacementRules, NothingIsGivenTwiceNobodyIsPassedOverAndEverythingEnds) {
  std::uint64_t reservations = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Cluster cluster(seed);
    for (std::uint64_t i = 0; i < 2 + cluster.below(5); ++i) cluster.add_random_worker();
    std::map<PipelineId, std::size_t> sizes;
    for (int wave = 0; wave < 4; ++wave) {
      std::vector<protocol::OptionsEntry> tasks;
      for (std::uint64_t i = 0; i < 20 + cluster.below(20); ++i) {
        tasks.push_back(cluster.random_options());
      }
      sizes[cluster.submit(tasks, static_cast<std::int64_t>(cluster.below(3)))] = tasks.size();
      for (std::uint64_t i = 0; i < cluster.below(30); ++i) cluster.step();
      if (HasFatalFailure()) return;
    }
    while (cluster.step()) {
      if (HasFatalFailure()) return;
    }
    for (const auto& [pipeline, size] : sizes) {
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(cluster.has_started(pipeline, i), cluster.could_run(pipeline, i))
            << to_string(pipeline) << ", task " << i;
      }
    }
    reservations += cluster.reservations();
  }
  EXPECT_GT(reservations, 300u) << "the seeds keep room for many";
}

/// One host of four GPUs. A task that wants all of them comes before a stream of small ones without
/// end: one of these begins whenever one ends.
Duration time_to_start(std::uint64_t seed, bool estimates) {
  Cluster cluster(seed);
  protocol::Hello hello;
  hello.cpus_milli = 16'000;
  hello.memory_bytes = 100;
  for (std::uint32_t i = 0; i < 4; ++i) hello.gpus.push_back({i, "A100", 80, "", ""});
  cluster.add_worker(hello);
  protocol::OptionsEntry small;
  small.gpus_milli = 1000;
  small.timeout_ms = 600'000;
  if (estimates) small.time_estimate_ms = 300'000;
  cluster.submit(std::vector<protocol::OptionsEntry>(4, small));
  protocol::OptionsEntry large = small;
  large.gpus_milli = 4000;
  std::vector<protocol::OptionsEntry> tasks{large};
  tasks.insert(tasks.end(), 300, small);
  const PipelineId pipeline = cluster.submit(tasks);
  while (!cluster.has_started(pipeline, 0) && cluster.step()) continue;
  EXPECT_TRUE(cluster.has_started(pipeline, 0));
  EXPECT_FALSE(cluster.has_started(pipeline, 300)) << "the small ones are not over";
  return cluster.elapsed();
}

TEST(PlacementRules, ALargeTaskIsNotStarvedBySmallOnes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    // All that ran when it came, and what was let in before it was to start.
    EXPECT_LE(time_to_start(seed, false), 2 * 600s) << "seed " << seed;
    EXPECT_LE(time_to_start(seed, true), 2 * 600s) << "seed " << seed;
  }
}

TEST(PlacementRules, WhatEndsBeforeOrTakesNothingThatIsKeptMayRunMeanwhile) {
  Cluster cluster(1);
  protocol::Hello hello;
  hello.cpus_milli = 8000;
  hello.memory_bytes = 100;
  for (std::uint32_t i = 0; i < 4; ++i) hello.gpus.push_back({i, "A100", 80, "", ""});
  cluster.add_worker(hello);
  protocol::OptionsEntry running;
  running.gpus_milli = 1000;
  running.timeout_ms = 600'000;
  cluster.submit({running});
  protocol::OptionsEntry large = running;
  large.gpus_milli = 4000;
  large.cpus_milli = 4000;
  protocol::OptionsEntry soon = running;  // over before
  soon.time_estimate_ms = 60'000;
  protocol::OptionsEntry late = running;
  late.timeout_ms = 700'000;
  protocol::OptionsEntry beside;  // no GPU, and CPUs are left for the large one
  beside.cpus_milli = 2000;
  beside.timeout_ms = 900'000;
  protocol::OptionsEntry too_much = beside;
  too_much.cpus_milli = 3000;
  const PipelineId pipeline = cluster.submit({large, soon, late, too_much, beside});
  EXPECT_FALSE(cluster.has_started(pipeline, 0));
  EXPECT_TRUE(cluster.has_started(pipeline, 1));
  EXPECT_FALSE(cluster.has_started(pipeline, 2)) << "it would still have a GPU";
  EXPECT_FALSE(cluster.has_started(pipeline, 3)) << "too few CPUs would be left";
  EXPECT_TRUE(cluster.has_started(pipeline, 4));
  ASSERT_EQ(cluster.core().reservations().all().size(), 1u);
}

TEST(PlacementRules, SmallLicencesDoNotStarveALargeOne) {
  Cluster cluster(3);
  protocol::Hello hello;
  hello.cpus_milli = 16'000;
  cluster.add_worker(hello);
  protocol::OptionsEntry one;
  one.named = {{"matlab", 1}};
  one.timeout_ms = 600'000;
  cluster.submit({one, one, one});
  protocol::OptionsEntry all = one;
  all.named = {{"matlab", 3}};
  std::vector<protocol::OptionsEntry> tasks{all};
  tasks.insert(tasks.end(), 100, one);
  const PipelineId pipeline = cluster.submit(tasks);
  while (!cluster.has_started(pipeline, 0) && cluster.step()) continue;
  EXPECT_LE(cluster.elapsed(), 600s);
  EXPECT_FALSE(cluster.has_started(pipeline, 1));
}

TEST(PlacementRules, APipelineOfLowPriorityGetsItsTurnAtLast) {
  Cluster cluster(5);
  protocol::Hello hello;
  hello.cpus_milli = 2000;
  cluster.add_worker(hello);
  protocol::OptionsEntry options;
  options.timeout_ms = 120'000;
  const PipelineId urgent =
      cluster.submit(std::vector<protocol::OptionsEntry>(500, options), 1'000'000);
  const PipelineId low = cluster.submit({options, options}, -1'000'000);
  while (!cluster.has_started(low, 0) && cluster.step()) continue;
  EXPECT_GE(cluster.elapsed(), kStarvedAfter);
  EXPECT_LE(cluster.elapsed(), kStarvedAfter + 10min);
  EXPECT_FALSE(cluster.has_started(low, 1)) << "one at a time";
  EXPECT_FALSE(cluster.has_started(urgent, 499));
}

TEST(PlacementRules, LargeGpusStayFreeForThoseWhoNeedThem) {
  Cluster cluster(7);
  protocol::Hello hello;
  hello.cpus_milli = 8000;
  hello.gpus = {{0, "A100", 80, "", ""}};
  cluster.add_worker(hello);
  hello.gpus = {{0, "T4", 16, "", ""}};
  cluster.add_worker(hello);
  hello.gpus.clear();
  cluster.add_worker(hello);
  protocol::OptionsEntry small;
  small.gpus_milli = 1000;
  protocol::OptionsEntry large = small;
  large.gpu_memory_bytes = 40;
  cluster.submit({protocol::OptionsEntry{}, small, large});
  const auto& workers = cluster.core().state().workers;
  EXPECT_EQ(workers.find(WorkerId{3})->attempts.size(), 1u) << "no GPU is asked for";
  EXPECT_EQ(workers.find(WorkerId{2})->attempts.size(), 1u);
  EXPECT_EQ(workers.find(WorkerId{1})->attempts.size(), 1u);
}

}  // namespace
}  // namespace landseer::broker
