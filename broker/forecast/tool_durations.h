/// How long tasks are expected to take in a forecast, and what stands in for what nobody has
/// measured. Everything that is assumed can be told to the user.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/submission.h"

namespace landseer::forecast {

/// What is known about a tool on a device; without a device: on any.
struct ToolTime {
  std::string tool;
  std::string device;
  double mean_ms = 0;
  std::uint64_t samples = 0;         ///< 0: a person's word
  std::optional<double> spread_ms;   ///< standard deviation of single tasks; none: not known
  std::optional<double> mean_bytes;  ///< of what it leaves
};

/// Where an expectation comes from, the best first.
enum class Source : std::uint8_t {
  kMeasured,     ///< on this device, or said by the user
  kOtherDevice,  ///< the mean over the devices it was measured on
  kEstimate,     ///< what the pipeline file says about the task
  kStage,        ///< the mean of the known tools of its stage
  kAll,          ///< the mean of all known tools of the pipelines
};
std::string_view to_string(Source source);

struct Expected {
  double mean_ms = 0;
  double task_sigma = 0;  ///< of the logarithm, from task to task
  double tool_sigma = 0;  ///< of the logarithm: how well the mean itself is known
  Source source = Source::kMeasured;
  bool spread_assumed = false;
};

/// Anything but kMeasured, as it was used.
struct Assumption {
  std::string tool;
  std::string device;
  double mean_ms = 0;
  Source source = Source::kAll;
  auto operator<=>(const Assumption&) const = default;
};

class ToolDurations {
 public:
  /// Of the tools of these pipelines. The times are copied.
  ToolDurations(const std::vector<ToolTime>& times,
                const std::vector<const protocol::Submission*>& pipelines);

  /// False: there is no time of any tool, so nothing can be said.
  bool knows_any() const { return all_mean_ms_ > 0; }
  /// Of one task on one device. Only if knows_any().
  Expected expected(const std::string& tool, const std::string& device,
                    std::optional<double> estimate_ms) const;
  /// Mean size of what it leaves; none: not known.
  std::optional<double> bytes_of(const std::string& tool) const;
  /// Tools of the pipelines without any time of their own.
  const std::vector<std::string>& unknown_tools() const { return unknown_; }

 private:
  struct Known {
    std::vector<ToolTime> times;
    double mean_ms = 0;  // over its devices
  };
  const ToolTime* find(const Known& known, const std::string& device) const;

  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, std::uint8_t, std::less<>> type_of_;
  std::map<std::uint8_t, double> stage_mean_ms_;
  double all_mean_ms_ = 0;
  std::vector<std::string> unknown_;
};

/// What the pipeline file says about how long a task takes; none: nothing. The one place to read
/// that from a task's options.
std::optional<double> estimate_of(const protocol::OptionsEntry& options);

}  // namespace landseer::forecast
