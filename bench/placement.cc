/// How long a placement pass holds the broker's loop: its core with many unlike workers and many
/// unlike requests, played by one thread. `landseer-bench-placement [--workers N] [--tasks N]
/// [--json]`
///
/// First the workers are filled, then attempts end one after the other, in an order that a seed
/// decides, and in between workers come anew. Each settle() is one pass.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "bench/figures.h"
#include "bench/machine.h"
#include "bench/submissions.h"
#include "broker/core/broker.h"
#include "common/base/check.h"
#include "common/protocol/codec.h"

namespace {

using namespace landseer;
using namespace landseer::broker;

/// Of this thread: what the pass itself cost, whoever else used the machine.
double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class Passes {
 public:
  void add(double cpu, double wall) { cpu_.push_back(cpu), wall_.push_back(wall); }
  nlohmann::ordered_json summary() {
    if (cpu_.empty()) return {{"passes", 0}};
    std::sort(cpu_.begin(), cpu_.end());
    std::sort(wall_.begin(), wall_.end());
    const auto at = [](const std::vector<double>& all, double share) {
      return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
    };
    return {{"passes", cpu_.size()},          {"cpu_ms_median", at(cpu_, 0.5)},
            {"cpu_ms_p99", at(cpu_, 0.99)},   {"cpu_ms_max", cpu_.back()},
            {"wall_ms_p99", at(wall_, 0.99)}, {"wall_ms_max", wall_.back()}};
  }

 private:
  std::vector<double> cpu_;
  std::vector<double> wall_;
};

class Load {
 public:
  Load(std::size_t workers, std::size_t tasks, const std::string& policy) : core_(Settings{}) {
    sessions_.resize(workers);
    for (std::size_t i = 0; i < workers; ++i) say(i, bench::unlike_worker(i, 1));
    settle(nullptr);
    auto submission = bench::unlike_tasks(tasks, "placement");
    submission.policy = policy;
    const std::string body = protocol::encode_submission(submission);
    for (std::size_t at = 0; at < body.size(); at += protocol::kChunkBytesMax) {
      const bool last = at + protocol::kChunkBytesMax >= body.size();
      const auto index = static_cast<std::uint32_t>(at / protocol::kChunkBytesMax);
      core_.handle(FromClientPeer{PeerId{7}, 1,
                                  protocol::SubmitChunk{submission.submission_id, index, last,
                                                        body.substr(at, protocol::kChunkBytesMax)}},
                   now_, out_);
    }
    CHECK(core_.state().pipelines.live_tasks() == tasks, "the submission is good");
  }

  /// Until nobody has room any more.
  void fill(Passes& passes) {
    do settle(&passes);
    while (core_.state().placement_due);
  }

  void end_one(Passes& passes) {
    CHECK(!busy_.empty(), "somebody works");
    auto at = busy_.lower_bound(TaskId{random_() % number(busy_.rbegin()->first) + 1});
    const auto [worker, work] = at->second;
    busy_.erase(at);
    protocol::AttemptResult result;
    result.epoch = core_.state().settings.epoch;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.started_at = now_.wall.unix_ms - 60'000;
    result.finished_at = now_.wall.unix_ms;
    say(worker, protocol::Results{sessions_[worker], {result}});
    fill(passes);
  }

  /// A worker was started anew; what it had comes back.
  void restart_one(Passes& passes) {
    const std::size_t worker = random_() % sessions_.size();
    std::erase_if(busy_, [&](const auto& each) { return each.second.first == worker; });
    say(worker, bench::unlike_worker(worker, ++instances_));
    fill(passes);
  }

  Passes& all() { return all_; }
  std::uint64_t placed() const { return placed_; }
  /// Of what went where: the same load must be placed in the same way.
  std::uint64_t digest() const { return digest_; }

 private:
  void say(std::size_t worker, protocol::FromWorker message) {
    core_.handle(FromWorkerPeer{PeerId{100 + worker}, std::move(message)}, now_, out_);
  }

  void settle(Passes* passes) {
    const auto began = std::chrono::steady_clock::now();
    const double cpu = cpu_ms();
    core_.settle(now_, out_);
    if (passes != nullptr) {
      const auto took = std::chrono::steady_clock::now() - began;
      const double wall = std::chrono::duration<double, std::milli>(took).count();
      for (Passes* each : {passes, &all_}) each->add(cpu_ms() - cpu, wall);
    }
    for (const WorkerMail& mail : out_.to_workers) {
      const std::size_t worker = number(mail.peer) - 100;
      if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
        sessions_[worker] = welcome->session;
      } else if (const auto* assign = std::get_if<protocol::Assign>(&mail.message)) {
        for (const auto& work : assign->attempts) take(worker, work);
      }
    }
    out_.clear();
  }

  void take(std::size_t worker, const protocol::Assignment& work) {
    busy_[work.task] = {worker, work};
    ++placed_;
    // A sum: how the mail is split into passes does not matter.
    const std::uint64_t mixed = (number(work.task) << 16 ^ worker) * 0x9E3779B97F4A7C15ull;
    digest_ += mixed ^ mixed >> 29;
  }

  Broker core_;
  Outbox out_;
  Now now_{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  std::mt19937_64 random_{1};
  std::vector<std::uint64_t> sessions_;
  std::map<TaskId, std::pair<std::size_t, protocol::Assignment>> busy_;
  Passes all_;
  std::uint64_t instances_ = 1;
  std::uint64_t placed_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures how long placement holds the broker's loop.");
  std::size_t workers = 2000;
  std::size_t tasks = 100'000;
  std::size_t ends = 20'000;
  std::string policy = "landseer";
  bool as_json = false;
  app.add_option("--workers", workers)->capture_default_str()->check(CLI::Range(1, 10'000));
  app.add_option("--tasks", tasks)->capture_default_str()->check(CLI::Range(1'000, 1'000'000));
  app.add_option("--ends", ends, "attempts that end")->capture_default_str();
  app.add_option("--policy", policy)->capture_default_str();
  app.add_flag("--json", as_json);
  CLI11_PARSE(app, argc, argv);
  Load load(workers, tasks, policy);
  Passes filling;
  Passes ending;
  Passes restarting;
  load.fill(filling);
  const std::uint64_t at_once = load.placed();
  for (std::size_t i = 0; i < ends; ++i) {
    load.end_one(ending);
    if (i % 100 == 99) load.restart_one(restarting);
  }
  const nlohmann::ordered_json json{{"machine", bench::machine_facts()},
                                    {"workers", workers},
                                    {"tasks", tasks},
                                    {"policy", policy},
                                    {"running_at_once", at_once},
                                    {"placed", load.placed()},
                                    {"digest", load.digest()},
                                    {"fill", filling.summary()},
                                    {"end_of_one", ending.summary()},
                                    {"restart_of_a_worker", restarting.summary()},
                                    {"all", load.all().summary()}};
  if (as_json) {
    const double p99 = json["all"]["cpu_ms_p99"].get<double>();
    bench::print({"W7 placement", tasks, "ms of CPU, p99 of a pass", {p99}, json});
    return 0;
  }
  std::printf("%llu at once, %llu placed\n", static_cast<unsigned long long>(at_once),
              static_cast<unsigned long long>(load.placed()));
  for (const char* phase : {"fill", "end_of_one", "restart_of_a_worker", "all"}) {
    std::printf("%-20s %s\n", phase, json[phase].dump().c_str());
  }
}
