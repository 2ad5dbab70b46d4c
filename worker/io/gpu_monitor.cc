#include "worker/io/gpu_monitor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace landseer::worker {

GpuMonitor::GpuMonitor(std::unique_ptr<Nvml> nvml, std::vector<protocol::GpuOffer> gpus)
    : nvml_(std::move(nvml)), gpus_([&] {
        // The others cannot be asked: they were taken as given.
        std::erase_if(gpus, [](const auto& gpu) { return gpu.memory_bytes == 0; });
        return std::move(gpus);
      }()) {
  if (!nvml_ || gpus_.empty()) return;
  event_fd_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  thread_ = std::thread([this] { work(); });
}

GpuMonitor::~GpuMonitor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void GpuMonitor::check(const std::vector<std::uint32_t>& indices) {
  const std::lock_guard lock(mutex_);
  wanted_.insert(indices.begin(), indices.end());
  wake_.notify_all();
}

void GpuMonitor::begin(const AttemptKey& key, const std::vector<std::uint32_t>& gpus) {
  const std::lock_guard lock(mutex_);
  for (const std::uint32_t gpu : gpus) {
    if (const auto used = used_.find(gpu); used != used_.end()) uses_[key].before.insert(*used);
  }
  wake_.notify_all();
}

std::uint64_t GpuMonitor::end(const AttemptKey& key) {
  const std::lock_guard lock(mutex_);
  const auto use = uses_.extract(key);
  return use.empty() ? 0 : use.mapped().peak_bytes;
}

std::vector<GpusChecked> GpuMonitor::take_events() {
  std::uint64_t count = 0;
  if (event_fd_) static_cast<void>(!read(event_fd_.get(), &count, sizeof count));
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

void GpuMonitor::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // With nothing running there is still a GPU that may fall off.
    if (wanted_.empty()) wake_.wait_for(lock, kSamplePause);
    if (stopping_) return;
    const std::set<std::uint32_t> asked = std::exchange(wanted_, {});
    lock.unlock();
    std::vector<GpuReading> readings;
    for (const protocol::GpuOffer& gpu : gpus_) readings.push_back(nvml_->read(gpu));
    lock.lock();
    take(readings, asked);
  }
}

void GpuMonitor::take(const std::vector<GpuReading>& readings,
                      const std::set<std::uint32_t>& asked) {
  GpusChecked event;
  for (const GpuReading& reading : readings) {
    const bool trouble = !reading.trouble.empty();
    const bool is_new = trouble && in_trouble_.insert(reading.index).second;
    if (!trouble) in_trouble_.erase(reading.index);
    if (asked.contains(reading.index) || is_new) event.readings.push_back(reading);
    if (trouble) continue;
    used_[reading.index] = reading.memory_used_bytes;
    for (auto& [key, use] : uses_) {
      const auto before = use.before.find(reading.index);
      if (before == use.before.end() || reading.memory_used_bytes <= before->second) continue;
      use.peak_bytes = std::max(use.peak_bytes, reading.memory_used_bytes - before->second);
    }
  }
  if (event.readings.empty()) return;
  events_.push_back(std::move(event));
  const std::uint64_t one = 1;
  static_cast<void>(!write(event_fd_.get(), &one, sizeof one));
}

}  // namespace landseer::worker
