/// How long the tasks of each tool take and how much they leave, by the device they ran on. Learned
/// from results that the store remembers, so a replay learns the same. Decides prefetching, and
/// what live policies and forecasts expect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/time.h"
#include "common/domain/pipeline.h"
#include "common/protocol/worker_messages.h"

namespace landseer::broker {

/// Milliseconds. The mean is of the last eight or so: tools of one name behave alike, but not for
/// ever. `expected_ms` follows it in steps, since each step may move the priorities of many tasks.
struct ToolTime {
  double mean_ms = 0;
  std::uint64_t samples = 0;
  std::uint64_t expected_ms = 0;
  double variance_ms2 = 0;             ///< of the same eight or so, around the mean
  std::uint64_t variance_samples = 0;  ///< fewer than `samples` if some are older than the variance
  double mean_bytes = 0;               ///< of artifacts
  std::uint64_t bytes_samples = 0;

  /// An attempt ran so long. True if `expected_ms` is another now.
  bool learn(double ran_ms);
  /// What such an attempt left.
  void learn_size(std::uint64_t bytes);
};

/// Nobody remembers more tools and devices than these: those of a lab, many times over.
inline constexpr std::size_t kToolTimesMax = 10'000;
inline constexpr std::size_t kDevicesPerToolMax = 16;

class ToolTimes {
 public:
  /// To learn from an attempt; without samples if it is the first there. Null: nothing more can be
  /// learned, the bounds are reached. Valid until the next open() or restore().
  ToolTime* open(const std::string& tool, const std::string& device);
  /// Of a snapshot.
  void restore(const std::string& tool, const std::string& device, const ToolTime& time);

  /// What is expected wherever the task runs; none: nobody knows. 1 ms or more.
  std::optional<Duration> expected(const std::string& tool) const;
  /// Of all tools of which it is known.
  std::map<std::string, Duration> expected() const;
  /// On the slowest device, measured twice or more there; none: not known well enough.
  std::optional<double> slowest_mean_ms(const std::string& tool) const;
  const ToolTime* find(const std::string& tool, const std::string& device) const;
  using Devices = std::map<std::string, ToolTime>;  // in an order: their sum depends on it
  /// By device; null: nobody has run it.
  const Devices* find(const std::string& tool) const;

  struct Row {
    const std::string& tool;
    const std::string& device;
    const ToolTime& time;
  };
  /// All, by tool and device.
  std::vector<Row> rows() const;

 private:
  std::unordered_map<std::string, Devices> tools_;
  std::size_t size_ = 0;
};

/// Where an attempt with these needs runs: the model of the worker's GPUs, or `cpu`.
std::string device_of(const protocol::Hello& offer, const domain::ResourceRequest& needs);

}  // namespace landseer::broker
