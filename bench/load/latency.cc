#include <thread>

#include "bench/figures.h"
#include "bench/load/simulated_worker.h"
#include "bench/load/workloads.h"
#include "bench/submissions.h"
#include "common/net/clock.h"

namespace landseer::bench {
namespace {

constexpr std::size_t kRounds = 300;

double milliseconds_since(Instant began) {
  return std::chrono::duration<double, std::milli>(net::now().instant - began).count();
}

/// A pipeline of one task on an idle system with a real worker, again and again.
std::vector<double> alone(const LoadOptions& options, std::size_t rounds) {
  Cluster cluster({options.folder, options.with_keys});
  cluster.start_broker();
  cluster.start_worker("worker");
  client::Client client(cluster.client_options());
  if (auto connected = client.connect(); !connected) die(connected.error().to_string());
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) {
    // Slower than the broker's limit of requests for a key, and idle in between.
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    auto submission = independent_tasks(1, "alone-" + std::to_string(i));
    submission.configs[0] = "{\"round\":" + std::to_string(i) + "}";  // else it is in the cache
    const Instant began = net::now().instant;
    const auto submitted = client.submit(submission);
    if (!submitted) die("submitting: " + submitted.error().to_string());
    const auto status = client.watch({submitted->pipeline, 0, true}, std::chrono::seconds(30));
    if (!status || status->row.completed != 1) die("the task did not complete");
    if (status->row.cached != 0) die("the task did not run: its result was known");
    times.push_back(milliseconds_since(began));
  }
  return times;
}

/// A chain of tasks, each of which waits for the one before: from sending the result of one to
/// having the next. The worker is played, so that nothing but the broker and the wire is measured.
std::vector<double> successor(const LoadOptions& options, std::size_t rounds) {
  Cluster cluster({options.folder, options.with_keys});
  cluster.start_broker();
  std::vector<double> times;
  Instant sent;
  net::Context context;
  protocol::Hello offer;
  offer.uid = offer.name = "played";
  offer.instance = 1;
  offer.cpus_milli = 1000;
  offer.runtimes = {"process", "noop"};
  std::vector<protocol::AttemptRef> held;
  SimulatedWorker worker(context, cluster.workers_address(), worker_keys(cluster.keys_folder()),
                         offer, [&](SimulatedWorker&, const protocol::Assign& assign) {
                           if (sent != Instant{}) times.push_back(milliseconds_since(sent));
                           for (const auto& attempt : assign.attempts) {
                             held.push_back({assign.epoch, attempt.task, attempt.attempt});
                           }
                         });
  const auto serve = [&] {
    std::array<net::PollItem, 1> items{{{&worker.socket()}}};
    net::poll(items, std::chrono::milliseconds(5));
    worker.turn();
  };
  while (!worker.is_welcome()) serve();
  protocol::Submission chain = independent_tasks(rounds + 1, "chain");
  chain.workflows.resize(1);
  for (std::uint32_t i = 1; i < chain.tasks.size(); ++i) {
    chain.tasks[i].dependencies = {i - 1};
    chain.workflows[0].tasks.push_back(i);
  }
  client::Client client(cluster.client_options());
  if (auto submitted = client.submit(chain); !submitted) die(submitted.error().to_string());
  while (times.size() < rounds) {
    serve();
    if (held.empty()) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the system is idle again
    sent = net::now().instant;
    worker.send_results(std::exchange(held, {}));
  }
  return times;
}

void print_times(const char* name, const LoadOptions& options,
                 const std::function<std::vector<double>()>& measure) {
  Figures figures;
  figures.workload = name;
  if (!options.with_keys) figures.workload += " plain";
  figures.n = options.tasks != 0 ? options.tasks : kRounds;
  figures.unit = "ms, median";
  std::vector<double> p99;
  for (int i = 0; i < options.runs; ++i) {
    const auto times = measure();
    figures.runs.push_back(quantile(times, 0.5));
    p99.push_back(quantile(times, 0.99));
  }
  figures.extra["p99_ms"] = quantile(p99, 0.5);
  figures.extra["p99_ms_max"] = quantile(p99, 1);
  print(figures);
}

}  // namespace

void measure_latency(const LoadOptions& options) {
  const std::size_t rounds = options.tasks != 0 ? options.tasks : kRounds;
  print_times("W4 alone", options, [&] { return alone(options, rounds); });
  print_times("W4 successor", options, [&] { return successor(options, rounds); });
}

}  // namespace landseer::bench
