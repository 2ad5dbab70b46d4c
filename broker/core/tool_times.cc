#include "broker/core/tool_times.h"

#include <algorithm>
#include <cmath>

namespace landseer::broker {
namespace {

constexpr std::uint64_t kRemembered = 8;
/// How far the mean may go from what is expected, of the latter.
constexpr double kStep = 0.125;

double weight_of(std::uint64_t samples) {
  return static_cast<double>(std::min(samples, kRemembered));
}

}  // namespace

bool ToolTime::learn(double ran_ms) {
  ++samples;
  const double off_ms = ran_ms - mean_ms;
  mean_ms += off_ms / weight_of(samples);
  // Welford's, forgetting as the mean does.
  const double square_ms2 = off_ms * (ran_ms - mean_ms);
  variance_ms2 += (square_ms2 - variance_ms2) / weight_of(++variance_samples);
  const auto expected = static_cast<double>(expected_ms);
  if (expected_ms != 0 && std::abs(mean_ms - expected) <= kStep * expected) return false;
  const std::uint64_t before = expected_ms;
  expected_ms = std::max<std::uint64_t>(static_cast<std::uint64_t>(mean_ms), 1);
  return expected_ms != before;
}

void ToolTime::learn_size(std::uint64_t bytes) {
  const double off = static_cast<double>(bytes) - mean_bytes;
  mean_bytes += off / weight_of(++bytes_samples);
}

ToolTime* ToolTimes::open(const std::string& tool, const std::string& device) {
  if (const auto known = tools_.find(tool); known != tools_.end()) {
    const auto found = known->second.find(device);
    if (found != known->second.end()) return &found->second;
    if (known->second.size() >= kDevicesPerToolMax) return nullptr;
  }
  if (size_ >= kToolTimesMax) return nullptr;
  ++size_;
  return &tools_[tool][device];
}

void ToolTimes::restore(const std::string& tool, const std::string& device, const ToolTime& time) {
  const auto [place, added] = tools_[tool].insert_or_assign(device, time);
  if (added) ++size_;
  // Snapshots of before there was this.
  ToolTime& restored = place->second;
  if (restored.expected_ms == 0) {
    restored.expected_ms = std::max<std::uint64_t>(static_cast<std::uint64_t>(time.mean_ms), 1);
  }
}

std::optional<Duration> ToolTimes::expected(const std::string& tool) const {
  const auto known = tools_.find(tool);
  if (known == tools_.end()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const auto& [device, time] : known->second) sum += time.expected_ms;
  return std::chrono::milliseconds(sum / known->second.size());
}

std::map<std::string, Duration> ToolTimes::expected() const {
  std::map<std::string, Duration> all;
  for (const auto& [tool, devices] : tools_) {
    if (const auto known = expected(tool)) all.emplace(tool, *known);
  }
  return all;
}

std::optional<double> ToolTimes::slowest_mean_ms(const std::string& tool) const {
  const auto known = tools_.find(tool);
  if (known == tools_.end()) return std::nullopt;
  std::optional<double> slowest;
  for (const auto& [device, time] : known->second) {
    if (time.samples < 2) return std::nullopt;
    slowest = std::max(slowest.value_or(0), time.mean_ms);
  }
  return slowest;
}

const ToolTime* ToolTimes::find(const std::string& tool, const std::string& device) const {
  const auto known = tools_.find(tool);
  if (known == tools_.end()) return nullptr;
  const auto time = known->second.find(device);
  return time != known->second.end() ? &time->second : nullptr;
}

const ToolTimes::Devices* ToolTimes::find(const std::string& tool) const {
  const auto known = tools_.find(tool);
  return known != tools_.end() ? &known->second : nullptr;
}

std::vector<ToolTimes::Row> ToolTimes::rows() const {
  std::vector<const std::string*> names;
  names.reserve(tools_.size());
  for (const auto& [tool, devices] : tools_) names.push_back(&tool);
  std::sort(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a < *b; });
  std::vector<Row> rows;
  rows.reserve(size_);
  for (const std::string* name : names) {
    for (const auto& [device, time] : tools_.at(*name)) rows.push_back({*name, device, time});
  }
  return rows;
}

std::string device_of(const protocol::Hello& offer, const domain::ResourceRequest& needs) {
  if (needs.gpus_milli == 0) return "cpu";
  return offer.gpus.empty() || offer.gpus.front().model.empty() ? "gpu" : offer.gpus.front().model;
}

}  // namespace landseer::broker
