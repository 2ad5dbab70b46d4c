/// Figures of several runs, and how they are printed: one JSON object on a line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace landseer::bench {

/// `share` from 0 to 1 of the sorted values; 0 if there are none.
double quantile(std::vector<double> values, double share);

struct Figures {
  std::string workload;  ///< W1 ...; with "plain" behind it where a rule of the figure was off
  std::size_t n = 0;     ///< tasks
  std::string unit;      ///< of the runs
  std::vector<double> runs;
  nlohmann::ordered_json extra = nlohmann::ordered_json::object();
};

/// workload, n, unit, runs, median, min, max, extra.
void print(const Figures& figures);

}  // namespace landseer::bench
