#include "broker/io/check_store.h"

#include <filesystem>

#include "broker/core/broker.h"
#include "broker/core/state_digest.h"
#include "broker/io/recover.h"
#include "broker/io/state_folder.h"

namespace landseer::broker {

Result<std::string> check_store(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path + "/broker.sqlite", ignored)) {
    return fail(ErrorCode::kNotFound, "there is no store", path, "name a --state folder");
  }
  const auto folder = StateFolder::lock(path);
  if (!folder) return tl::make_unexpected(folder.error());
  auto store = Store::open(path, Store::Opening::kToCheck);
  if (!store) return tl::make_unexpected(store.error());
  Broker core{Settings{}};
  const auto read = verify(**store, core, Now{});
  if (!read) return tl::make_unexpected(read.error());
  std::string text = "good: position " + std::to_string((*store)->position()) + ", " +
                     std::to_string(read->groups) + " groups of records";
  if (read->snapshot != 0) text += " after the snapshot at " + std::to_string(read->snapshot);
  text += ", " + std::to_string(core.state().pipelines.all().size()) + " pipelines, state " +
          state_digest(core.state()).hex();
  for (const std::string& warning : read->warnings) text += "\nwarning: " + warning;
  return text;
}

}  // namespace landseer::broker
