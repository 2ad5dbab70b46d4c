#include "submitter/pipeline/graph.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace landseer::pipeline {
namespace {

using Indices = std::vector<std::uint32_t>;

constexpr std::uint32_t kNoTask = 0xFFFF'FFFF;

StageUnits number_stage(const Stage& stage, Expansion expansion, FileUnits& units) {
  StageUnits numbered;
  for (const ToolUse& use : stage.tools) {
    const std::size_t known = units.table.units().size();
    const std::uint32_t unit = units.table.add(use, stage.type);
    units.distinct = units.distinct && unit == known;
    const bool last = use.tool.is_baseline && expansion == Expansion::kPermutations;
    (last ? numbered.baselines : numbered.tools).push_back(unit);
  }
  numbered.permute =
      expansion == Expansion::kPermutations && stage.type != domain::TaskType::kInTraining;
  return numbered;
}

class GraphBuilder {
 public:
  explicit GraphBuilder(const FileUnits& units) : units_(units) {}

  /// Depth first over stages and, inside a stage, over the tools chosen so far, so that a prefix
  /// that many workflows share is looked up once.
  void expand_stages(std::size_t stage) {
    if (stage == units_.stages.size()) {
      end_workflow(path_);
      return;
    }
    const StageUnits& numbered = units_.stages[stage];
    if (numbered.tools.empty() && numbered.baselines.empty()) {
      expand_stages(stage + 1);
      return;
    }
    std::vector<bool> chosen(numbered.tools.size());
    const std::size_t longest = numbered.permute ? numbered.tools.size() : 1;
    for (std::size_t size = longest; size > 0; --size) choose(stage, size, chosen);
    for (const std::uint32_t unit : numbered.baselines) {
      push(unit);
      expand_stages(stage + 1);
      path_.pop_back();
    }
  }

  void add_native(const NativeWorkflow& workflow, const Indices& unit_of) {
    Indices tasks;
    Indices listed;
    for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
      Indices dependencies;
      for (const std::uint32_t need : workflow.tasks[i].needs) {
        dependencies.push_back(tasks[need]);
      }
      tasks.push_back(task_for(unit_of[i], std::move(dependencies)));
    }
    std::unordered_set<std::uint32_t> seen;
    for (const std::uint32_t task : tasks) {  // equal tasks of one workflow are one
      if (seen.insert(task).second) listed.push_back(task);
    }
    end_workflow(listed);
  }

  Graph take() { return std::move(graph_); }

 private:
  /// All orders of `size` more of the stage's tools, lexicographic by listing index.
  void choose(std::size_t stage, std::size_t size, std::vector<bool>& chosen) {
    const Indices& tools = units_.stages[stage].tools;
    for (std::size_t i = 0; i < tools.size(); ++i) {
      if (chosen[i]) continue;
      chosen[i] = true;
      push(tools[i]);
      if (size > 1) {
        choose(stage, size - 1, chosen);
      } else {
        expand_stages(stage + 1);
      }
      path_.pop_back();
      chosen[i] = false;
    }
  }

  void push(std::uint32_t unit) {
    path_.push_back(chained(unit, path_.empty() ? kNoTask : path_.back()));
  }

  std::uint32_t add(std::uint32_t unit, Indices dependencies) {
    graph_.tasks.push_back({unit, std::move(dependencies)});
    return static_cast<std::uint32_t>(graph_.tasks.size() - 1);
  }

  /// The task of `unit` after the one task `previous`, or after none.
  std::uint32_t chained(std::uint32_t unit, std::uint32_t previous) {
    const std::uint64_t key = std::uint64_t{previous} << 32 | unit;
    const auto [at, is_new] = chains_.try_emplace(key, 0);
    if (is_new) at->second = add(unit, previous == kNoTask ? Indices{} : Indices{previous});
    return at->second;
  }

  std::uint32_t task_for(std::uint32_t unit, Indices dependencies) {
    Indices set = dependencies;
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    if (set.size() < 2) return chained(unit, set.empty() ? kNoTask : set[0]);
    if (set.size() < dependencies.size()) dependencies = set;
    const auto [at, is_new] = joins_.try_emplace({unit, std::move(set)}, 0);
    if (is_new) at->second = add(unit, std::move(dependencies));
    return at->second;
  }

  /// Evaluations follow the last task that is none itself.
  void end_workflow(const Indices& tasks) {
    Indices& workflow = graph_.workflows.emplace_back();
    workflow.reserve(tasks.size() + units_.evaluators.size());
    workflow = tasks;
    const auto last = std::find_if(tasks.rbegin(), tasks.rend(), [this](std::uint32_t task) {
      return !units_.table.is_evaluation(graph_.tasks[task].unit);
    });
    const std::uint32_t evaluated = last == tasks.rend() ? kNoTask : *last;
    for (const std::uint32_t unit : units_.evaluators) {
      const std::uint32_t task = chained(unit, evaluated);
      if (std::find(tasks.begin(), tasks.end(), task) == tasks.end()) workflow.push_back(task);
    }
  }

  const FileUnits& units_;
  Graph graph_;
  Indices path_;
  std::unordered_map<std::uint64_t, std::uint32_t> chains_;
  std::map<std::pair<std::uint32_t, Indices>, std::uint32_t> joins_;
};

}  // namespace

std::uint32_t UnitTable::add(const ToolUse& use, domain::TaskType type) {
  const domain::ContainerConfig& container = use.tool.container;
  std::string identity;
  // Zero bytes part the texts; a pipeline file cannot hold any.
  for (const std::string* text : {&use.tool.name, &container.image, &container.command,
                                  &use.config.text(), &use.options.env}) {
    identity += *text;
    identity.push_back('\0');
  }
  if (container.runtime) identity += *container.runtime;
  const auto [at, is_new] =
      index_.try_emplace(std::move(identity), static_cast<std::uint32_t>(units_.size()));
  if (is_new) units_.push_back({&use, type});
  return at->second;
}

FileUnits number_units(const PipelineFile& file, Expansion expansion) {
  FileUnits units;
  if (file.form == Form::kNative) {
    for (const NativeWorkflow& workflow : file.workflows) {
      Indices& numbers = units.native.emplace_back();
      for (const NativeTask& task : workflow.tasks) {
        numbers.push_back(units.table.add(task.use, task.type));
      }
    }
  } else {
    for (const Stage& stage : file.stages) {
      units.stages.push_back(number_stage(stage, expansion, units));
    }
  }
  for (const ToolUse& use : file.evaluators) {
    units.evaluators.push_back(units.table.add(use, domain::TaskType::kEvaluation));
  }
  return units;
}

Graph build_graph(const PipelineFile& file, const FileUnits& units) {
  GraphBuilder builder(units);
  if (file.form == Form::kNative) {
    for (std::size_t i = 0; i < file.workflows.size(); ++i) {
      builder.add_native(file.workflows[i], units.native[i]);
    }
  } else {
    builder.expand_stages(0);
  }
  return builder.take();
}

}  // namespace landseer::pipeline
