/// How long a broker needs to be back, and how long a snapshot holds its loop. A store is written
/// as the broker writes it: pipelines of shared prefixes, a share of whose tasks has completed.
/// `landseer-bench-recovery --tasks N --done SHARE [--json]`; five recoveries from the
/// journal, and five from a snapshot.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "bench/figures.h"
#include "bench/submissions.h"
#include "broker/io/recover.h"
#include "common/protocol/codec.h"

namespace {

using namespace landseer;
using namespace landseer::broker;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPipelineTasks = 100'000;

double milliseconds_since(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

/// Holds the loop as broker/io/server.cc does.
class Machine {
 public:
  explicit Machine(const std::string& folder) : store(std::move(*Store::open(folder))), core({}) {
    if (!recover(*store, core, now)) std::abort();
  }

  void turn() {
    core.settle(now, out);
    if (!out.records.empty() && !store->append({out.records, core.fingerprint()})) std::abort();
    if (core.snapshot_active()) {
      std::string part = core.next_snapshot_part();
      store->add_part(std::move(part), !core.snapshot_active());
    }
    if (!store->sync()) std::abort();
  }

  std::unique_ptr<Store> store;
  Broker core;
  Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  Outbox out;
};

void hello(Machine& machine) {
  protocol::Hello hello;
  hello.protocol_min = hello.protocol_max = 1;
  hello.uid = hello.name = "worker";
  hello.instance = 1;
  hello.cpus_milli = 64'000;
  hello.runtimes = {"noop"};
  machine.core.handle(FromWorkerPeer{PeerId{1}, hello}, machine.now, machine.out);
}

void submit(Machine& machine, const protocol::Submission& submission) {
  const std::string body = protocol::encode_submission(submission);
  for (std::size_t at = 0; at < body.size(); at += protocol::kChunkBytesMax) {
    const bool last = at + protocol::kChunkBytesMax >= body.size();
    protocol::SubmitChunk chunk{submission.submission_id,
                                static_cast<std::uint32_t>(at / protocol::kChunkBytesMax), last,
                                body.substr(at, protocol::kChunkBytesMax)};
    machine.core.handle(FromClientPeer{PeerId{7}, 1, std::move(chunk)}, machine.now, machine.out);
  }
  machine.turn();
  machine.out.clear();
}

/// Answers everything that was assigned until `done` tasks have completed.
void work(Machine& machine, std::size_t done) {
  std::uint64_t session = 0;
  for (std::size_t completed = 0; completed < done;) {
    machine.turn();
    protocol::Results results;
    for (const WorkerMail& mail : machine.out.to_workers) {
      if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
        session = welcome->session;
      }
      const auto* assign = std::get_if<protocol::Assign>(&mail.message);
      if (assign == nullptr) continue;
      for (const auto& attempt : assign->attempts) {
        protocol::AttemptResult result;
        result.epoch = 1;
        result.task = attempt.task;
        result.attempt = attempt.attempt;
        result.outcome = protocol::Outcome::kSucceeded;
        result.artifact = sha256(std::to_string(number(attempt.task)));
        result.started_at = result.finished_at = machine.now.wall.unix_ms;
        results.results.push_back(result);
      }
    }
    machine.out.clear();
    results.session = session;
    completed += results.results.size();
    if (results.results.empty()) break;
    machine.core.handle(FromWorkerPeer{PeerId{1}, results}, machine.now, machine.out);
  }
  machine.turn();
  machine.out.clear();
}

/// Of this thread: what the turn itself cost, whoever else used the machine or its disk.
double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct SnapshotPauses {
  double longest = 0;
  double longest_cpu = 0;
  std::vector<double> all;
  double total = 0;
  std::size_t turns = 0;
};

SnapshotPauses take_snapshot(Machine& machine) {
  SnapshotPauses pauses;
  auto began = Clock::now();
  double cpu = cpu_milliseconds();
  machine.core.begin_snapshot();
  machine.store->begin_snapshot(machine.core.fingerprint());
  while (machine.core.snapshot_active()) {
    machine.turn();
    const double took = milliseconds_since(began);
    pauses.longest = std::max(pauses.longest, took);
    pauses.longest_cpu = std::max(pauses.longest_cpu, cpu_milliseconds() - cpu);
    pauses.all.push_back(took);
    pauses.total += took;
    ++pauses.turns;
    began = Clock::now();
    cpu = cpu_milliseconds();
  }
  return pauses;
}

std::vector<double> recovery_times(const std::string& folder, std::uint64_t& groups) {
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    const auto began = Clock::now();
    const auto store = Store::open(folder);
    Broker core{Settings{}};
    const auto recovery = recover(**store, core, Now{});
    times.push_back(milliseconds_since(began));
    if (!recovery) std::abort();
    groups = recovery->groups;
  }
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures recovery and snapshots of the broker's store.");
  std::size_t tasks = 100'000;
  double done = 0.5;
  std::string folder = "bench-recovery";
  bool json = false;
  app.add_option("--tasks", tasks)->capture_default_str();
  app.add_option("--done", done, "share of the tasks that has completed")->capture_default_str();
  app.add_option("--folder", folder, "is made, and removed at the end")->capture_default_str();
  app.add_flag("--json", json, "which is what is printed anyhow");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(folder);
  SnapshotPauses pauses;
  std::uint64_t groups = 0;
  std::uint64_t after = 0;
  {
    Machine machine(folder);
    for (std::size_t left = tasks; left > 0; left -= std::min(left, kPipelineTasks)) {
      submit(machine, bench::grid_tasks(std::min(left, kPipelineTasks), std::to_string(left)));
    }
    hello(machine);
    work(machine, static_cast<std::size_t>(static_cast<double>(tasks) * done));
  }
  const std::vector<double> from_journal = recovery_times(folder, groups);
  {
    Machine machine(folder);
    pauses = take_snapshot(machine);
  }
  const std::vector<double> from_snapshot = recovery_times(folder, after);
  bench::print({"W6 journal", tasks, "ms", from_journal, {{"done", done}, {"groups", groups}}});
  bench::print({"W6 snapshot",
                tasks,
                "ms",
                from_snapshot,
                {{"done", done},
                 {"snapshot_turns", pauses.turns},
                 {"snapshot_ms", pauses.total},
                 {"turn_ms_median", bench::quantile(pauses.all, 0.5)},
                 {"longest_turn_ms", pauses.longest},
                 {"longest_turn_cpu_ms", pauses.longest_cpu}}});
  std::filesystem::remove_all(folder);
  return 0;
}
