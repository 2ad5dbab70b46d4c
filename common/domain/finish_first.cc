#include "common/domain/finish_first.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>

#include "common/domain/expected_times.h"
#include "common/domain/live_workflows.h"

namespace landseer::domain {
namespace {

/// Where the longest path counts against the remaining work: docs/testing.md, "Scheduling quality".
constexpr std::int64_t kGuardPercent = 80;
/// Sets beyond the cheapest one that a task remembers: exact where fewer are left, and bounded.
constexpr std::size_t kBeyondMax = 16;
/// Ranks tell prices apart that are shown as equal.
constexpr double kRanksPerMs = 1024;
/// A GPU is as scarce as so many CPUs.
constexpr double kCpusPerGpu = 8;

/// The GPUs that a task takes away from others.
double gpus_of(const Task& task) {
  const ResourceRequest& request = task.options->resources;
  const double gpus =
      request.gpus_milli > 0 ? request.gpus_milli : std::max(request.cpus_milli, 1u) / kCpusPerGpu;
  return gpus / 1000;
}

/// Open tasks that are best run together. Doubles: sums of them are always made anew, in the same
/// order, so they are the same wherever they are made.
struct Block {
  double work = 0;  // milliseconds of one GPU
  double weight = 0;
  std::uint32_t root = 0;

  double price() const {
    return weight > 0 ? work / weight : std::numeric_limits<double>::infinity();
  }
  bool operator==(const Block&) const = default;
};

/// For a heap with the lowest price on top.
bool is_dearer(const Block& a, const Block& b) {
  const double price_a = a.price();
  const double price_b = b.price();
  return price_a != price_b ? price_a > price_b : a.root > b.root;
}

class FinishFirst final : public Policy {
 public:
  std::string_view name() const override { return "finish-first"; }
  bool is_live() const override { return true; }

  std::vector<Priority> initial_priorities(const GraphView& graph) override {
    graph_ = &graph.pipeline;
    facts_ = graph.facts;
    dependents_ = &graph.dependents;
    list_dependencies();
    workflows_.build(*graph_, dependencies_);
    times_.build(*graph_);
    nodes_.assign(facts_.size(), {});
    open_work_ms_ = 0;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      if (stands_at(i) == Standing::kLost) workflows_.set_lost(i, true, touched_);
      nodes_[i].standing = stands_at(i);
      if (is_open(i)) set_open(i, true);
    }
    touched_.clear();
    std::vector<std::uint32_t> order(nodes_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return facts_[a].depth > facts_[b].depth; });
    for (const std::uint32_t task : order) compute(task);
    std::vector<Priority> priorities;
    priorities.reserve(nodes_.size());
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) priorities.push_back(priority(i));
    return priorities;
  }

  void on_changed(std::span<const std::uint32_t> tasks, Changes& changed) override {
    for (const std::uint32_t task : tasks) change_standing(task);
    update(changed);
  }

  void expect(const std::string& tool, Duration expected, Changes& changed) override {
    if (!times_.expect(tool,
                       std::chrono::duration_cast<std::chrono::milliseconds>(expected).count()))
      return;
    for (const std::uint32_t task : times_.affected()) {
      if (!is_open(task)) continue;
      open_work_ms_ += times_.of(task) - nodes_[task].counted_ms;
      nodes_[task].counted_ms = times_.of(task);
      touched_.push_back(task);
    }
    update(changed);
  }

  /// Alone on one GPU, no path leaves another one idle.
  std::optional<std::int64_t> guard(std::uint64_t running) const override {
    if (running < 2) return std::nullopt;
    const std::int64_t share = open_work_ms_ / static_cast<std::int64_t>(running);
    return std::max<std::int64_t>(share * kGuardPercent / 100, 1);
  }

 private:
  enum class Standing : std::uint8_t { kOpen, kDone, kLost };
  struct Node {
    Block block;
    std::vector<Block> beyond;  // best first: what may be added to `block` after all
    std::int64_t path_ms = 0;
    std::int64_t counted_ms = 0;  // its part of open_work_ms_
    std::uint32_t open_dependencies = 0;
    Standing standing = Standing::kDone;
  };

  Standing stands_at(std::uint32_t task) const {
    const TaskStatus status = graph_->tasks[task]->status;
    if (!is_terminal(status)) return Standing::kOpen;
    return status == TaskStatus::kCompleted ? Standing::kDone : Standing::kLost;
  }
  bool is_open(std::uint32_t task) const { return nodes_[task].standing == Standing::kOpen; }

  void list_dependencies() {
    dependencies_ = {};
    std::vector<std::uint32_t> next(facts_.size());
    for (std::uint32_t i = 0; i < facts_.size(); ++i) {
      next[i] = dependencies_.begins.back();
      dependencies_.begins.push_back(next[i] + facts_[i].dependency_level);
    }
    dependencies_.edges.resize(dependencies_.begins.back());
    for (std::uint32_t i = 0; i < facts_.size(); ++i) {
      for (const std::uint32_t dependent : (*dependents_)[i]) {
        dependencies_.edges[next[dependent]++] = i;
      }
    }
  }

  void set_open(std::uint32_t task, bool open) {
    Node& node = nodes_[task];
    open_work_ms_ -= node.counted_ms;
    node.counted_ms = open ? times_.of(task) : 0;
    open_work_ms_ += node.counted_ms;
    for (const std::uint32_t dependent : (*dependents_)[task]) {
      nodes_[dependent].open_dependencies += open ? 1u : ~0u;
    }
  }

  void change_standing(std::uint32_t task) {
    const Standing was = nodes_[task].standing;
    const Standing is = stands_at(task);
    if (was == is) return;
    nodes_[task].standing = is;
    touched_.push_back(task);
    if ((was == Standing::kOpen) != (is == Standing::kOpen)) {
      set_open(task, is == Standing::kOpen);
      touch_partners(task);
    }
    if ((was == Standing::kLost) != (is == Standing::kLost)) {
      workflows_.set_lost(task, is == Standing::kLost, touched_);
    }
  }

  /// Those who share a dependent with `task` have another part of it now.
  void touch_partners(std::uint32_t task) {
    for (const std::uint32_t dependent : (*dependents_)[task]) {
      const auto partners = dependencies_[dependent];
      if (partners.size() > 1) touched_.insert(touched_.end(), partners.begin(), partners.end());
    }
  }

  /// Computes anew what was touched and, as far as that changes something, what it depends on.
  void update(Changes& changed) {
    const auto is_later = [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(facts_[a].depth, a) < std::pair(facts_[b].depth, b);
    };
    std::priority_queue due(is_later, std::move(touched_));  // the deepest on top
    touched_.clear();
    std::optional<std::uint32_t> last;
    while (!due.empty()) {
      const std::uint32_t task = due.top();
      due.pop();
      if (task == last) continue;
      last = task;
      if (!compute(task)) continue;
      changed.emplace_back(task, priority(task));
      for (const std::uint32_t dependency : dependencies_[task]) {
        if (is_open(dependency)) due.push(dependency);
      }
    }
  }

  /// True if anything about the task is another than before.
  bool compute(std::uint32_t task) {
    Node& node = nodes_[task];
    Block block{0, 0, task};
    std::int64_t path_ms = 0;
    heap_.clear();
    if (is_open(task)) {
      for (const std::uint32_t dependent : (*dependents_)[task]) {
        if (!is_open(dependent)) continue;
        path_ms = std::max(path_ms, nodes_[dependent].path_ms);
        push(nodes_[dependent].block, nodes_[dependent].open_dependencies);
      }
      path_ms += times_.of(task);
      block.weight = static_cast<double>(workflows_.weight(task));
      block.work = static_cast<double>(times_.of(task)) * gpus_of(*graph_->tasks[task]);
      absorb(block);
    }
    keep_best();
    if (path_ms == node.path_ms && block == node.block && heap_ == node.beyond) return false;
    node.path_ms = path_ms;
    node.block = block;
    node.beyond.assign(heap_.begin(), heap_.end());
    return true;
  }

  void push(const Block& block, std::uint32_t parts) {
    if (block.weight <= 0) return;
    heap_.push_back({block.work / parts, block.weight / parts, block.root});
    std::push_heap(heap_.begin(), heap_.end(), is_dearer);
  }

  /// Takes in what lowers the price, the cheapest first, and then looks at what lies beyond that.
  void absorb(Block& block) {
    while (!heap_.empty() && heap_.front().price() < block.price()) {
      std::pop_heap(heap_.begin(), heap_.end(), is_dearer);
      const Block taken = heap_.back();
      heap_.pop_back();
      block.work += taken.work;
      block.weight += taken.weight;
      const Node& node = nodes_[taken.root];
      const double part = taken.weight / node.block.weight;
      for (const Block& next : node.beyond) {
        heap_.push_back({next.work * part, next.weight * part, next.root});
        std::push_heap(heap_.begin(), heap_.end(), is_dearer);
      }
    }
  }

  void keep_best() {
    const std::size_t kept = std::min(heap_.size(), kBeyondMax);
    std::partial_sort(heap_.begin(), heap_.begin() + static_cast<std::ptrdiff_t>(kept), heap_.end(),
                      [](const Block& a, const Block& b) { return is_dearer(b, a); });
    heap_.resize(kept);
  }

  Priority priority(std::uint32_t task) const {
    const Node& node = nodes_[task];
    if (!is_open(task)) return {0, 0, 0};
    const double price_ms = node.block.price() * LiveWorkflows::kWhole;
    if (!(price_ms < static_cast<double>(kNoWorkflow))) {
      return {kNoWorkflow, kNoWorkflow * static_cast<std::int64_t>(kRanksPerMs), 0};
    }
    return {static_cast<std::int64_t>(price_ms), static_cast<std::int64_t>(price_ms * kRanksPerMs),
            node.path_ms};
  }

  const Pipeline* graph_ = nullptr;
  std::span<const TaskFacts> facts_;
  const Adjacency* dependents_ = nullptr;
  Adjacency dependencies_;
  LiveWorkflows workflows_;
  ExpectedTimes times_;
  std::vector<Node> nodes_;
  std::int64_t open_work_ms_ = 0;
  std::vector<std::uint32_t> touched_;  // to be computed anew; reused
  std::vector<Block> heap_;             // reused
};

}  // namespace

std::unique_ptr<Policy> make_finish_first() { return std::make_unique<FinishFirst>(); }

}  // namespace landseer::domain
