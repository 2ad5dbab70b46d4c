#include "submitter/cli/what_if.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "common/base/units.h"

namespace landseer::cli {
namespace {

constexpr const char* kHint =
    "write COUNTxMODEL, such as 8xA100, 4xT4:gpus=2:cpus=16:memory=64GiB or 2xcpu:cpus=32";

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> parse_count(std::string_view text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value >= 1 && value <= most ? std::optional(value) : std::nullopt;
}

tl::unexpected<Error> wrong(const std::string& what, std::string_view where) {
  return fail(ErrorCode::kInvalid, what, "--workers " + std::string(where), kHint);
}

bool read_setting(std::string_view setting, WorkerGroup& group) {
  const auto middle = setting.find('=');
  if (middle == std::string_view::npos) return false;
  const std::string_view key = setting.substr(0, middle);
  const std::string_view value = setting.substr(middle + 1);
  if (key == "memory" || key == "gpu_memory") {
    const auto bytes = parse_bytes(value);
    if (!bytes || *bytes == 0) return false;
    (key == "memory" ? group.memory_bytes : group.gpu_memory_bytes) = *bytes;
    return true;
  }
  const auto count = parse_count(value, key == "cpus" ? 4096 : 64);
  if (!count || (key != "cpus" && (key != "gpus" || group.model.empty()))) return false;
  if (key == "cpus") group.cpus_milli = 1000 * *count;
  if (key == "gpus") group.gpus = *count;
  return true;
}

Result<WorkerGroup> parse_group(std::string_view text) {
  const auto parts = split(text, ':');
  const auto middle = parts[0].find('x');
  if (middle == std::string_view::npos || middle + 1 == parts[0].size()) {
    return wrong("'" + std::string(text) + "' is no group of workers", text);
  }
  WorkerGroup group;
  const auto count = parse_count(parts[0].substr(0, middle), kWhatIfWorkersMax);
  if (!count) {
    return wrong("'" + std::string(parts[0].substr(0, middle)) + "' is not a number from 1 to " +
                     std::to_string(kWhatIfWorkersMax),
                 text);
  }
  group.count = *count;
  group.model = parts[0].substr(middle + 1);
  if (group.model == "cpu") group.model.clear();
  if (group.model.size() > 128) return wrong("the model's name is longer than 128 bytes", text);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!read_setting(parts[i], group)) {
      return wrong("'" + std::string(parts[i]) +
                       "' is none of cpus=N, gpus=N (with a GPU), memory=SIZE and gpu_memory=SIZE",
                   text);
    }
  }
  return group;
}

}  // namespace

Result<std::vector<WorkerGroup>> parse_workers(std::string_view text) {
  std::vector<WorkerGroup> groups;
  std::uint64_t workers = 0;
  for (const std::string_view part : split(text, ',')) {
    auto group = parse_group(part);
    if (!group) return tl::make_unexpected(group.error());
    workers += group->count;
    groups.push_back(std::move(*group));
  }
  if (workers <= kWhatIfWorkersMax) return groups;
  return wrong("these are " + std::to_string(workers) + " workers, a broker knows at most " +
                   std::to_string(kWhatIfWorkersMax),
               text);
}

std::vector<protocol::Hello> offers_of(const std::vector<WorkerGroup>& groups,
                                       const protocol::Submission& pipeline) {
  constexpr std::uint64_t kPlenty = std::uint64_t{1} << 50;
  std::set<std::string> runtimes;
  for (const auto& tool : pipeline.tools) {
    if (tool.runtime && !tool.runtime->empty()) runtimes.insert(*tool.runtime);
  }
  runtimes.insert("process");
  std::vector<protocol::Hello> offers;
  for (const WorkerGroup& group : groups) {
    const std::uint32_t gpus = group.model.empty() ? 0 : group.gpus;
    protocol::Hello offer;
    offer.cpus_milli = group.cpus_milli != 0 ? group.cpus_milli : kCpusMilli * std::max(gpus, 1u);
    offer.memory_bytes = group.memory_bytes != 0 ? group.memory_bytes : kPlenty;
    for (std::uint32_t i = 0; i < gpus; ++i) {
      offer.gpus.push_back(
          {i, group.model, group.gpu_memory_bytes != 0 ? group.gpu_memory_bytes : kPlenty});
    }
    offer.scratch_bytes = kPlenty;
    offer.runtimes.assign(runtimes.begin(), runtimes.end());
    if (!pipeline.dataset_name.empty()) offer.datasets.push_back({pipeline.dataset_name, ""});
    for (std::uint32_t i = 0; i < group.count; ++i) {
      offer.uid = offer.name = "imagined-" + std::to_string(offers.size() + 1);
      offer.instance = 1;
      offers.push_back(offer);
    }
  }
  return offers;
}

}  // namespace landseer::cli
