/// Building a PriorityScheduler: everything that is checked or computed once per pipeline.
#include <algorithm>
#include <numeric>

#include "common/domain/priority_scheduler.h"

namespace landseer::domain {

Result<std::unique_ptr<PriorityScheduler>> PriorityScheduler::create(
    PipelinePtr pipeline, std::unique_ptr<Policy> policy) {
  if (!policy) policy = std::move(*make_policy("landseer"));
  std::unique_ptr<PriorityScheduler> scheduler(
      new PriorityScheduler(std::move(pipeline), std::move(policy)));
  if (auto indexed = scheduler->index_tasks(); !indexed) {
    return tl::make_unexpected(indexed.error());
  }
  if (auto linked = scheduler->link_dependencies(); !linked) {
    return tl::make_unexpected(linked.error());
  }
  auto order = scheduler->topological_order();
  if (!order) return tl::make_unexpected(order.error());
  scheduler->gather_facts(*order);
  scheduler->rank_tasks();
  scheduler->settle_initial_statuses(*order);
  if (!scheduler->live_) scheduler->facts_ = {};  // nobody ranks anew
  return scheduler;
}

Result<void> PriorityScheduler::index_tasks() {
  const auto& tasks = pipeline_->tasks;
  nodes_.resize(tasks.size());
  if (tasks.empty()) return {};
  const auto [lowest, highest] = std::minmax_element(
      tasks.begin(), tasks.end(), [](const TaskPtr& a, const TaskPtr& b) { return a->id < b->id; });
  first_id_ = (*lowest)->id;
  positions_.resize(number((*highest)->id) - number(first_id_) + 1, kNowhere);
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    std::uint32_t& position = positions_[number(tasks[i]->id) - number(first_id_)];
    if (position != kNowhere) {
      return fail(ErrorCode::kInvalid, "two tasks have the id " + to_string(tasks[i]->id),
                  pipeline_->name, "make tasks with one TaskFactory per process");
    }
    position = i;
  }
  return {};
}

Result<void> PriorityScheduler::link_dependencies() {
  dependents_.begins.assign(nodes_.size() + 1, 0);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    for (const TaskId id : task(i).dependencies) {
      const auto dependency = index_of(id);
      if (!dependency) {
        return fail(ErrorCode::kInvalid,
                    to_string(task(i).id) + " depends on " + to_string(id) +
                        ", which is in no workflow of the pipeline",
                    pipeline_->name, "add the dependency to a workflow");
      }
      ++dependents_.begins[*dependency + 1];
      ++nodes_[i].waiting;
    }
  }
  std::partial_sum(dependents_.begins.begin(), dependents_.begins.end(),
                   dependents_.begins.begin());
  dependents_.edges.resize(dependents_.begins.back());
  std::vector<std::uint32_t> next(dependents_.begins.begin(), dependents_.begins.end() - 1);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    for (const TaskId id : task(i).dependencies) dependents_.edges[next[*index_of(id)]++] = i;
  }
  return {};
}

Result<std::vector<std::uint32_t>> PriorityScheduler::topological_order() const {
  std::vector<std::uint32_t> missing(nodes_.size());
  std::vector<std::uint32_t> order;
  order.reserve(nodes_.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    missing[i] = nodes_[i].waiting;
    if (missing[i] == 0) order.push_back(i);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const std::uint32_t dependent : dependents_[order[next]]) {
      if (--missing[dependent] == 0) order.push_back(dependent);
    }
  }
  if (order.size() == nodes_.size()) return order;
  const auto stuck = std::find_if(missing.begin(), missing.end(), [](auto n) { return n > 0; });
  return fail(ErrorCode::kInvalid,
              "the dependencies of " +
                  to_string(task(static_cast<std::uint32_t>(stuck - missing.begin())).id) +
                  " form a cycle or lead into one",
              pipeline_->name, "remove one of the dependencies");
}

void PriorityScheduler::gather_facts(const std::vector<std::uint32_t>& order) {
  facts_.resize(nodes_.size());
  for (const std::uint32_t i : order) {
    TaskFacts& facts = facts_[i];
    facts.dependency_level = task(i).dependency_level();
    facts.usage_counter = task(i).usage_counter();
    facts.type = task(i).type;
    for (const std::uint32_t dependent : dependents_[i]) {
      facts_[dependent].depth = std::max(facts_[dependent].depth, facts.depth + 1);
    }
  }
}

void PriorityScheduler::renumbered(std::uint64_t by, std::span<const std::uint32_t> requests) {
  first_id_ = TaskId{number(first_id_) + by};
  ready_.rename(requests);
  urgent_.rename(requests);
}

void PriorityScheduler::reload_statuses() {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].waiting = task(i).dependency_level();
    nodes_[i].held = false;
    nodes_[i].paused = false;
  }
  ready_ = {};
  urgent_ = {};
  progress_ = {};
  paused_ = 0;
  paused_pending_ = 0;
  if (live_) rank_tasks();
  settle_initial_statuses(*topological_order());
}

void PriorityScheduler::settle_initial_statuses(const std::vector<std::uint32_t>& order) {
  progress_.total = nodes_.size();
  for (const std::uint32_t i : order) {
    ++counter(task(i).status);
    if (task(i).status != TaskStatus::kCompleted) continue;
    for (const std::uint32_t dependent : dependents_[i]) --nodes_[dependent].waiting;
  }
  Consequences ignored;
  for (const std::uint32_t i : order) {
    const TaskStatus status = task(i).status;
    if (is_terminal(status) && status != TaskStatus::kCompleted) skip_dependents(i, ignored);
    if (is_ready(i)) add_ready(i);
  }
  announce();
}

}  // namespace landseer::domain
