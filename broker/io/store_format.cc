#include "broker/io/store_format.h"

#include <filesystem>

#include "common/protocol/version.h"

namespace landseer::broker {
namespace {

Result<void> make_tables(Database& database) {
  std::string sql = "BEGIN IMMEDIATE";
  for (const Table& table : kTables) sql += std::string(";") + table.sql;
  sql +=
      ";INSERT INTO meta VALUES('format', " + std::to_string(protocol::kStoreFormat) + ");COMMIT";
  return database.execute(sql);
}

/// Names and definitions of the tables that are there, one a line.
Result<std::string> schema_of(Database& database) {
  auto query = database.prepare(
      "SELECT name, sql FROM sqlite_master WHERE type <> 'index' OR sql IS NOT NULL ORDER BY name");
  if (!query) return tl::make_unexpected(query.error());
  std::string schema;
  for (;;) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return schema;
    schema += std::string(query->blob(0)) + " " + std::string(query->blob(1)) + "\n";
  }
}

Result<std::int64_t> format_of(Database& database) {
  auto query = database.prepare("SELECT value FROM meta WHERE name = 'format'");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  return *row ? query->integer(0) : 0;
}

Result<void> check_schema(Database& database, const std::string& schema) {
  std::string expected;
  for (const Table& table : kTables) expected += std::string(table.name) + " " + table.sql + "\n";
  if (schema == expected) return {};
  return fail(ErrorCode::kInternal,
              "the store is damaged at position 0: it has not the tables it should have",
              database.path(),
              "nothing was changed; restore the folder from a copy, or start on an empty one with "
              "--state");
}

tl::unexpected<Error> wrong_format(const std::string& path, std::int64_t format) {
  return fail(ErrorCode::kVersion,
              "the store has format " + std::to_string(format) + ", this version knows 1 to " +
                  std::to_string(protocol::kStoreFormat),
              path, "use the version that wrote it, or a later one");
}

}  // namespace

Result<std::unique_ptr<Database>> open_store_database(const std::string& path, bool only_look) {
  auto database = Database::open(path);
  if (!database) return database;
  // Exclusive before anything else: no shared memory file. A cache that never spills, so that a
  // commit writes each page once; see wal_check.cc. The log is emptied every megabyte: seldom
  // enough to cost little, often enough that no turn of the loop waits long for it. Removed rows
  // are not overwritten, as Debian's SQLite does unless told: that writes as much again as is
  // removed.
  for (const char* sql :
       {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
        "PRAGMA cache_spill=OFF", "PRAGMA cell_size_check=ON", "PRAGMA wal_autocheckpoint=256",
        "PRAGMA secure_delete=OFF"}) {
    if (only_look && std::string_view(sql).starts_with("PRAGMA journal_mode")) continue;
    if (auto done = (*database)->execute(sql); !done) return tl::make_unexpected(done.error());
  }
  const auto schema = schema_of(**database);
  if (!schema) return tl::make_unexpected(schema.error());
  if (schema->empty()) {
    if (only_look) return fail(ErrorCode::kNotFound, "the store is empty", path, "");
    if (auto made = make_tables(**database); !made) return tl::make_unexpected(made.error());
    return database;
  }
  if (schema->find("meta ") == std::string::npos) {
    return tl::make_unexpected(check_schema(**database, *schema).error());
  }
  const auto format = format_of(**database);
  if (!format) return tl::make_unexpected(format.error());
  if (*format == 1) {
    if (only_look) {
      return fail(ErrorCode::kVersion, "the store has format 1, of an older version", path,
                  "a start of the broker verifies and upgrades it");
    }
    database->reset();
    if (auto upgraded = upgrade_format_1(path); !upgraded) {
      return tl::make_unexpected(upgraded.error());
    }
    return open_store_database(path, only_look);
  }
  if (*format != std::int64_t{protocol::kStoreFormat}) return wrong_format(path, *format);
  if (auto good = check_schema(**database, *schema); !good) {
    return tl::make_unexpected(good.error());
  }
  return database;
}

Digest chain_journal(const Digest& before, std::uint64_t position, std::string_view group) {
  Hasher hasher;
  hasher.update(before.hex());
  hasher.update(std::to_string(position));
  hasher.update(":");
  hasher.update(group);
  return hasher.finish();
}

Digest chain_snapshot(std::uint64_t position, std::uint64_t fingerprint,
                      const std::string& journal_chain) {
  return sha256(std::to_string(position) + ":" + std::to_string(fingerprint) + ":" + journal_chain);
}

}  // namespace landseer::broker
