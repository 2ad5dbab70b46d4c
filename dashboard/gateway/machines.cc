#include "dashboard/gateway/machines.h"

#include <algorithm>
#include <charconv>

namespace landseer::gateway {

Machines look_at(const std::vector<protocol::WorkerRow>& workers) {
  Machines machines;
  for (const protocol::WorkerRow& row : workers) {
    if (row.state == "unfit" || row.state == "quarantined") machines.unfit.push_back(row.name);
    if (row.state != "connected") continue;
    ++machines.connected;
    machines.cpus_milli += row.cpus_milli;
    machines.cpus_free_milli += row.cpus_free_milli;
    machines.gpus += row.gpus.size();
    machines.gpus_free_milli += row.gpus_free_milli;
    machines.gpus_faulty += static_cast<std::size_t>(
        std::count_if(row.gpus.begin(), row.gpus.end(),
                      [](const std::string& text) { return !read_gpu(text).fault.empty(); }));
  }
  return machines;
}

GpuText read_gpu(const std::string& text) {
  GpuText gpu;
  const auto colon = text.find(':');
  std::from_chars(text.data(), text.data() + std::min(colon, text.size()), gpu.index);
  gpu.model = colon == std::string::npos ? text : text.substr(colon + 1);
  const auto fault = gpu.model.find(" (");
  if (fault != std::string::npos && gpu.model.ends_with(')')) {
    gpu.fault = gpu.model.substr(fault + 2, gpu.model.size() - fault - 3);
    gpu.model.erase(fault);
  }
  return gpu;
}

}  // namespace landseer::gateway
