#include "broker/io/check_store.h"

#include <filesystem>

#include "broker/core/broker.h"
#include "broker/core/state_digest.h"
#include "broker/io/sqlite_store.h"
#include "broker/io/state_folder.h"

namespace landseer::broker {

Result<std::string> check_store(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path + "/broker.sqlite", ignored)) {
    return fail(ErrorCode::kNotFound, "there is no store", path, "name a --state folder");
  }
  const auto folder = StateFolder::open(path);
  if (!folder) return tl::make_unexpected(folder.error());
  auto store = SqliteStore::open(path);
  if (!store) return tl::make_unexpected(store.error());
  Broker core{Settings{}};
  std::uint64_t records = 0;
  const auto read = (*store)->read_all([&](const Record& record) {
    ++records;
    return core.replay(record, Now{});
  });
  if (!read) return tl::make_unexpected(read.error());
  core.end_replay(Now{});
  return "good: " + std::to_string((*store)->position()) + " groups, " + std::to_string(records) +
         " records, " + std::to_string(core.state().pipelines.all().size()) + " pipelines, state " +
         state_digest(core.state()).hex();
}

}  // namespace landseer::broker
