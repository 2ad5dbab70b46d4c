/// Finds tasks by their key: in the broker over all pipelines that are kept, which is what makes a
/// result found again and work under way joined. 12 bytes and a half-empty table: about 25 bytes a
/// task. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"

namespace landseer::domain {

class KeyIndex {
 public:
  /// Ids are below 2^48.
  void add(const Digest& key, TaskId task);
  /// Nothing if it is not there.
  void remove(const Digest& key, TaskId task);
  std::size_t size() const { return size_; }
  /// Whether two of them begin alike: else there is nothing to be found for one that is in it.
  bool has_equal() const { return equal_ > 0; }
  /// Room for so many, so that the table does not grow step by step.
  void reserve(std::size_t count);

  /// Calls `visit(TaskId)` for each task whose key begins like this one (6 of 32 bytes): the caller
  /// compares the rest. It must not change the index. `visit` returns false to stop.
  template <class Visit>
  void find(const Digest& key, Visit&& visit) const {
    if (slots_.empty()) return;
    const std::uint64_t prefix = prefix_of(key);
    for (std::size_t i = home(prefix); !slots_[i].is_free(); i = next(i)) {
      if (slots_[i].prefix() == prefix && !visit(TaskId{slots_[i].task()})) return;
    }
  }

 private:
  /// A prefix and a task, 48 bits each.
  class Slot {
   public:
    Slot() = default;
    Slot(std::uint64_t prefix, std::uint64_t task)
        : prefix_low_(static_cast<std::uint32_t>(prefix)),
          task_low_(static_cast<std::uint32_t>(task)),
          prefix_high_(static_cast<std::uint16_t>(prefix >> 32)),
          task_high_(static_cast<std::uint16_t>(task >> 32)) {}
    std::uint64_t prefix() const { return std::uint64_t{prefix_high_} << 32 | prefix_low_; }
    std::uint64_t task() const { return std::uint64_t{task_high_} << 32 | task_low_; }
    bool is_free() const { return task() == 0; }

   private:
    std::uint32_t prefix_low_ = 0;
    std::uint32_t task_low_ = 0;
    std::uint16_t prefix_high_ = 0;
    std::uint16_t task_high_ = 0;
  };

  static std::uint64_t prefix_of(const Digest& key);
  std::size_t home(std::uint64_t prefix) const { return prefix & (slots_.size() - 1); }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
  bool put(Slot slot);
  bool has(std::uint64_t prefix) const;
  void resize(std::size_t slots);

  std::vector<Slot> slots_;  // open addressing, linear probing; a power of two
  std::size_t size_ = 0;
  std::size_t equal_ = 0;  // that begin like another one; of each such group all but one
};

}  // namespace landseer::domain
