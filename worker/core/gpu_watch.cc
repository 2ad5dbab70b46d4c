#include "worker/core/gpu_watch.h"

#include <algorithm>

#include "common/base/units.h"

namespace landseer::worker {

GpuWatch::GpuWatch(const std::vector<protocol::GpuOffer>& gpus) {
  for (const protocol::GpuOffer& gpu : gpus) {
    if (gpu.memory_bytes != 0) gpus_[gpu.index].fault = gpu.fault;
  }
}

void GpuWatch::taken(std::uint32_t index) {
  const auto found = gpus_.find(index);
  if (found != gpus_.end()) found->second.state = State::kInUse;
}

void GpuWatch::released(std::uint32_t index, const Now& now) {
  const auto found = gpus_.find(index);
  if (found == gpus_.end()) return;
  Gpu& gpu = found->second;
  gpu.state = State::kChecking;
  gpu.checks = 0;
  gpu.check_at = now.instant;
  gpu.asked = false;
}

void GpuWatch::on_reading(const GpuReading& reading, const Now& now) {
  const auto found = gpus_.find(reading.index);
  if (found == gpus_.end()) return;
  Gpu& gpu = found->second;
  if (!reading.trouble.empty()) {
    gpu.fault = "it cannot be asked: " + reading.trouble;
    if (gpu.state == State::kFree) gpu.state = State::kChecking;
    gpu.check_at = now.instant + kGpuFencedPause;
    gpu.asked = false;
    return;
  }
  if (gpu.state != State::kChecking) return;  // in use: what is used tells nothing
  gpu.asked = false;
  const std::uint64_t idle = gpu.idle_bytes.value_or(reading.memory_used_bytes);
  if (reading.memory_used_bytes > idle + kGpuMemorySlackBytes) return fail(gpu, reading, now);
  gpu.idle_bytes = std::min(idle, reading.memory_used_bytes);
  gpu.fault.clear();
  gpu.checks = 0;
  gpu.state = State::kFree;
}

void GpuWatch::fail(Gpu& gpu, const GpuReading& reading, const Now& now) {
  ++gpu.checks;
  if (gpu.checks < kGpuChecksMax) {
    gpu.check_at = now.instant + kGpuCheckPause * (std::int64_t{1} << (gpu.checks - 1));
    return;
  }
  gpu.checks = kGpuChecksMax;
  gpu.check_at = now.instant + kGpuFencedPause;
  gpu.fault = format_bytes(reading.memory_used_bytes - *gpu.idle_bytes) +
              " of its memory are still in use after its task";
  for (const std::uint32_t pid : reading.processes) {
    gpu.fault +=
        (pid == reading.processes.front() ? ", by process " : " and ") + std::to_string(pid);
    if (pid == reading.processes.back() || gpu.fault.size() > 100) break;
  }
}

void GpuWatch::settle(const Now& now, std::vector<Effect>& out) {
  CheckGpus check;
  for (auto& [index, gpu] : gpus_) {
    if (gpu.state != State::kChecking || gpu.asked || now.instant < gpu.check_at) continue;
    gpu.asked = true;
    check.indices.push_back(index);
  }
  if (!check.indices.empty()) out.push_back(std::move(check));
}

std::optional<Instant> GpuWatch::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [index, gpu] : gpus_) {
    if (gpu.state != State::kChecking || gpu.asked) continue;
    if (!next || gpu.check_at < *next) next = gpu.check_at;
  }
  return next;
}

bool GpuWatch::is_usable(std::uint32_t index) const {
  const auto found = gpus_.find(index);
  return found == gpus_.end() ||
         (found->second.state != State::kChecking && found->second.fault.empty());
}

std::string GpuWatch::fault(std::uint32_t index) const {
  const auto found = gpus_.find(index);
  return found == gpus_.end() ? std::string() : found->second.fault;
}

}  // namespace landseer::worker
