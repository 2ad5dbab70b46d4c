#include "bench/scheduling/workload.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace landseer::bench {
namespace {

constexpr double kToolSigma = 0.6;
constexpr double kTaskSigma = 0.1;

/// Box and Muller's, so that every library draws the same.
class Normal {
 public:
  explicit Normal(std::uint64_t seed) : random_(seed) {}
  double operator()() {
    const double angle = 2 * std::numbers::pi * unit();
    return std::sqrt(-2 * std::log(1 - unit())) * std::cos(angle);
  }

 private:
  double unit() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  std::mt19937_64 random_;
};

protocol::Submission empty_submission(const std::string& name, const std::string& policy) {
  protocol::Submission s;
  s.submission_id = s.name = name;
  s.policy = policy;
  s.use_cache = false;
  s.configs = {"{}"};
  s.options.resize(1);
  s.options[0].gpus_milli = 1000;
  return s;
}

protocol::ToolEntry tool_entry(std::string name) {
  protocol::ToolEntry tool;
  tool.name = std::move(name);
  tool.image = "image";
  return tool;
}

std::int64_t spread(double around_ms, double sigma, Normal& normal) {
  return std::max<std::int64_t>(std::llround(around_ms * std::exp(sigma * normal())), 1);
}

}  // namespace

double Workload::lower_bound_ms(std::uint32_t gpus) const {
  std::vector<std::int64_t> path = run_ms;
  double work = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    std::int64_t before = 0;
    for (const std::uint32_t each : submission.tasks[i].dependencies) {
      before = std::max(before, path[each]);
    }
    path[i] += before;
    work += static_cast<double>(run_ms[i]);
  }
  return std::max(work / gpus, static_cast<double>(*std::max_element(path.begin(), path.end())));
}

forecast::Job Workload::job(std::int64_t after_ms) const {
  forecast::Job job;
  job.submission = &submission;
  job.after_ms = after_ms;
  job.run_ms = [this](std::uint32_t task, const std::string&) { return run_ms[task]; };
  return job;
}

std::vector<protocol::Hello> gpu_workers(std::uint32_t gpus) {
  std::vector<protocol::Hello> workers;
  for (std::uint32_t i = 0; i < gpus; ++i) {
    protocol::Hello& hello = workers.emplace_back();
    hello.uid = hello.name = "worker-" + std::to_string(i);
    hello.instance = 1;
    hello.cpus_milli = 8000;
    hello.memory_bytes = std::uint64_t{64} << 30;
    hello.runtimes = {"process"};
    hello.gpus = {{0, "virtual", std::uint64_t{16} << 30}};
  }
  return workers;
}

Workload make_product(const Product& product, const std::string& name, const std::string& policy,
                      std::uint64_t tool_seed, std::uint64_t seed) {
  Workload made;
  protocol::Submission& s = made.submission = empty_submission(name, policy);
  Normal tools(tool_seed);
  Normal tasks(seed + (std::uint64_t{1} << 32));
  std::vector<std::vector<std::uint32_t>> chains{{}};
  for (std::size_t stage = 0; stage < product.tools.size(); ++stage) {
    const auto first_tool = static_cast<std::uint32_t>(s.tools.size());
    for (std::uint32_t i = 0; i < product.tools[stage]; ++i) {
      s.tools.push_back(tool_entry("tool_" + std::to_string(stage) + "_" + std::to_string(i)));
      made.tool_ms.push_back(spread(product.minutes[stage] * 60'000, kToolSigma, tools));
    }
    std::vector<std::vector<std::uint32_t>> longer;
    for (const auto& chain : chains) {
      for (std::uint32_t tool = first_tool; tool < s.tools.size(); ++tool) {
        protocol::TaskEntry task;
        task.type = static_cast<std::uint8_t>(stage + 1);
        task.tool = tool;
        if (!chain.empty()) task.dependencies = {chain.back()};
        longer.push_back(chain);
        longer.back().push_back(static_cast<std::uint32_t>(s.tasks.size()));
        s.tasks.push_back(task);
        const auto around_ms = static_cast<double>(made.tool_ms[tool]);
        made.run_ms.push_back(spread(around_ms, kTaskSigma, tasks));
      }
    }
    chains = std::move(longer);
  }
  for (const auto& chain : chains) {
    s.workflows.push_back({"comb_" + std::to_string(s.workflows.size() + 1), chain});
  }
  return made;
}

Workload make_exact(const Workload& workload) {
  Workload made = workload;
  protocol::Submission& s = made.submission;
  s.tools.clear();
  made.tool_ms = made.run_ms;
  for (protocol::TaskEntry& task : s.tasks) {
    task.tool = static_cast<std::uint32_t>(s.tools.size());
    s.tools.push_back(tool_entry("tool_" + std::to_string(task.tool)));
  }
  return made;
}

Workload make_history(const Workload& workload, std::uint32_t times) {
  Workload made;
  protocol::Submission& s = made.submission = empty_submission("history", "landseer");
  s.tools = workload.submission.tools;
  s.configs.clear();
  for (std::uint32_t round = 0; round < times; ++round) {
    s.configs.push_back("{\"round\":" + std::to_string(round) + "}");
    for (std::uint32_t tool = 0; tool < s.tools.size(); ++tool) {
      protocol::TaskEntry task;
      task.tool = tool;
      task.config = round;
      s.workflows.push_back({"once", {static_cast<std::uint32_t>(s.tasks.size())}});
      s.tasks.push_back(task);
      made.run_ms.push_back(workload.tool_ms[tool]);
    }
  }
  return made;
}

}  // namespace landseer::bench
