// NVIDIA's library as far as the worker uses it. Its GPUs are the lines of the file that
// LANDSEER_FAKE_NVML names, read at every call: UUID NAME TOTAL USED PID, or UUID lost.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Gpu {
  std::string uuid, name;
  unsigned long long total = 0, used = 0;
  unsigned pid = 0;
};
struct Memory {
  unsigned long long total, free, used;
};
struct Process {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};

std::vector<Gpu> gpus() {
  std::vector<Gpu> found;
  const char* path = std::getenv("LANDSEER_FAKE_NVML");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string line; std::getline(file, line);) {
    Gpu gpu;
    std::istringstream(line) >> gpu.uuid >> gpu.name >> gpu.total >> gpu.used >> gpu.pid;
    found.push_back(gpu);
  }
  return found;
}

constexpr int kLost = 15;

/// A handle is the number of the line, from 1.
const Gpu* find(const std::vector<Gpu>& all, void* device) {
  const auto index = reinterpret_cast<std::size_t>(device) - 1;
  return index < all.size() && all[index].name != "lost" ? &all[index] : nullptr;
}

int give(const std::vector<Gpu>& all, std::size_t index, void** device) {
  *device = reinterpret_cast<void*>(index + 1);
  return find(all, *device) != nullptr ? 0 : kLost;
}

}  // namespace

extern "C" {
int nvmlInit_v2() { return std::getenv("LANDSEER_FAKE_NVML") != nullptr ? 0 : 9; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(gpus().size());
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  return give(gpus(), index, device);
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  const auto all = gpus();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].uuid == uuid) return give(all, i, device);
  }
  return kLost;
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  const auto all = gpus();
  const Gpu* gpu = find(all, device);
  if (gpu != nullptr) std::snprintf(text, size, "%s", gpu->uuid.c_str());
  return gpu != nullptr ? 0 : kLost;
}
int nvmlDeviceGetName(void* device, char* text, unsigned size) {
  const auto all = gpus();
  const Gpu* gpu = find(all, device);
  if (gpu != nullptr) std::snprintf(text, size, "%s", gpu->name.c_str());
  return gpu != nullptr ? 0 : kLost;
}
int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
  const auto all = gpus();
  const Gpu* gpu = find(all, device);
  if (gpu == nullptr) return kLost;
  *memory = {gpu->total, gpu->total - gpu->used, gpu->used};
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* processes) {
  const auto all = gpus();
  const Gpu* gpu = find(all, device);
  if (gpu == nullptr) return kLost;
  *count = gpu->pid != 0 ? 1 : 0;
  if (gpu->pid != 0) processes[0] = {gpu->pid, gpu->used, 0, 0};
  return 0;
}
const char* nvmlErrorString(int error) { return error == kLost ? "GPU is lost" : "no driver"; }
}
