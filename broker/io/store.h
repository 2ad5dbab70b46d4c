/// Where the broker's records go. The loop appends the records of one turn, syncs once, and only
/// then sends: what anyone was told is in the store.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "broker/core/records.h"
#include "common/base/result.h"

namespace landseer::broker {

class Store {
 public:
  virtual ~Store() = default;
  /// Adds one group of records. Each must decode again, or nothing is added (kInternal): nothing
  /// enters that could not be replayed.
  virtual Result<void> append(std::span<const Record> records) = 0;
  /// Returns when everything appended survives a crash of the process and of the machine, as far as
  /// the implementation promises.
  virtual Result<void> sync() = 0;
  /// Number of groups appended.
  virtual std::uint64_t position() const = 0;
};

/// kInternal unless `bytes` decode to `record` again: nothing may enter a store that could not be
/// replayed.
Result<void> check_replayable(const Record& record, std::string_view bytes);

/// Promises nothing beyond the life of the process. Keeps the newest groups for tests.
class MemoryStore final : public Store {
 public:
  Result<void> append(std::span<const Record> records) override;
  Result<void> sync() override;
  std::uint64_t position() const override { return position_; }

  /// Groups that were synced, the newest kGroupsMax of them.
  const std::vector<std::vector<std::string>>& synced() const { return synced_; }

  static constexpr std::size_t kGroupsMax = 64;

 private:
  std::vector<std::vector<std::string>> appended_;
  std::vector<std::vector<std::string>> synced_;
  std::uint64_t position_ = 0;
};

}  // namespace landseer::broker
