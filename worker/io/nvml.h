/// NVIDIA's management library, loaded at run time: a host without it has no GPUs for us. Only what
/// is asked here is declared, by ourselves; the library's interface is stable and public.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/core/effects.h"

namespace landseer::worker {

inline constexpr const char* kNvmlLibrary = "libnvidia-ml.so.1";

/// Calls may take long when a driver is in trouble. Used by one thread at a time.
class Nvml {
 public:
  /// kNotFound: there is no such library. kUnavailable: it cannot speak to the driver.
  static Result<std::unique_ptr<Nvml>> open(const std::string& library);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  /// All GPUs that can be asked, in the order of their numbers.
  std::vector<protocol::GpuOffer> gpus();
  /// By its UUID, for numbers change when one falls off.
  GpuReading read(const protocol::GpuOffer& gpu);

 private:
  struct Functions;
  explicit Nvml(std::unique_ptr<Functions> functions);
  std::string error_text(int error) const;
  int find(const protocol::GpuOffer& gpu, void** device);

  std::unique_ptr<Functions> functions_;
  bool running_ = true;  ///< between init and shutdown
};

}  // namespace landseer::worker
