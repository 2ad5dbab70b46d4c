/// What tasks have in common: one object each, however many tasks refer to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

#include "common/base/text_pool.h"
#include "common/domain/config.h"
#include "common/domain/tool.h"

namespace landseer::domain {

/// Canonical JSON; see Config.
using ConfigText = TextPool::Text;

/// The parts of one task. They live as long as the store that they are in.
struct TaskParts {
  const ToolDefinition* tool = nullptr;
  const TaskOptions* options = nullptr;
  ConfigText config;
};

/// Keeps the parts of many tasks; none moves. Not thread-safe.
class PartStore {
 public:
  const ToolDefinition* add(ToolDefinition tool) { return add_distinct(tools_, std::move(tool)); }
  const TaskOptions* add(TaskOptions options) { return add_distinct(options_, std::move(options)); }
  /// A text of its own, also if there is an equal one.
  ConfigText add(const Config& config) { return configs_.add(config.text()); }

 private:
  /// Pipelines name a few dozen tools and option sets; beyond this many a new copy is cheaper than
  /// a longer search.
  static constexpr std::ptrdiff_t kRecentMax = 64;

  template <class T>
  static const T* add_distinct(std::deque<T>& known, T value) {
    const auto recent = known.end() - std::min(kRecentMax, std::ssize(known));
    const auto same = std::find(recent, known.end(), value);
    return same != known.end() ? &*same : &known.emplace_back(std::move(value));
  }

  std::deque<ToolDefinition> tools_;
  std::deque<TaskOptions> options_;
  TextPool configs_;
};

}  // namespace landseer::domain
