#include "bench/submissions.h"

#include <algorithm>

namespace landseer::bench {
namespace {

constexpr std::uint32_t kTools = 40;
constexpr std::uint32_t kToolsEach = 10;  // of a stage

protocol::Submission with_tools(const std::string& id) {
  protocol::Submission s;
  s.submission_id = s.name = id;
  s.options.resize(1);
  for (std::uint32_t i = 0; i < kTools; ++i) {
    s.tools.push_back({"tool" + std::to_string(i), "image", "run", "noop", false});
  }
  return s;
}

/// With a configuration that no other has.
void add_task(protocol::Submission& s, std::uint32_t tool, std::vector<std::uint32_t> after) {
  protocol::TaskEntry task;
  task.tool = tool;
  task.config = static_cast<std::uint32_t>(s.configs.size());
  task.dependencies = std::move(after);
  s.configs.push_back("{\"n\":" + std::to_string(s.tasks.size()) + "}");
  s.tasks.push_back(std::move(task));
}

void add_workflow(protocol::Submission& s, std::uint32_t last) {
  std::vector<std::uint32_t> chain{last};
  while (!s.tasks[chain.back()].dependencies.empty()) {
    chain.push_back(s.tasks[chain.back()].dependencies[0]);
  }
  std::reverse(chain.begin(), chain.end());
  s.workflows.push_back({"w" + std::to_string(last), std::move(chain)});
}

/// One grid, or what there is still room for.
void add_grid(protocol::Submission& s, std::size_t count) {
  auto parent = static_cast<std::uint32_t>(s.tasks.size());
  for (std::uint32_t i = 0; i < kToolsEach && s.tasks.size() < count; ++i) add_task(s, i, {});
  for (std::uint32_t stage = 1; stage < kTools / kToolsEach; ++stage) {
    for (const auto end = static_cast<std::uint32_t>(s.tasks.size()); parent < end; ++parent) {
      for (std::uint32_t i = 0; i < kToolsEach && s.tasks.size() < count; ++i) {
        add_task(s, stage * kToolsEach + i, {parent});
      }
    }
  }
}

}  // namespace

protocol::Submission independent_tasks(std::size_t count, const std::string& id) {
  protocol::Submission s = with_tools(id);
  for (std::uint32_t i = 0; i < count; ++i) {
    add_task(s, i % kTools, {});
    add_workflow(s, i);
  }
  return s;
}

protocol::Submission grid_tasks(std::size_t count, const std::string& id) {
  protocol::Submission s = with_tools(id);
  while (s.tasks.size() < count) add_grid(s, count);
  std::vector<bool> is_parent(s.tasks.size());
  for (const auto& task : s.tasks) {
    for (const std::uint32_t dependency : task.dependencies) is_parent[dependency] = true;
  }
  for (std::uint32_t i = 0; i < s.tasks.size(); ++i) {
    if (!is_parent[i]) add_workflow(s, i);
  }
  return s;
}

}  // namespace landseer::bench
