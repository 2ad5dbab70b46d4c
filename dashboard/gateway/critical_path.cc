#include "dashboard/gateway/critical_path.h"

#include <algorithm>
#include <array>
#include <optional>

namespace landseer::gateway {
namespace {

using domain::TaskStatus;
using protocol::TaskRow;

constexpr std::int64_t kUnknownMs = 1000;
constexpr std::size_t kNone = SIZE_MAX;

struct Mean {
  std::int64_t sum = 0;
  std::int64_t count = 0;
  void add(std::int64_t ms) {
    sum += ms;
    ++count;
  }
};

bool is_over(const TaskRow& row) {
  return domain::is_terminal(static_cast<TaskStatus>(row.status));
}

std::int64_t remaining_ms(const TaskRow& row, std::int64_t expected_ms, std::int64_t now_ms) {
  if (is_over(row)) return 0;
  const bool runs = static_cast<TaskStatus>(row.status) == TaskStatus::kRunning;
  if (!runs || row.started_at == 0) return expected_ms;
  return std::clamp<std::int64_t>(expected_ms - (now_ms - row.started_at), 0, expected_ms);
}

/// It took time in this pipeline, and ended.
bool has_run(const TaskRow& row) { return is_over(row) && row.started_at > 0 && !row.cached; }

class Search {
 public:
  Search(const PipelineModel& model, const ToolTimes& times, std::int64_t now_ms)
      : model_(model), expectations_(model.tasks(), times), now_ms_(now_ms) {}

  CriticalPath find() {
    measure_tails();
    std::size_t at = first_of_longest();
    const std::size_t last = at == kNone ? ended_last() : latest_before(at);
    add_past(last);
    for (; at != kNone; at = next_[at]) add(at);
    return std::move(path_);
  }

 private:
  const TaskRow& row(std::size_t task) const { return model_.tasks()[task]; }
  std::int64_t left(std::size_t task) const {
    return remaining_ms(row(task), expectations_.of(row(task)), now_ms_);
  }

  /// Of each task, how long it and the longest chain behind it take from now.
  void measure_tails() {
    tails_.assign(model_.tasks().size(), 0);
    next_.assign(model_.tasks().size(), kNone);
    const auto& order = model_.order();
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
      if (is_over(row(*i))) continue;
      for (const std::uint32_t dependent : model_.dependents(*i)) {
        if (is_over(row(dependent))) continue;
        const std::size_t best = next_[*i];
        if (best == kNone || tails_[dependent] > tails_[best]) next_[*i] = dependent;
      }
      tails_[*i] = left(*i) + (next_[*i] == kNone ? 0 : tails_[next_[*i]]);
    }
  }

  /// Nothing that it needs is still to be done; of equal ones the first.
  std::size_t first_of_longest() const {
    std::vector<bool> waits(tails_.size());
    for (std::size_t i = 0; i < tails_.size(); ++i) {
      if (is_over(row(i))) continue;
      for (const std::uint32_t dependent : model_.dependents(i)) waits[dependent] = true;
    }
    std::size_t best = kNone;
    for (std::size_t i = 0; i < tails_.size(); ++i) {
      if (is_over(row(i)) || waits[i]) continue;
      if (best == kNone || tails_[i] > tails_[best]) best = i;
    }
    return best;
  }

  std::size_t ended_last() const {
    std::size_t best = kNone;
    for (std::size_t i = 0; i < tails_.size(); ++i) {
      if (!has_run(row(i))) continue;
      if (best == kNone || row(i).finished_at > row(best).finished_at) best = i;
    }
    return best;
  }

  /// Of what a task needs, that which it had to wait for.
  std::size_t latest_before(std::size_t task) const {
    std::size_t best = kNone;
    for (const TaskId id : row(task).dependencies) {
      const TaskRow* before = model_.find(id);
      if (before == nullptr || !has_run(*before)) continue;
      const std::size_t i = model_.index_of(id);
      if (best == kNone || before->finished_at > row(best).finished_at) best = i;
    }
    return best;
  }

  void add_past(std::size_t last) {
    for (std::size_t i = last; i != kNone; i = latest_before(i)) add(i);
    std::reverse(path_.steps.begin(), path_.steps.end());
  }

  void add(std::size_t task) {
    path_.steps.push_back({task, expectations_.of(row(task)), left(task)});
    path_.remaining_ms += path_.steps.back().remaining_ms;
    if (!is_over(row(task)) && !expectations_.is_measured(row(task))) path_.is_measured = false;
  }

  const PipelineModel& model_;
  const Expectations expectations_;
  const std::int64_t now_ms_;
  std::vector<std::int64_t> tails_;
  std::vector<std::size_t> next_;
  CriticalPath path_;
};

}  // namespace

Expectations::Expectations(const std::vector<TaskRow>& tasks, const ToolTimes& times) {
  std::array<Mean, 6> by_type;
  Mean all;
  std::vector<const TaskRow*> unknown;  // one of each tool
  for (const TaskRow& row : tasks) {
    const auto [entry, is_new] = tools_.try_emplace(row.tool);
    if (!is_new) continue;
    const auto known = times.find(row.tool);
    if (known == times.end()) {
      unknown.push_back(&row);
      continue;
    }
    entry->second = {std::max<std::int64_t>(known->second, 1), true};
    all.add(entry->second.ms);
    by_type.at(row.type).add(entry->second.ms);
  }
  for (const TaskRow* row : unknown) {
    const Mean& alike = by_type.at(row->type).count > 0 ? by_type.at(row->type) : all;
    tools_[row->tool].ms = alike.count > 0 ? alike.sum / alike.count : kUnknownMs;
  }
}

CriticalPath find_critical_path(const PipelineModel& model, const ToolTimes& times,
                                std::int64_t now_ms) {
  return Search(model, times, now_ms).find();
}

}  // namespace landseer::gateway
