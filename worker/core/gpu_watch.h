/// Which GPUs may be handed out. After each use a GPU is looked at before the next one gets it: its
/// memory must have come back. One that does not give it back, or that cannot be asked any more, is
/// fenced, looked at now and then, and handed out again when it is well. Pure, as all of the core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/core/effects.h"

namespace landseer::worker {

/// More memory in use than before the task, but no more than this, is noise: drivers keep some.
inline constexpr std::uint64_t kGpuMemorySlackBytes = 256ULL * 1024 * 1024;
/// Looks at a GPU whose memory is still in use before it is fenced; the pause between them doubles
/// from kGpuCheckPause, so together some six seconds.
inline constexpr std::uint32_t kGpuChecksMax = 6;
inline constexpr Duration kGpuCheckPause = std::chrono::milliseconds(200);
/// Between two looks at a fenced GPU.
inline constexpr Duration kGpuFencedPause = std::chrono::seconds(10);

class GpuWatch {
 public:
  /// GPUs whose memory is known are watched; others cannot be asked, and count as well.
  explicit GpuWatch(const std::vector<protocol::GpuOffer>& gpus);

  /// An attempt got it.
  void taken(std::uint32_t index);
  /// The last attempt that had it is over.
  void released(std::uint32_t index, const Now& now);
  void on_reading(const GpuReading& reading, const Now& now);
  /// Asks for the looks that are due.
  void settle(const Now& now, std::vector<Effect>& out);
  /// Empty: nothing is planned.
  std::optional<Instant> next_deadline() const;

  /// Neither fenced nor about to be looked at.
  bool is_usable(std::uint32_t index) const;
  /// Why nothing may run on it, in words; empty: it is well.
  std::string fault(std::uint32_t index) const;

 private:
  enum class State : std::uint8_t { kFree, kInUse, kChecking };
  struct Gpu {
    State state = State::kChecking;           // until the first reading
    std::optional<std::uint64_t> idle_bytes;  // in use when nobody has it; empty: never seen idle
    std::uint32_t checks = 0;                 // in a row that it failed
    Instant check_at{};
    bool asked = false;
    std::string fault;
  };
  static void fail(Gpu& gpu, const GpuReading& reading, const Now& now);

  std::map<std::uint32_t, Gpu> gpus_;
};

}  // namespace landseer::worker
