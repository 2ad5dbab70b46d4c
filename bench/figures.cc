#include "bench/figures.h"

#include <algorithm>
#include <iostream>

namespace landseer::bench {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(at + 0.5)];
}

void print(const Figures& figures) {
  const nlohmann::ordered_json object{{"workload", figures.workload},
                                      {"n", figures.n},
                                      {"unit", figures.unit},
                                      {"runs", figures.runs},
                                      {"median", quantile(figures.runs, 0.5)},
                                      {"min", quantile(figures.runs, 0)},
                                      {"max", quantile(figures.runs, 1)},
                                      {"extra", figures.extra}};
  std::cout << object.dump() << std::endl;
}

}  // namespace landseer::bench
