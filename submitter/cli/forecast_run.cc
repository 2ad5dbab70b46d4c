#include "submitter/cli/forecast_run.h"

#include <fmt/format.h>

#include <optional>

#include "common/net/clock.h"
#include "submitter/cli/progress.h"

namespace landseer::cli {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(1);
constexpr Duration kRedraw = std::chrono::milliseconds(100);
constexpr std::size_t kColumns = 32;

}  // namespace

ForecastView::ForecastView(Context& context) : context_(context), began_(net::now().instant) {}

ForecastView::~ForecastView() {
  if (drawn_ && context_.err().terminal) context_.err().stream << "\r\x1b[K" << std::flush;
}

void ForecastView::show(double share) {
  const Instant now = net::now().instant;
  if (!context_.chatty() || now - began_ < kQuiet || now < next_) return;
  next_ = now + kRedraw;
  if (context_.err().terminal) {
    const auto done = static_cast<std::uint64_t>(share * 100);
    context_.err().stream << "\rforecasting " << progress_bar(context_.err(), done, 100, kColumns)
                          << fmt::format(" {:>3}%", done) << std::flush;
  } else if (!drawn_) {
    context_.note("forecasting: this may take some seconds");
  }
  drawn_ = true;
}

Result<forecast::Answer> run_forecast(ForecastView& view, const forecast::Question& question,
                                      Duration limit) {
  const Instant deadline = net::now().instant + limit;
  std::optional<Error> interrupted;
  auto answer = forecast::forecast(question, [&](double share) {
    view.show(share);
    auto rested = view.context().rest(Duration::zero());
    if (!rested) interrupted = std::move(rested.error());
    return !interrupted && net::now().instant < deadline;
  });
  if (interrupted) return tl::make_unexpected(std::move(*interrupted));
  return answer;
}

}  // namespace landseer::cli
