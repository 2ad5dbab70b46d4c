#include "submitter/cli/forecast_source.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

namespace landseer::cli {
namespace {

using protocol::PipelineState;

/// Below that, a deviation of two or three times says nothing.
constexpr std::uint64_t kSpreadSamplesMin = 3;

/// The index of an equal entry, which is added if there is none. Pages repeat what they share.
template <class Entry>
std::uint32_t intern(std::vector<Entry>& all, const Entry& entry) {
  auto found = std::find(all.begin(), all.end(), entry);
  if (found == all.end()) found = all.insert(all.end(), entry);
  return static_cast<std::uint32_t>(found - all.begin());
}

struct Merged {
  protocol::Submission submission;
  std::vector<protocol::GraphTask> tasks;
};

Result<Merged> merge(std::vector<protocol::GraphPage> pages) {
  Merged merged;
  protocol::Submission& s = merged.submission;
  s.policy = pages.front().policy;
  s.priority = pages.front().priority;
  s.dataset_name = pages.front().dataset_name;
  s.dataset_variant = pages.front().dataset_variant;
  s.workflows.resize(pages.front().workflows_total);
  const auto wrong =
      fail(ErrorCode::kVersion, "the broker's graph of the pipeline contradicts itself", "forecast",
           "compare `landseer --version` with the broker's");
  for (protocol::GraphPage& page : pages) {
    std::vector<std::uint32_t> tools;
    std::vector<std::uint32_t> options;
    for (const auto& tool : page.tools) tools.push_back(intern(s.tools, tool));
    for (const auto& entry : page.options) options.push_back(intern(s.options, entry));
    for (protocol::GraphTask& task : page.tasks) {
      if (task.tool >= tools.size() || task.options >= options.size() || task.status < 1 ||
          task.status > static_cast<std::uint8_t>(domain::TaskStatus::kCancelled)) {
        return wrong;
      }
      const auto index = static_cast<std::uint32_t>(s.tasks.size());
      s.tasks.push_back({task.type, tools[task.tool], 0, options[task.options], task.dependencies});
      for (const std::uint32_t workflow : task.workflows) {
        if (workflow >= s.workflows.size()) return wrong;
        s.workflows[workflow].tasks.push_back(index);
      }
      merged.tasks.push_back(std::move(task));
    }
  }
  return merged;
}

/// Pending tasks that are paused, and those that wait for them.
std::vector<bool> held_back(const std::vector<protocol::GraphTask>& tasks) {
  std::vector<bool> waits(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto& above = tasks[i].dependencies;
    waits[i] = tasks[i].paused ||
               (tasks[i].status == static_cast<std::uint8_t>(domain::TaskStatus::kPending) &&
                std::any_of(above.begin(), above.end(),
                            [&](std::uint32_t index) { return index < i && waits[index]; }));
  }
  return waits;
}

/// For what runs on a worker that gets no new work: it can run nothing else.
protocol::Hello away(std::size_t index) {
  protocol::Hello offer;
  offer.uid = offer.name = "away-" + std::to_string(index);
  offer.instance = 1;
  return offer;
}

/// How many complete workflows end the pipeline; 0: all are wanted. The rule holds once.
std::uint64_t wanted_workflows(const protocol::PipelineStatus& status) {
  constexpr std::string_view kRule = "stop_after ";
  for (const protocol::PruningRow& row : status.prunings) {
    if (!row.rule.starts_with(kRule) || row.times > 0) continue;
    std::uint64_t wanted = 0;
    const char* const end = row.rule.data() + row.rule.size();
    const auto read = std::from_chars(row.rule.data() + kRule.size(), end, wanted);
    if (read.ec == std::errc() && read.ptr == end) return wanted;
  }
  return 0;
}

bool goes_first(const protocol::PipelineRow& a, const protocol::PipelineRow& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.pipeline < b.pipeline;
}

}  // namespace

Result<void> ForecastSource::read_workers() {
  const auto offers = client_.offers();
  if (!offers) return tl::make_unexpected(offers.error());
  for (const protocol::OfferRow& row : *offers) {
    workers_.emplace(row.worker, static_cast<std::uint32_t>(question.workers.size()));
    question.workers.push_back(row.offer);
  }
  return {};
}

std::uint32_t ForecastSource::worker_index(WorkerId id) {
  const auto [known, is_new] =
      workers_.emplace(id, static_cast<std::uint32_t>(question.workers.size()));
  if (is_new) question.workers.push_back(away(question.workers.size()));
  return known->second;
}

Result<forecast::Part> ForecastSource::read_part(PipelineId id, bool is_beside) {
  auto pages = client_.graph(id);
  if (!pages) return tl::make_unexpected(pages.error());
  auto merged = merge(std::move(*pages));
  if (!merged) return tl::make_unexpected(merged.error());
  const auto status = client_.status(id);
  if (!status) return tl::make_unexpected(status.error());
  merged->submission.stop_after = wanted_workflows(*status);
  forecast::Part part;
  part.submission = std::move(merged->submission);
  const std::vector<bool> waits = held_back(merged->tasks);
  for (std::size_t i = 0; i < merged->tasks.size(); ++i) {
    const protocol::GraphTask& task = merged->tasks[i];
    forecast::TaskState state;
    state.status = static_cast<domain::TaskStatus>(task.status);
    // Somebody else's work that nobody lets go on takes no room.
    if (is_beside && waits[i]) state.status = domain::TaskStatus::kCancelled;
    state.bytes = task.artifact_bytes;
    state.ran_ms = static_cast<std::int64_t>(task.running_ms);
    if (state.status == domain::TaskStatus::kRunning) state.worker = worker_index(task.worker);
    part.so_far.push_back(state);
  }
  graph = std::move(merged->tasks);
  return part;
}

Result<void> ForecastSource::read_pipelines(PipelineId about) {
  auto rows = client_.pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  std::sort(rows->begin(), rows->end(), goes_first);
  std::map<PipelineId, forecast::Part> parts;  // in the order of submission
  std::uint64_t tasks = 0;
  for (const protocol::PipelineRow& row : *rows) {
    if (row.pipeline == about || row.state != PipelineState::kRunning) continue;
    if (tasks + row.total > kTasksBesideMax) {
      ++left_out;
      continue;
    }
    tasks += row.total;
    auto part = read_part(row.pipeline, true);
    if (!part) return tl::make_unexpected(part.error());
    parts.emplace(row.pipeline, std::move(*part));
  }
  beside = static_cast<std::uint32_t>(parts.size());
  graph.clear();
  if (number(about) != 0) {
    auto part = read_part(about, false);
    if (!part) return tl::make_unexpected(part.error());
    workflows = part->submission.workflows.size();
    parts.emplace(about, std::move(*part));
  }
  for (auto& [id, part] : parts) {
    if (id == about) question.about = question.parts.size();
    question.parts.push_back(std::move(part));
  }
  if (number(about) == 0) question.about = question.parts.size();
  return {};
}

Result<void> ForecastSource::read_times() {
  std::set<std::string> tools;
  for (const forecast::Part& part : question.parts) {
    for (const auto& tool : part.submission.tools) tools.insert(tool.name);
  }
  const auto rows = client_.tool_times({tools.begin(), tools.end()});
  if (!rows) return tl::make_unexpected(rows.error());
  for (const protocol::ToolTimeRow& row : *rows) {
    if (row.samples == 0) continue;
    forecast::ToolTime time;
    time.tool = row.tool;
    time.device = row.device;
    time.mean_ms = static_cast<double>(row.mean_us) / 1000;
    time.samples = row.samples;
    if (row.spread_samples >= kSpreadSamplesMin) {
      time.spread_ms = static_cast<double>(row.spread_us) / 1000;
    }
    if (row.bytes_samples > 0) time.mean_bytes = static_cast<double>(row.mean_bytes);
    question.times.push_back(std::move(time));
  }
  return {};
}

forecast::Part part_of(protocol::Submission submission) {
  forecast::Part part;
  part.so_far.resize(submission.tasks.size());
  part.submission = std::move(submission);
  return part;
}

void apply_durations(const std::vector<pipeline::ToolDuration>& said,
                     std::vector<forecast::ToolTime>& times) {
  std::erase_if(times, [&](const forecast::ToolTime& time) {
    return std::any_of(said.begin(), said.end(), [&](const pipeline::ToolDuration& each) {
      return each.tool == time.tool && (each.device.empty() || each.device == time.device);
    });
  });
  for (const pipeline::ToolDuration& each : said) {
    forecast::ToolTime time;
    time.tool = each.tool;
    time.device = each.device;
    time.mean_ms = std::chrono::duration<double, std::milli>(each.time).count();
    time.spread_ms = each.spread * time.mean_ms;
    if (each.output_bytes) time.mean_bytes = static_cast<double>(*each.output_bytes);
    times.push_back(std::move(time));
  }
}

std::int64_t first_workflow_at(const std::vector<protocol::GraphTask>& graph,
                               std::uint64_t workflows, std::int64_t submitted_at) {
  std::vector<std::optional<std::int64_t>> ends(workflows, submitted_at);
  for (const protocol::GraphTask& task : graph) {
    const bool is_done = task.status == static_cast<std::uint8_t>(domain::TaskStatus::kCompleted);
    for (const std::uint32_t workflow : task.workflows) {
      if (workflow >= ends.size()) continue;
      auto& end = ends[workflow];
      if (!is_done) end.reset();
      if (end) end = std::max(*end, task.finished_at);
    }
  }
  std::int64_t first = 0;
  for (const auto& end : ends) {
    if (end && (first == 0 || *end < first)) first = *end;
  }
  return first;
}

}  // namespace landseer::cli
