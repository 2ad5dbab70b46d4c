/// Looks at the GPUs while tools run, and when the core asks. The driver is asked in a thread of
/// its own: it may take long.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "worker/core/effects.h"
#include "worker/io/nvml.h"

namespace landseer::worker {

class GpuMonitor {
 public:
  static constexpr Duration kSamplePause = std::chrono::seconds(1);

  /// `nvml` null: no GPU can be asked, and nothing happens.
  GpuMonitor(std::unique_ptr<Nvml> nvml, std::vector<protocol::GpuOffer> gpus);
  ~GpuMonitor();
  GpuMonitor(const GpuMonitor&) = delete;
  GpuMonitor& operator=(const GpuMonitor&) = delete;

  /// Answered by one event.
  void check(const std::vector<std::uint32_t>& indices);
  /// An attempt has these GPUs for itself from now on, until `end`, which tells the most memory it
  /// was seen to use on one of them; 0 if it was not seen.
  void begin(const AttemptKey& key, const std::vector<std::uint32_t>& gpus);
  std::uint64_t end(const AttemptKey& key);

  /// Readable while there are events; -1 without GPUs that can be asked.
  int fd() const { return event_fd_.get(); }
  std::vector<GpusChecked> take_events();

 private:
  struct Use {
    std::map<std::uint32_t, std::uint64_t> before;  ///< GPU to bytes in use at the beginning
    std::uint64_t peak_bytes = 0;
  };
  void work();
  void take(const std::vector<GpuReading>& readings, const std::set<std::uint32_t>& asked);

  const std::unique_ptr<Nvml> nvml_;
  const std::vector<protocol::GpuOffer> gpus_;
  UniqueFd event_fd_;

  std::mutex mutex_;  ///< guards everything below but the thread
  std::condition_variable wake_;
  std::set<std::uint32_t> wanted_;
  std::map<std::uint32_t, std::uint64_t> used_;  ///< at the last look
  std::set<std::uint32_t> in_trouble_;
  std::map<AttemptKey, Use> uses_;
  std::vector<GpusChecked> events_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace landseer::worker
