#include "worker/io/nvml.h"

#include <dlfcn.h>
#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace landseer::worker {
namespace {

using Device = void*;
constexpr int kSuccess = 0;
constexpr int kInsufficientSize = 7;
constexpr unsigned kNameBytes = 96;

struct Memory {
  unsigned long long total, free, used;
};

/// nvmlProcessInfo_t of the third version of the call.
struct Process {
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};

struct CloseLibrary {
  void operator()(void* library) const { dlclose(library); }
};

template <class Function>
bool load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

struct Nvml::Functions {
  std::unique_ptr<void, CloseLibrary> library;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*by_index)(unsigned, Device*) = nullptr;
  int (*by_uuid)(const char*, Device*) = nullptr;
  int (*uuid)(Device, char*, unsigned) = nullptr;
  int (*name)(Device, char*, unsigned) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*processes)(Device, unsigned*, Process*) = nullptr;  // not in old drivers
  const char* (*error)(int) = nullptr;

  bool load_all() {
    void* from = library.get();
    load(from, "nvmlDeviceGetComputeRunningProcesses_v3", processes);
    return load(from, "nvmlInit_v2", init) && load(from, "nvmlShutdown", shutdown) &&
           load(from, "nvmlDeviceGetCount_v2", count) &&
           load(from, "nvmlDeviceGetHandleByIndex_v2", by_index) &&
           load(from, "nvmlDeviceGetHandleByUUID", by_uuid) &&
           load(from, "nvmlDeviceGetUUID", uuid) && load(from, "nvmlDeviceGetName", name) &&
           load(from, "nvmlDeviceGetMemoryInfo", memory) && load(from, "nvmlErrorString", error);
  }
};

Result<std::unique_ptr<Nvml>> Nvml::open(const std::string& library) {
  auto functions = std::make_unique<Functions>();
  functions->library.reset(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!functions->library) {
    return fail(ErrorCode::kNotFound, std::string("cannot be loaded: ") + dlerror(), library);
  }
  if (!functions->load_all()) {
    return fail(ErrorCode::kUnavailable, "is not NVIDIA's management library, or too old", library);
  }
  if (const int error = functions->init(); error != kSuccess) {
    return fail(ErrorCode::kUnavailable,
                std::string("cannot speak to the NVIDIA driver: ") + functions->error(error),
                library);
  }
  return std::unique_ptr<Nvml>(new Nvml(std::move(functions)));
}

Nvml::Nvml(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}

Nvml::~Nvml() {
  if (running_) functions_->shutdown();
}

std::string Nvml::error_text(int error) const { return functions_->error(error); }

std::vector<protocol::GpuOffer> Nvml::gpus() {
  std::vector<protocol::GpuOffer> found;
  unsigned count = 0;
  functions_->count(&count);
  for (unsigned index = 0; index < count; ++index) {
    Device device = nullptr;
    std::array<char, kNameBytes> uuid{};
    std::array<char, kNameBytes> name{};
    Memory memory{};
    if (functions_->by_index(index, &device) != kSuccess ||
        functions_->uuid(device, uuid.data(), kNameBytes) != kSuccess ||
        functions_->memory(device, &memory) != kSuccess) {
      spdlog::warn("GPU {} cannot be asked what it is, so it is not offered; see `nvidia-smi`",
                   index);
      continue;
    }
    functions_->name(device, name.data(), kNameBytes);
    found.push_back({index, name.data(), memory.total, uuid.data(), {}});
  }
  return found;
}

/// A GPU that came back is seen only after a new start of the library.
int Nvml::find(const protocol::GpuOffer& gpu, void** device) {
  int error = running_ ? functions_->by_uuid(gpu.uuid.c_str(), device) : -1;
  if (error == kSuccess) return error;
  if (std::exchange(running_, false)) functions_->shutdown();
  if (const int again = functions_->init(); again != kSuccess) return again;
  running_ = true;
  error = functions_->by_uuid(gpu.uuid.c_str(), device);
  return error;
}

GpuReading Nvml::read(const protocol::GpuOffer& gpu) {
  GpuReading reading;
  reading.index = gpu.index;
  Device device = nullptr;
  Memory memory{};
  int error = find(gpu, &device);
  if (error == kSuccess) error = functions_->memory(device, &memory);
  if (error != kSuccess) {
    reading.trouble = error_text(error);
    return reading;
  }
  reading.memory_used_bytes = memory.used;
  std::array<Process, 32> processes{};
  unsigned count = processes.size();
  const int listed = functions_->processes == nullptr
                         ? -1
                         : functions_->processes(device, &count, processes.data());
  if (listed == kSuccess || listed == kInsufficientSize) {
    for (unsigned i = 0; i < count && i < processes.size(); ++i) {
      if (processes[i].pid != 0) reading.processes.push_back(processes[i].pid);
    }
  }
  return reading;
}

}  // namespace landseer::worker
