#include "broker/forecast/preparation.h"

#include <algorithm>
#include <map>

#include "broker/core/submission_builder.h"

namespace landseer::forecast {

using domain::TaskStatus;

namespace {

tl::unexpected<Error> mistake(const std::string& what) {
  return fail(ErrorCode::kInvalid, what, "forecast",
              "this is a mistake of the program that asks; please report it");
}

}  // namespace

protocol::Submission stripped(const protocol::Submission& from, std::size_t index) {
  protocol::Submission s;
  s.submission_id = s.name = "part " + std::to_string(index);
  s.policy = from.policy;
  s.priority = from.priority;
  s.use_cache = false;
  s.dataset_name = from.dataset_name;
  s.dataset_variant = from.dataset_variant;
  s.tools = from.tools;
  s.options = from.options;
  s.tasks = from.tasks;
  s.workflows = from.workflows;
  s.stop_after = from.stop_after;
  s.configs.reserve(s.tasks.size());
  for (std::uint32_t i = 0; i < s.tasks.size(); ++i) {
    s.configs.push_back("{\"task\":" + std::to_string(i) + "}");
    s.tasks[i].config = i;
  }
  return s;
}

Result<void> check_part(const protocol::Submission& submission,
                        const std::vector<TaskState>& so_far, std::size_t workers) {
  domain::IdCounters ids;
  broker::RequestTable requests;
  const auto built = broker::build_pipeline(submission, ids, requests, {}, WallTime{});
  if (!built) return tl::make_unexpected(built.error());
  if ((*built)->pipeline->tasks.size() != submission.tasks.size()) {
    return mistake("two tasks of the pipeline are the same work");
  }
  const bool is_known = std::all_of(so_far.begin(), so_far.end(), [&](const TaskState& state) {
    return state.status != TaskStatus::kRunning || state.worker < workers;
  });
  if (so_far.size() == submission.tasks.size() && is_known) return {};
  return mistake("the states of the tasks do not fit the pipeline");
}

std::vector<TaskState> consistent(const Part& part) {
  std::vector<TaskState> states = part.so_far;
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (const std::uint32_t before : part.submission.tasks[i].dependencies) {
      const TaskStatus status = states[before].status;
      if (status == TaskStatus::kCompleted) continue;
      if (domain::is_terminal(status)) {
        states[i].status = TaskStatus::kSkipped;
        break;
      }
      const bool is_ahead =
          states[i].status == TaskStatus::kCompleted || states[i].status == TaskStatus::kRunning;
      if (is_ahead) states[i].status = TaskStatus::kPending;
    }
  }
  return states;
}

std::vector<protocol::Hello> with_contents(std::vector<protocol::Hello> workers) {
  std::map<std::pair<std::string, std::string>, Digest> contents;
  for (const protocol::Hello& worker : workers) {
    for (const auto& dataset : worker.datasets) {
      if (dataset.content.empty()) continue;
      contents.emplace(std::pair(dataset.name, dataset.variant), dataset.content);
    }
  }
  for (protocol::Hello& worker : workers) {
    for (auto& dataset : worker.datasets) {
      if (!dataset.content.empty()) continue;
      const auto other = contents.find({dataset.name, dataset.variant});
      dataset.content = other != contents.end() ? other->second : sha256(dataset.name);
    }
  }
  return workers;
}

}  // namespace landseer::forecast
