#include "dashboard/gateway/expected_times.h"

#include <set>
#include <utility>

namespace landseer::gateway {
namespace {

/// They move slowly: each attempt changes a mean of eight.
constexpr std::int64_t kKeptMs = 10'000;

/// On all devices alike, as the scheduler expects them.
ToolTimes means(const std::vector<protocol::ToolTimeRow>& rows) {
  std::unordered_map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums;
  for (const protocol::ToolTimeRow& row : rows) {
    if (row.samples == 0) continue;
    auto& [sum_us, devices] = sums[row.tool];
    sum_us += row.mean_us;
    ++devices;
  }
  ToolTimes times;
  for (const auto& [tool, sum] : sums) {
    times[tool] = static_cast<std::int64_t>(sum.first / sum.second / 1000);
  }
  return times;
}

}  // namespace

Result<ToolTimes> expected_times(client::Client& client, SharedPipeline& pipeline,
                                 std::int64_t now_ms) {
  std::set<std::string> tools;
  {
    const std::lock_guard lock(pipeline.mutex);
    if (pipeline.tool_times_at != 0 && now_ms - pipeline.tool_times_at < kKeptMs) {
      return pipeline.tool_times;
    }
    for (const protocol::TaskRow& row : pipeline.model.tasks()) tools.insert(row.tool);
  }
  const auto rows = client.tool_times({tools.begin(), tools.end()});
  if (!rows) return tl::make_unexpected(rows.error());
  const std::lock_guard lock(pipeline.mutex);
  pipeline.tool_times = means(*rows);
  pipeline.tool_times_at = now_ms;
  return pipeline.tool_times;
}

}  // namespace landseer::gateway
