/// A pipeline from text, for scheduler tests: one line a workflow, tasks in order, each
/// `name` or `name<dep,dep`; without `<` a task depends on the one before it in its line, `name<`
/// on nothing. The same name is the same task everywhere.
#pragma once

#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "common/domain/factories.h"
#include "common/domain/priority_scheduler.h"

namespace landseer::domain::testing {

class Graph {
 public:
  explicit Graph(const std::string& text) {
    std::istringstream lines(text);
    std::vector<WorkflowPtr> made;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::vector<SharedTask> members;
      for (std::string word; words >> word;) members.push_back(read(word, members));
      if (!members.empty()) made.push_back(workflows_.create_workflow("w", members));
    }
    pipeline = *PipelineFactory(ids).create_pipeline("test", made);
  }

  TaskPtr operator[](const std::string& name) const { return tasks.at(name).get(); }
  std::string name(const TaskPtr& task) const { return task ? task->tool->name : "-"; }

  std::unique_ptr<PriorityScheduler> scheduler(const std::string& policy = "landseer") const {
    return std::move(*PriorityScheduler::create(pipeline, std::move(*make_policy(policy))));
  }

  IdCounters ids;
  std::map<std::string, SharedTask> tasks;
  PipelinePtr pipeline;

 private:
  SharedTask read(const std::string& word, const std::vector<SharedTask>& before) {
    const auto mark = word.find('<');
    const std::string name = word.substr(0, mark);
    if (tasks.contains(name)) return tasks.at(name);
    std::vector<SharedTask> dependencies;
    if (mark != std::string::npos) {
      std::istringstream names(word.substr(mark + 1));
      for (std::string each; std::getline(names, each, ',');) {
        dependencies.push_back(tasks.at(each));
      }
    } else if (!before.empty()) {
      dependencies.push_back(before.back());
    }
    const ToolDefinition tool{name, {"image", "run", {}}, false};
    return tasks[name] =
               factory_.get_or_create_task(TaskType::kPreTraining, tool, {}, dependencies);
  }

  TaskFactory factory_{ids};
  WorkflowFactory workflows_{ids};
};

}  // namespace landseer::domain::testing
