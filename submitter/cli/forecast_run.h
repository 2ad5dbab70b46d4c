/// Runs forecasts for a person who waits: progress after a second, an end after a limit, and not
/// through a signal.
#pragma once

#include "broker/forecast/forecast.h"
#include "common/base/time.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

/// One line on a terminal, redrawn and gone at the end; one sentence elsewhere, whatever the number
/// of forecasts.
class ForecastView {
 public:
  explicit ForecastView(Context& context);
  ~ForecastView();
  ForecastView(const ForecastView&) = delete;
  ForecastView& operator=(const ForecastView&) = delete;

  Context& context() { return context_; }
  void show(double share);

 private:
  Context& context_;
  Instant began_;
  Instant next_{};
  bool drawn_ = false;
};

/// What has not been simulated after `limit` is left out of the answer. kUnavailable if a signal
/// came.
Result<forecast::Answer> run_forecast(ForecastView& view, const forecast::Question& question,
                                      Duration limit);

}  // namespace landseer::cli
