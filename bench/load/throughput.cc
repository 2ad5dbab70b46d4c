#include "bench/figures.h"
#include "bench/load/workloads.h"
#include "bench/submissions.h"
#include "common/net/clock.h"

namespace landseer::bench {
namespace {

constexpr Duration kEndLimit = std::chrono::minutes(10);

struct Run {
  double seconds = 0;         // until the client knows that all have completed, durably
  double listed_seconds = 0;  // until it has a row of each, too
  double broker_cpu = 0;
  double worker_cpu = 0;
};

double seconds_since(Instant began) {
  return std::chrono::duration<double>(net::now().instant - began).count();
}

protocol::PipelineStatus await_end(client::Client& client, PipelineId pipeline) {
  const Instant deadline = net::now().instant + kEndLimit;
  std::uint64_t known = 0;
  for (;;) {
    auto status = client.watch({pipeline, known, true}, std::chrono::seconds(30));
    if (!status) die("watching: " + status.error().to_string());
    if (status->row.finished_at != 0) return *status;
    if (net::now().instant > deadline) die("the pipeline does not end");
    known = status->version;
  }
}

Run run_once(const LoadOptions& options, const protocol::Submission& submission) {
  Cluster cluster({options.folder, options.with_keys});
  cluster.start_broker();
  cluster.start_worker("worker");
  client::Client client(cluster.client_options());
  if (auto connected = client.connect(); !connected) die(connected.error().to_string());
  const ProcessUse broker = cluster.broker_use();
  const ProcessUse worker = cluster.worker_use();
  Run run;
  const Instant began = net::now().instant;
  const auto submitted = client.submit(submission);
  if (!submitted) die("submitting: " + submitted.error().to_string());
  const auto status = await_end(client, submitted->pipeline);
  run.seconds = seconds_since(began);
  run.broker_cpu = cluster.broker_use().cpu_seconds - broker.cpu_seconds;
  run.worker_cpu = cluster.worker_use().cpu_seconds - worker.cpu_seconds;
  if (status.row.completed != submission.tasks.size()) die("not all tasks completed");
  const auto rows = client.tasks(submitted->pipeline);
  if (!rows || rows->size() != submission.tasks.size()) die("not all tasks are listed");
  run.listed_seconds = seconds_since(began);
  return run;
}

}  // namespace

void measure_throughput(const LoadOptions& options, bool grid) {
  const std::size_t n = options.tasks != 0 ? options.tasks : grid ? 11'110 : 100'000;
  const auto submission = grid ? grid_tasks(n, "grid") : independent_tasks(n, "independent");
  Figures figures;
  figures.workload = grid ? "W3" : "W1";
  if (!options.with_keys) figures.workload += " plain";
  figures.n = n;
  figures.unit = grid ? "s" : "tasks/s";
  std::vector<double> broker;
  std::vector<double> worker;
  std::vector<double> listed;
  const auto count = static_cast<double>(n);
  for (int i = 0; i < options.runs; ++i) {
    const Run run = run_once(options, submission);
    figures.runs.push_back(grid ? run.seconds : count / run.seconds);
    listed.push_back(grid ? run.listed_seconds : count / run.listed_seconds);
    broker.push_back(run.broker_cpu * 1e6 / count);
    worker.push_back(run.worker_cpu * 1e6 / count);
  }
  figures.extra["broker_cpu_us_per_task"] = quantile(broker, 0.5);
  figures.extra["worker_cpu_us_per_task"] = quantile(worker, 0.5);
  figures.extra["with_all_rows_listed"] = quantile(listed, 0.5);
  print(figures);
}

}  // namespace landseer::bench
