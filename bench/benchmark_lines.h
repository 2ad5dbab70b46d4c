/// Google Benchmark's runs as the figures that the other benchmarks print.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/figures.h"

namespace landseer::bench {

/// What a benchmark's name stands for in the table. The runs are filled in: time per item.
using Naming = std::function<Figures(const std::string& name)>;

/// Collects the repetitions of each benchmark and prints one line for it at the end: nanoseconds
/// for each item, and the benchmark's counters, of which the median is taken, as `extra`.
class LineReporter : public benchmark::BenchmarkReporter {
 public:
  explicit LineReporter(Naming naming) : naming_(std::move(naming)) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  struct Collected {
    Figures figures;
    std::map<std::string, std::vector<double>> counters;
  };

  Naming naming_;
  std::vector<std::string> order_;
  std::map<std::string, Collected> collected_;
};

/// Runs what is registered, `repetitions` times each. With `as_json` lines are printed, else Google
/// Benchmark's table. `options` are Google Benchmark's. The program's exit code.
int run_benchmarks(std::vector<std::string> options, bool as_json, int repetitions, Naming naming);

}  // namespace landseer::bench
