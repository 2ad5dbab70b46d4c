/// Forecasts as people and scripts read them: lines, a table of cases side by side, JSON (names:
/// docs/cli.md, "Forecasts"). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/forecast/forecast.h"
#include "common/base/time.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/screen.h"

namespace landseer::cli {

/// One answer and what was asked for it.
struct ForecastCase {
  std::string workers;  ///< as the user imagined them; empty: the broker's
  std::string policy;
  std::uint64_t workers_count = 0;
  std::uint32_t beside = 0;    ///< other pipelines in the forecast
  std::uint32_t left_out = 0;  ///< and those that were too much
  forecast::Answer answer;
};

Json to_json(const ForecastCase& each);

/// `  gpu hours      12.4`, and so on; for one case.
std::vector<std::string> forecast_lines(const ForecastCase& each, WallTime now);
/// For several: one row each.
std::string forecast_table(const Screen& screen, const std::vector<ForecastCase>& cases);
/// What was assumed, one sentence each; the same ones only once.
std::vector<std::string> assumption_lines(const std::vector<ForecastCase>& cases);

}  // namespace landseer::cli
