/// The workflows of one pipeline, packed: 4 bytes for each of their tasks, and 8 and a name for
/// each workflow. They are read through small views. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/check.h"
#include "common/domain/adjacency.h"
#include "common/domain/task.h"

namespace landseer::domain {

/// `element(i)` for i from 0 on.
template <class Element>
class IndexIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = std::invoke_result_t<Element, std::size_t>;
  using difference_type = std::ptrdiff_t;
  using pointer = const value_type*;
  using reference = value_type;

  IndexIterator(Element element, std::size_t at) : element_(element), at_(at) {}
  value_type operator*() const { return element_(at_); }
  IndexIterator& operator++() {
    ++at_;
    return *this;
  }
  IndexIterator operator++(int) { return {element_, at_++}; }
  bool operator==(const IndexIterator& other) const { return at_ == other.at_; }

 private:
  Element element_;
  std::size_t at_;
};

/// The tasks of a workflow in the order they are applied; a view of the pipeline's list.
class WorkflowTasks {
 public:
  WorkflowTasks(const std::vector<TaskPtr>& all, std::span<const std::uint32_t> indices)
      : element_{all.data(), indices.data()}, size_(indices.size()) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  TaskPtr operator[](std::size_t i) const { return element_(i); }
  auto begin() const { return IndexIterator(element_, 0); }
  auto end() const { return IndexIterator(element_, size_); }
  /// Where they are in the pipeline's list of tasks.
  std::span<const std::uint32_t> indices() const { return {element_.indices, size_}; }

 private:
  struct Element {
    const TaskPtr* all;
    const std::uint32_t* indices;
    TaskPtr operator()(std::size_t i) const { return all[indices[i]]; }
  };
  Element element_;
  std::size_t size_;
};

/// One combination of tools. A view: valid as long as its pipeline.
struct Workflow {
  WorkflowId id{};
  std::string_view name;
  WorkflowTasks tasks;
};

class WorkflowList {
 public:
  /// Of tasks in this list, which must outlive this one.
  explicit WorkflowList(const std::vector<TaskPtr>& tasks) : all_(tasks) {}

  /// Room for so many.
  void reserve(std::size_t workflows, std::size_t instances, std::size_t name_bytes) {
    members_.begins.reserve(workflows + 1);
    members_.edges.reserve(instances);
    name_ends_.reserve(workflows);
    names_.reserve(name_bytes);
  }
  void add(WorkflowId id, std::string_view name) {
    const bool follows = !empty() && number(id) == number(back().id) + 1;
    if (!follows) runs_.push_back({static_cast<std::uint32_t>(size()), id});
    names_ += name;
    CHECK(names_.size() < std::uint32_t{0} - 1, "names of workflows are short");
    name_ends_.push_back(static_cast<std::uint32_t>(names_.size()));
    members_.begins.push_back(members_.begins.back());
  }
  /// To the last workflow; `index` is the task's place in the list of tasks.
  void add_task(std::uint32_t index) {
    members_.edges.push_back(index);
    ++members_.begins.back();
  }

  /// Each id becomes so much larger.
  void shift(std::uint64_t by) {
    for (Run& run : runs_) run.first = WorkflowId{number(run.first) + by};
  }

  bool empty() const { return name_ends_.empty(); }
  std::size_t size() const { return name_ends_.size(); }
  WorkflowId id(std::size_t i) const {
    const auto next =
        std::upper_bound(runs_.begin(), runs_.end(), i,
                         [](auto index, const Run& run) { return index < run.begin; });
    const Run& run = *std::prev(next);
    return WorkflowId{number(run.first) + i - run.begin};
  }
  Workflow operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : name_ends_[i - 1];
    const auto index = static_cast<std::uint32_t>(i);
    return {id(i),
            std::string_view(names_).substr(begin, name_ends_[i] - begin),
            {all_, members_[index]}};
  }
  Workflow front() const { return (*this)[0]; }
  Workflow back() const { return (*this)[size() - 1]; }
  auto begin() const { return IndexIterator(Element{this}, 0); }
  auto end() const { return IndexIterator(Element{this}, size()); }

 private:
  struct Element {
    const WorkflowList* list;
    Workflow operator()(std::size_t i) const { return (*list)[i]; }
  };
  /// Workflows with ids that follow one another: mostly all of them.
  struct Run {
    std::uint32_t begin = 0;
    WorkflowId first{};
  };

  const std::vector<TaskPtr>& all_;
  std::vector<Run> runs_;
  Adjacency members_;  // by workflow
  std::string names_;
  std::vector<std::uint32_t> name_ends_;
};

}  // namespace landseer::domain
