/// What packing and unpacking cost, for each task: the messages and records that every attempt has.
/// `landseer-bench-codec [--json] [--runs K] [Google Benchmark's options]`
#include "common/protocol/codec.h"

#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>

#include "bench/benchmark_lines.h"
#include "bench/submissions.h"
#include "broker/core/records.h"
#include "common/base/check.h"
#include "common/protocol/limits.h"

namespace landseer::bench {
namespace {

constexpr std::int64_t kWallMs = 1'700'000'000'000;

protocol::AttemptResult result_of(std::uint64_t task) {
  protocol::AttemptResult result;
  result.epoch = 1;
  result.task = TaskId{task};
  result.attempt = 1;
  result.outcome = protocol::Outcome::kSucceeded;
  result.artifact = sha256(std::to_string(task));
  result.artifact_bytes = 123'456;
  result.started_at = kWallMs;
  result.finished_at = kWallMs + 60'000;
  result.cpu_ms = 59'000;
  result.memory_peak_bytes = std::uint64_t{3} << 30;
  return result;
}

protocol::FromWorker results_message() {
  protocol::Results results{1, {}};
  for (std::uint64_t task = 1; task <= protocol::kBatchMax; ++task) {
    results.results.push_back(result_of(task));
  }
  return results;
}

protocol::ToWorker assign_message() {
  protocol::Assign assign;
  assign.session = assign.epoch = 1;
  assign.specs.resize(1);
  assign.specs[0].tool = "tool";
  for (std::uint64_t task = 1; task <= protocol::kBatchMax; ++task) {
    protocol::Assignment each;
    each.task = TaskId{task};
    each.attempt = 1;
    each.pipeline = PipelineId{1};
    each.config = "{\"n\":" + std::to_string(task) + "}";
    each.inputs.push_back({sha256(each.config), {"tcp://10.0.0.1:40000"}});
    assign.attempts.push_back(std::move(each));
  }
  return assign;
}

/// An iteration is one batch; the rate is that of tasks.
void count_tasks(benchmark::State& state, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * protocol::kBatchMax);
  state.counters["n"] = protocol::kBatchMax;
  state.counters["bytes_per_task"] = static_cast<double>(bytes) / protocol::kBatchMax;
}

void encode_results(benchmark::State& state) {
  const auto message = results_message();
  std::string frame;
  for (auto _ : state) benchmark::DoNotOptimize(frame = protocol::encode(message));
  count_tasks(state, frame.size());
}
BENCHMARK(encode_results);

void decode_results(benchmark::State& state) {
  const std::string frame = protocol::encode(results_message());
  for (auto _ : state) benchmark::DoNotOptimize(protocol::decode_from_worker(frame));
  count_tasks(state, frame.size());
}
BENCHMARK(decode_results);

void encode_assign(benchmark::State& state) {
  const auto message = assign_message();
  std::string frame;
  for (auto _ : state) benchmark::DoNotOptimize(frame = protocol::encode(message));
  count_tasks(state, frame.size());
}
BENCHMARK(encode_assign);

void decode_assign(benchmark::State& state) {
  const std::string frame = protocol::encode(assign_message());
  for (auto _ : state) benchmark::DoNotOptimize(protocol::decode_to_worker(frame));
  count_tasks(state, frame.size());
}
BENCHMARK(decode_assign);

/// As the store does: encoded, decoded again to see that it can be replayed, and compared.
void record_of_an_end(benchmark::State& state) {
  broker::AttemptEnded ended;
  ended.result = result_of(1);
  ended.decision = broker::Decision::kComplete;
  ended.at = kWallMs;
  ended.device = "NVIDIA A100-SXM4-80GB";
  const broker::Record record = ended;
  std::string bytes;
  for (auto _ : state) {
    bytes = broker::encode_record(record);
    CHECK(*broker::decode_record(bytes) == record, "a record survives");
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["n"] = 1;
  state.counters["bytes_per_task"] = static_cast<double>(bytes.size());
}
BENCHMARK(record_of_an_end);

void decode_submission(benchmark::State& state) {
  const auto tasks = static_cast<std::size_t>(state.range(0));
  const std::string body = protocol::encode_submission(grid_tasks(tasks, "grid"));
  for (auto _ : state) benchmark::DoNotOptimize(protocol::decode_submission(body));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["n"] = static_cast<double>(tasks);
  state.counters["bytes_per_task"] = static_cast<double>(body.size()) / static_cast<double>(tasks);
}
BENCHMARK(decode_submission)->Arg(11'110)->Arg(111'100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace landseer::bench

int main(int argc, char** argv) {
  bool as_json = false;
  int runs = 5;
  CLI::App app("Measures what packing and unpacking cost");
  app.add_flag("--json", as_json);
  app.add_option("--runs", runs)->capture_default_str()->check(CLI::PositiveNumber);
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
  std::vector<std::string> options = app.remaining();
  options.insert(options.begin(), "--benchmark_min_time=0.1");
  return landseer::bench::run_benchmarks(options, as_json, runs, [](const std::string& name) {
    return landseer::bench::Figures{"codec " + name, 0, "ns", {}};
  });
}
