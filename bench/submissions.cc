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

protocol::Submission unlike_tasks(std::size_t count, const std::string& id) {
  protocol::Submission s = independent_tasks(count, id);
  for (auto& tool : s.tools) tool.runtime = "process";
  s.use_cache = false;
  s.options.clear();
  for (const std::uint32_t cpus : {1u, 2u, 4u, 8u, 16u}) {
    for (const std::uint32_t gpus : {0u, 1u, 2u, 4u}) {
      for (const std::uint64_t gibibytes : {1u, 4u, 8u, 16u, 32u}) {
        protocol::OptionsEntry options;
        options.cpus_milli = 1000 * cpus;
        options.gpus_milli = 1000 * gpus;
        options.memory_bytes = gibibytes << 30;
        s.options.push_back(options);
      }
    }
  }
  for (std::uint32_t i = 0; i < s.tasks.size(); ++i) {
    s.tasks[i].options = i % static_cast<std::uint32_t>(s.options.size());
  }
  return s;
}

protocol::Hello unlike_worker(std::size_t worker, std::uint64_t instance) {
  constexpr std::uint64_t kMemory = std::uint64_t{16} << 30;
  protocol::Hello hello;
  hello.uid = hello.name = "worker-" + std::to_string(worker);
  hello.instance = instance;
  hello.runtimes = {"process"};
  hello.cpus_milli = 1000u * (8u << worker % 4);
  hello.memory_bytes = kMemory << worker % 5;
  for (std::uint32_t gpu = 0; gpu < worker % 9; ++gpu) {
    hello.gpus.push_back({gpu, "gpu", kMemory});
  }
  return hello;
}

}  // namespace landseer::bench
