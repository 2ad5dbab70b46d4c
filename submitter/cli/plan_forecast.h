/// The forecasts of `plan`: for the broker's workers with what they have to do already, or for
/// workers the user imagines, each under one or more policies.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/submission.h"
#include "submitter/cli/context.h"
#include "submitter/cli/forecast_report.h"
#include "submitter/cli/options.h"

namespace landseer::cli {

/// `missing`: why there are none, in words; empty also when nobody asked for any.
struct PlanForecasts {
  std::vector<ForecastCase> cases;
  std::string missing;
};

/// `client`: null without a broker. `cached`: bit i is set if task i has a known result; may be
/// empty. An error is one of the options, or a signal.
Result<PlanForecasts> forecast_plan(Context& context, client::Client* client,
                                    const PlanOptions& options,
                                    const protocol::Submission& submission,
                                    const std::string& cached);

}  // namespace landseer::cli
