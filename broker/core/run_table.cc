#include "broker/core/run_table.h"

#include "common/base/check.h"

namespace landseer::broker {

std::uint32_t RunTable::place_of(TaskId task) const {
  // An id below the first one is far beyond the last one, this way.
  const std::uint64_t offset = number(task) - number(first_);
  return offset < places_.size() ? places_[offset] : 0;
}

TaskRun& RunTable::operator[](TaskId task) {
  if (const std::uint32_t place = place_of(task); place != 0) return at(place - 1).run;
  if (places_.empty()) places_.resize(tasks_);
  const std::uint64_t offset = number(task) - number(first_);
  CHECK(offset < places_.size(), "runs are those of the pipeline's tasks");
  if (size_ == blocks_.size() * kBlock) {
    blocks_.push_back(std::make_unique<std::array<Entry, kBlock>>());
  }
  places_[offset] = static_cast<std::uint32_t>(++size_);
  Entry& entry = at(size_ - 1);
  entry.task = task;
  return entry.run;
}

const TaskRun* RunTable::find(TaskId task) const {
  const std::uint32_t place = place_of(task);
  return place != 0 ? &at(place - 1).run : nullptr;
}

TaskRun* RunTable::find(TaskId task) {
  const std::uint32_t place = place_of(task);
  return place != 0 ? &at(place - 1).run : nullptr;
}

}  // namespace landseer::broker
