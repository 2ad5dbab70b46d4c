#include "broker/io/store.h"

namespace landseer::broker {

Result<void> check_replayable(const Record& record, std::string_view bytes) {
  const auto decoded = decode_record(bytes);
  if (decoded && *decoded == record) return {};
  return fail(ErrorCode::kInternal, "a record does not survive encoding", "store",
              "this is a bug; nothing was stored");
}

Result<void> MemoryStore::append(std::span<const Record> records) {
  std::vector<std::string> group;
  group.reserve(records.size());
  for (const Record& record : records) {
    std::string bytes = encode_record(record);
    if (auto replayable = check_replayable(record, bytes); !replayable) return replayable;
    group.push_back(std::move(bytes));
  }
  appended_.push_back(std::move(group));
  ++position_;
  return {};
}

Result<void> MemoryStore::sync() {
  for (auto& group : appended_) synced_.push_back(std::move(group));
  appended_.clear();
  if (synced_.size() > kGroupsMax) {
    synced_.erase(synced_.begin(), synced_.end() - static_cast<std::ptrdiff_t>(kGroupsMax));
  }
  return {};
}

}  // namespace landseer::broker
