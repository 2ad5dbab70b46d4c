#include "bench/figures.h"
#include "bench/load/workloads.h"
#include "bench/submissions.h"
#include "common/net/clock.h"

namespace landseer::bench {
namespace {

struct Loaded {
  std::uint64_t resident = 0;
  double ready_seconds = 0;  // after a kill
};

/// Of a grid that nobody works at. Freed memory that is kept for what comes next counts.
Loaded load(const LoadOptions& options, std::size_t tasks, bool kill) {
  Cluster cluster({options.folder, options.with_keys});
  cluster.start_broker();
  client::Client client(cluster.client_options());
  const auto submitted = client.submit(grid_tasks(tasks, "grid"));
  if (!submitted) die("submitting: " + submitted.error().to_string());
  Loaded loaded;
  loaded.resident = cluster.broker_use().resident_bytes;
  if (!kill) return loaded;
  cluster.kill_broker();
  const Instant began = net::now().instant;
  cluster.start_broker();
  loaded.ready_seconds = std::chrono::duration<double>(net::now().instant - began).count();
  client::Client again(cluster.client_options());
  const auto status = again.status(submitted->pipeline);
  if (!status || status->row.pending != tasks) die("tasks are missing after the restart");
  return loaded;
}

}  // namespace

void measure_memory(const LoadOptions& options) {
  const std::size_t many = options.tasks != 0 ? options.tasks : 1'000'000;
  const std::size_t few = many / 10;
  Figures figures;
  figures.workload = "W5";
  figures.n = many;
  figures.unit = "bytes/task";
  std::vector<double> resident;
  for (int i = 0; i < options.runs; ++i) {
    const auto small = static_cast<double>(load(options, few, false).resident);
    const auto large = static_cast<double>(load(options, many, false).resident);
    figures.runs.push_back((large - small) / static_cast<double>(many - few));
    resident.push_back(large);
  }
  figures.extra["resident_bytes"] = quantile(resident, 0.5);
  print(figures);
}

void measure_restart(const LoadOptions& options) {
  const std::size_t n = options.tasks != 0 ? options.tasks : 1'000'000;
  Figures figures;
  figures.workload = "W6";
  figures.n = n;
  figures.unit = "s";
  for (int i = 0; i < options.runs; ++i) {
    figures.runs.push_back(load(options, n, true).ready_seconds);
  }
  print(figures);
}

}  // namespace landseer::bench
