#include "broker/io/sqlite_store.h"

#include <sqlite3.h>

#include <array>

#include "common/base/check.h"
#include "common/protocol/version.h"

namespace landseer::broker {
namespace {

/// A row may hold one record of up to 256 MiB; SQLite's limit is a billion bytes. Rows of one turn
/// are one transaction all the same.
constexpr std::size_t kRowBytesSplit = 64 * 1024 * 1024;

/// A group's records one behind the other: each its length (8 bytes, big endian) and its bytes.
void append_record(std::string& group, const std::string& bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    group.push_back(static_cast<char>(bytes.size() >> shift & 0xFF));
  }
  group += bytes;
}

/// False if the group is not made of whole records.
bool take_record(std::string_view& group, std::string_view& record) {
  if (group.size() < 8) return false;
  std::uint64_t size = 0;
  for (int i = 0; i < 8; ++i)
    size = size << 8 | static_cast<unsigned char>(group[static_cast<std::size_t>(i)]);
  group.remove_prefix(8);
  if (size > group.size()) return false;
  record = group.substr(0, static_cast<std::size_t>(size));
  group.remove_prefix(static_cast<std::size_t>(size));
  return true;
}

Digest chain_of(const Digest& before, std::uint64_t position, std::string_view group) {
  Hasher hasher;
  hasher.update(before.hex());
  hasher.update(std::to_string(position));
  hasher.update(":");
  hasher.update(group);
  return hasher.finish();
}

std::string_view blob(sqlite3_stmt* row, int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(row, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
  return data == nullptr ? std::string_view{} : std::string_view(data, size);
}

/// Ends a statement with its scope, so that no error path forgets it.
struct Statement {
  sqlite3_stmt* raw = nullptr;
  ~Statement() { sqlite3_finalize(raw); }
};

tl::unexpected<Error> damaged(const std::string& path, std::uint64_t position,
                              const std::string& why) {
  return fail(ErrorCode::kInternal,
              "the journal is damaged at position " + std::to_string(position) + ": " + why, path,
              "nothing was changed; restore the folder from a copy, or start on an empty one with "
              "--state");
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& folder) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(folder + "/broker.sqlite"));
  if (auto prepared = store->prepare(); !prepared) return tl::make_unexpected(prepared.error());
  return store;
}

SqliteStore::~SqliteStore() {
  sqlite3_finalize(insert_);
  sqlite3_finalize(update_);
  sqlite3_close(database_);
}

tl::unexpected<Error> SqliteStore::failed(const std::string& what) const {
  const char* why = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
  return fail(ErrorCode::kIo, "cannot " + what + ": " + why, path_,
              "check the folder's owner and free space");
}

Result<void> SqliteStore::execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failed(std::string("run ") + sql);
  }
  return {};
}

Result<void> SqliteStore::prepare() {
  if (sqlite3_open_v2(path_.c_str(), &database_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return failed("open the store");
  }
  for (const char* sql :
       {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
        "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS journal(position INTEGER PRIMARY KEY, chain BLOB NOT NULL, "
        "records BLOB NOT NULL)"}) {
    if (auto done = execute(sql); !done) return done;
  }
  if (auto good = check_format(); !good) return good;
  constexpr const char* kInsert =
      "INSERT INTO journal(position, chain, records) VALUES(?1, ?2, ?3)";
  constexpr const char* kUpdate =
      "INSERT INTO meta(name, value) VALUES('position', ?1), ('chain', ?2) "
      "ON CONFLICT(name) DO UPDATE SET value = excluded.value";
  if (sqlite3_prepare_v2(database_, kInsert, -1, &insert_, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(database_, kUpdate, -1, &update_, nullptr) != SQLITE_OK) {
    return failed("prepare the store");
  }
  return {};
}

Result<void> SqliteStore::check_format() {
  Statement query;
  if (sqlite3_prepare_v2(database_, "SELECT value FROM meta WHERE name = 'format'", -1, &query.raw,
                         nullptr) != SQLITE_OK) {
    return failed("read the store's format");
  }
  const int step = sqlite3_step(query.raw);
  if (step == SQLITE_DONE) {
    const std::string sql = "INSERT INTO meta(name, value) VALUES('format', " +
                            std::to_string(protocol::kStoreFormat) + ")";
    return execute(sql.c_str());
  }
  if (step != SQLITE_ROW) return failed("read the store's format");
  const auto format = sqlite3_column_int64(query.raw, 0);
  if (format == std::int64_t{protocol::kStoreFormat}) return {};
  return fail(ErrorCode::kVersion,
              "the store has format " + std::to_string(format) + ", this version knows " +
                  std::to_string(protocol::kStoreFormat),
              path_, "use the version that wrote it, or a later one");
}

Result<void> SqliteStore::read_all(const Reader& reader) {
  std::int64_t stored_position = 0;
  std::string stored_chain;
  {
    Statement meta;
    sqlite3_prepare_v2(database_, "SELECT name, value FROM meta", -1, &meta.raw, nullptr);
    while (sqlite3_step(meta.raw) == SQLITE_ROW) {
      const std::string_view name = blob(meta.raw, 0);
      if (name == "position") stored_position = sqlite3_column_int64(meta.raw, 1);
      if (name == "chain") stored_chain = blob(meta.raw, 1);
    }
  }
  Statement rows;
  if (sqlite3_prepare_v2(database_,
                         "SELECT position, chain, records FROM journal ORDER BY position", -1,
                         &rows.raw, nullptr) != SQLITE_OK) {
    return failed("read the journal");
  }
  int step = 0;
  while ((step = sqlite3_step(rows.raw)) == SQLITE_ROW) {
    const std::uint64_t next = position_ + 1;
    if (sqlite3_column_int64(rows.raw, 0) != static_cast<std::int64_t>(next)) {
      return damaged(path_, next, "the row is missing");
    }
    std::string_view group = blob(rows.raw, 2);
    const Digest chain = chain_of(chain_, next, group);
    if (blob(rows.raw, 1) != chain.hex()) {
      return damaged(path_, next, "its digest does not fit its content");
    }
    std::string_view bytes;
    while (!group.empty()) {
      if (!take_record(group, bytes)) return damaged(path_, next, "a record is cut");
      const auto record = decode_record(bytes);
      if (!record) return damaged(path_, next, record.error().message);
      if (auto good = reader(*record); !good) return damaged(path_, next, good.error().message);
    }
    position_ = next;
    chain_ = chain;
  }
  if (step != SQLITE_DONE) return damaged(path_, position_ + 1, sqlite3_errmsg(database_));
  if (auto good = check_end(stored_chain, stored_position); !good) return good;
  readable_ = true;
  return {};
}

Result<void> SqliteStore::check_end(const std::string& stored_chain,
                                    std::int64_t stored_position) const {
  if (stored_position != static_cast<std::int64_t>(position_) ||
      (position_ > 0 && stored_chain != chain_.hex())) {
    return damaged(path_, position_ + 1,
                   "rows up to " + std::to_string(stored_position) + " were written");
  }
  return {};
}

Result<void> SqliteStore::append(std::span<const Record> records) {
  CHECK(readable_, "a store is read before it is written");
  std::string group;
  for (const Record& record : records) {
    const std::string bytes = encode_record(record);
    if (auto replayable = check_replayable(record, bytes); !replayable) return replayable;
    append_record(group, bytes);
    if (group.size() < kRowBytesSplit) continue;
    if (auto written = write_row(group); !written) return written;
    group.clear();
  }
  return group.empty() ? Result<void>{} : write_row(group);
}

Result<void> SqliteStore::write_row(std::string_view group) {
  if (!in_transaction_) {
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun) return begun;
    in_transaction_ = true;
  }
  const std::uint64_t next = position_ + 1;
  const Digest chain = chain_of(chain_, next, group);
  const std::string hex = chain.hex();
  sqlite3_reset(insert_);
  sqlite3_bind_int64(insert_, 1, static_cast<std::int64_t>(next));
  sqlite3_bind_blob64(insert_, 2, hex.data(), hex.size(), SQLITE_STATIC);
  sqlite3_bind_blob64(insert_, 3, group.data(), group.size(), SQLITE_STATIC);
  const bool inserted = sqlite3_step(insert_) == SQLITE_DONE;
  sqlite3_reset(insert_);
  sqlite3_clear_bindings(insert_);
  if (!inserted) return failed("write the journal");
  position_ = next;
  chain_ = chain;
  return {};
}

Result<void> SqliteStore::sync() {
  if (!in_transaction_) return {};
  const std::string hex = chain_.hex();
  sqlite3_reset(update_);
  sqlite3_bind_int64(update_, 1, static_cast<std::int64_t>(position_));
  sqlite3_bind_blob64(update_, 2, hex.data(), hex.size(), SQLITE_STATIC);
  const bool updated = sqlite3_step(update_) == SQLITE_DONE;
  sqlite3_reset(update_);
  sqlite3_clear_bindings(update_);
  if (!updated) return failed("write the journal's end");
  if (auto committed = execute("COMMIT"); !committed) return committed;
  in_transaction_ = false;
  return {};
}

}  // namespace landseer::broker
