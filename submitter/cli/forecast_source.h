/// What a forecast is made from, as the broker tells it: its workers, its unfinished pipelines, the
/// times it has learned, and what the user says instead.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/forecast/forecast.h"
#include "submitter/cli/context.h"
#include "submitter/pipeline/durations.h"

namespace landseer::cli {

/// Tasks of other pipelines that a forecast takes along, at most. Those that go first come first.
inline constexpr std::uint64_t kTasksBesideMax = 200'000;

/// Reads everything once; ask for the parts in the order of this class.
class ForecastSource {
 public:
  explicit ForecastSource(client::Client& client) : client_(client) {}

  /// The workers that would get work now.
  Result<void> read_workers();
  /// Unfinished pipelines that are not paused, without their paused parts, and, if it is not 0,
  /// `about`. Sets question.about to the latter, else to where a new one has to be added.
  Result<void> read_pipelines(PipelineId about);
  /// Of all tools of `question.parts`.
  Result<void> read_times();

  forecast::Question question;
  std::uint32_t beside = 0;                ///< pipelines taken along
  std::uint32_t left_out = 0;              ///< and those that are not, beyond kTasksBesideMax
  std::vector<protocol::GraphTask> graph;  ///< of `about`
  std::uint64_t workflows = 0;             ///< of `about`

 private:
  Result<forecast::Part> read_part(PipelineId id, bool is_beside);
  std::uint32_t worker_index(WorkerId id);

  client::Client& client_;
  std::map<WorkerId, std::uint32_t> workers_;
};

/// Every task pending, for one that is not submitted.
forecast::Part part_of(protocol::Submission submission);

/// What the user says replaces what was learned about a tool on that device, or on all.
void apply_durations(const std::vector<pipeline::ToolDuration>& said,
                     std::vector<forecast::ToolTime>& times);

/// When the first complete workflow was: Unix milliseconds; 0: none is complete.
std::int64_t first_workflow_at(const std::vector<protocol::GraphTask>& graph,
                               std::uint64_t workflows, std::int64_t submitted_at);

}  // namespace landseer::cli
