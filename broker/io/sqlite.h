/// SQLite with results instead of codes, and statements that end with their scope. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace landseer::broker {

/// A prepared statement. Texts and blobs that are bound must live until step() returns.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  /// Parameters are counted from 1, columns from 0.
  Statement& bind(int index, std::int64_t value);
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);

  /// True: there is a row. Resets by itself after the last one and after an error.
  Result<bool> step();
  /// For statements without rows.
  Result<void> run();
  /// Before binding again when rows were left.
  void reset();

  std::int64_t integer(int column) const;
  std::string_view blob(int column) const;  ///< valid until the next step

 private:
  friend class Database;
  sqlite3_stmt* raw_ = nullptr;
  const std::string* path_ = nullptr;
};

class Database {
 public:
  /// Makes the file if it is not there. Closing does not write: what is in the WAL stays there.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(const char* sql);
  /// A transaction that may write; SQL that is read once only, as every group of records needs it.
  Result<void> begin();
  Result<void> commit();
  bool in_transaction() const;
  std::int64_t last_change_count() const;
  const std::string& path() const { return path_; }

 private:
  explicit Database(std::string path) : path_(std::move(path)) {}

  std::string path_;
  sqlite3* raw_ = nullptr;
  Statement begin_;
  Statement commit_;
};

}  // namespace landseer::broker
