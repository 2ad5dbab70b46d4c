#include "broker/io/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

namespace landseer::broker {
namespace {

/// SQLite knows a full disk, but not a quota, nor a disk that finds out only when it syncs. A
/// commit writes to the log only, so that file's last error is asked for.
bool is_full(sqlite3* database, int code) {
  if (code != SQLITE_IOERR) return code == SQLITE_FULL;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  int system = 0;
  if (log == nullptr || log->pMethods == nullptr) return false;
  log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &system);
  return system == EDQUOT || system == ENOSPC;
}

/// kLimit: the disk is full, and it may work later. Everything else will not.
tl::unexpected<Error> failed(sqlite3* database, const std::string& path, const std::string& what) {
  const int code = database != nullptr ? sqlite3_errcode(database) : SQLITE_NOMEM;
  const char* why = database != nullptr ? sqlite3_errmsg(database) : "out of memory";
  if (is_full(database, code)) {
    return fail(ErrorCode::kLimit, "cannot " + what + ": the disk is full", path,
                "free some space");
  }
  return fail(ErrorCode::kIo, "cannot " + what + ": " + why, path,
              "check the folder's owner and its disk");
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(raw_); }

Statement::Statement(Statement&& other) noexcept
    : raw_(std::exchange(other.raw_, nullptr)), path_(other.path_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(raw_, other.raw_);
  std::swap(path_, other.path_);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(raw_, index, value);
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  sqlite3_bind_text64(raw_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(raw_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(raw_);
  if (code == SQLITE_ROW) return true;
  sqlite3* database = sqlite3_db_handle(raw_);
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = failed(database, *path_, std::string("run ") + sqlite3_sql(raw_));
  reset();
  return error;
}

Result<void> Statement::run() {
  auto row = step();
  if (!row) return tl::make_unexpected(row.error());
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(raw_);
  sqlite3_clear_bindings(raw_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw_, column); }

std::string_view Statement::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(raw_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(raw_, column));
  return data == nullptr ? std::string_view{} : std::string_view(data, size);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  std::unique_ptr<Database> database(new Database(path));
  if (sqlite3_open_v2(path.c_str(), &database->raw_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return failed(database->raw_, path, "open the database");
  }
  sqlite3_db_config(database->raw_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  for (const auto& [statement, sql] :
       {std::pair{&database->begin_, "BEGIN IMMEDIATE"}, std::pair{&database->commit_, "COMMIT"}}) {
    auto prepared = database->prepare(sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return database;
}

/// It is closed when the last of its statements is gone, those of others included.
Database::~Database() { sqlite3_close_v2(raw_); }

Result<void> Database::begin() { return begin_.run(); }
Result<void> Database::commit() { return commit_.run(); }

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(raw_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failed(raw_, path_, "run " + sql);
}

Result<Statement> Database::prepare(const char* sql) {
  Statement statement;
  statement.path_ = &path_;
  if (sqlite3_prepare_v3(raw_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement.raw_, nullptr) !=
      SQLITE_OK) {
    return failed(raw_, path_, std::string("prepare ") + sql);
  }
  return statement;
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(raw_) == 0; }

std::int64_t Database::last_change_count() const { return sqlite3_changes64(raw_); }

}  // namespace landseer::broker
