#include "bench/benchmark_lines.h"

#include <utility>

namespace landseer::bench {

bool LineReporter::ReportContext(const Context&) { return true; }

void LineReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
    const std::string name = run.run_name.function_name + "/" + run.run_name.args;
    if (!collected_.contains(name)) {
      order_.push_back(name);
      collected_[name].figures = naming_(run.run_name.function_name);
    }
    Collected& all = collected_[name];
    for (const auto& [counter, value] : run.counters) {
      if (counter == "items_per_second") {
        all.figures.runs.push_back(1e9 / value);
      } else {
        all.counters[counter].push_back(value);
      }
    }
  }
}

void LineReporter::Finalize() {
  for (const std::string& name : order_) {
    Collected& all = collected_.at(name);
    for (const auto& [counter, values] : all.counters) {
      const double median = quantile(values, 0.5);
      if (counter == "n") {
        all.figures.n = static_cast<std::size_t>(median);
      } else {
        all.figures.extra[counter] = median;
      }
    }
    print(all.figures);
  }
}

int run_benchmarks(std::vector<std::string> options, bool as_json, int repetitions, Naming naming) {
  options.insert(options.begin(), "--benchmark_repetitions=" + std::to_string(repetitions));
  options.insert(options.begin(), "landseer-bench");
  std::vector<char*> words;
  for (std::string& option : options) words.push_back(option.data());
  int count = static_cast<int>(words.size());
  words.push_back(nullptr);
  benchmark::Initialize(&count, words.data());
  if (benchmark::ReportUnrecognizedArguments(count, words.data())) return 2;
  if (as_json) {
    LineReporter reporter(std::move(naming));
    return benchmark::RunSpecifiedBenchmarks(&reporter) > 0 ? 0 : 1;
  }
  return benchmark::RunSpecifiedBenchmarks() > 0 ? 0 : 1;
}

}  // namespace landseer::bench
