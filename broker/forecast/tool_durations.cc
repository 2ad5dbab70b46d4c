#include "broker/forecast/tool_durations.h"

#include <algorithm>
#include <cmath>

namespace landseer::forecast {
namespace {

/// Single tasks of a tool vary so much when nobody has seen two of them.
constexpr double kAssumedSigma = 0.25;
/// How far a stand-in may be from a tool's real mean. In the products of docs/testing.md,
/// "Scheduling quality", the tools of a stage are 0.6 apart.
constexpr double kOtherDeviceSigma = 0.5;
constexpr double kEstimateSigma = 0.3;
constexpr double kStageSigma = 0.6;
constexpr double kAllSigma = 1.0;
/// As the broker's means: of the last eight or so.
constexpr std::uint64_t kRemembered = 8;

/// Of a log-normal distribution with this mean and standard deviation.
double sigma_of(double mean, double deviation) {
  const double ratio = mean > 0 ? deviation / mean : 0;
  return std::sqrt(std::log1p(ratio * ratio));
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

/// `A100` means `NVIDIA A100-SXM4-40GB`, and the reverse.
bool is_like(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "cpu" || b == "cpu") return a == b;
  const std::string one = lower(a);
  const std::string other = lower(b);
  return one.find(other) != std::string::npos || other.find(one) != std::string::npos;
}

Expected measured(const ToolTime& time) {
  Expected expected;
  expected.mean_ms = time.mean_ms;
  expected.spread_assumed = !time.spread_ms;
  expected.task_sigma = time.spread_ms ? sigma_of(time.mean_ms, *time.spread_ms) : kAssumedSigma;
  if (time.samples > 0) {
    const auto counted = static_cast<double>(std::min(time.samples, kRemembered));
    expected.tool_sigma = expected.task_sigma / std::sqrt(counted);
  }
  return expected;
}

Expected stand_in(double mean_ms, double tool_sigma, Source source) {
  return {mean_ms, kAssumedSigma, tool_sigma, source, true};
}

}  // namespace

std::string_view to_string(Source source) {
  switch (source) {
    case Source::kMeasured:
      return "measured";
    case Source::kOtherDevice:
      return "other_device";
    case Source::kEstimate:
      return "estimate";
    case Source::kStage:
      return "stage";
    case Source::kAll:
      return "all";
  }
  return "unknown";
}

std::optional<double> estimate_of(const protocol::OptionsEntry& options) {
  if (options.time_estimate_ms == 0) return std::nullopt;
  return static_cast<double>(options.time_estimate_ms);
}

ToolDurations::ToolDurations(const std::vector<ToolTime>& times,
                             const std::vector<const protocol::Submission*>& pipelines) {
  for (const ToolTime& time : times) known_[time.tool].times.push_back(time);
  for (auto& [tool, known] : known_) {
    for (const ToolTime& time : known.times) known.mean_ms += time.mean_ms;
    known.mean_ms /= static_cast<double>(known.times.size());
  }
  for (const protocol::Submission* pipeline : pipelines) {
    for (const auto& task : pipeline->tasks)
      type_of_.emplace(pipeline->tools[task.tool].name, task.type);
  }
  std::map<std::uint8_t, std::uint32_t> counts;
  std::uint32_t count = 0;
  for (const auto& [tool, type] : type_of_) {
    const auto found = known_.find(tool);
    if (found == known_.end()) {
      unknown_.push_back(tool);
      continue;
    }
    stage_mean_ms_[type] += found->second.mean_ms;
    ++counts[type];
    all_mean_ms_ += found->second.mean_ms;
    ++count;
  }
  for (auto& [type, sum] : stage_mean_ms_) sum /= counts[type];
  if (count > 0) all_mean_ms_ = std::max(all_mean_ms_ / count, 1e-3);
}

const ToolTime* ToolDurations::find(const Known& known, const std::string& device) const {
  const ToolTime* any = nullptr;
  const ToolTime* like = nullptr;
  for (const ToolTime& time : known.times) {
    if (time.device == device) return &time;
    if (time.device.empty()) any = &time;
    if (like == nullptr && is_like(time.device, device)) like = &time;
  }
  return like != nullptr ? like : any;
}

Expected ToolDurations::expected(const std::string& tool, const std::string& device,
                                 std::optional<double> estimate_ms) const {
  const auto known = known_.find(tool);
  if (known != known_.end()) {
    if (const ToolTime* time = find(known->second, device)) return measured(*time);
    return stand_in(known->second.mean_ms, kOtherDeviceSigma, Source::kOtherDevice);
  }
  if (estimate_ms) return stand_in(*estimate_ms, kEstimateSigma, Source::kEstimate);
  const auto type = type_of_.find(tool);
  const auto alike =
      type != type_of_.end() ? stage_mean_ms_.find(type->second) : stage_mean_ms_.end();
  if (alike != stage_mean_ms_.end()) return stand_in(alike->second, kStageSigma, Source::kStage);
  return stand_in(all_mean_ms_, kAllSigma, Source::kAll);
}

std::optional<double> ToolDurations::bytes_of(const std::string& tool) const {
  const auto known = known_.find(tool);
  if (known == known_.end()) return std::nullopt;
  double sum = 0;
  std::uint32_t count = 0;
  for (const ToolTime& time : known->second.times) {
    if (!time.mean_bytes) continue;
    sum += *time.mean_bytes;
    ++count;
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

}  // namespace landseer::forecast
