/// The store on disk: one SQLite database in the state folder, one row for each group of records.
///
/// A row has its position, its records, and a SHA-256 over both and the digest of the row before: a
/// chain, so that a row that is changed, missing or out of place is noticed. `meta` has the last
/// position and digest, written in the same transaction, so that a missing tail is noticed too.
/// WAL with synchronous=FULL: a group is on the disk when sync() returns. One connection, one
/// thread. Source of the rules: docs/architecture.md, "The store".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/io/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace landseer::broker {

class SqliteStore final : public Store {
 public:
  using Reader = std::function<Result<void>(const Record&)>;

  /// Opens or makes `folder/broker.sqlite`. The caller holds the folder's lock. Fails with kVersion
  /// for a format of a later version, kIo if SQLite or the disk does not let us.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& folder);
  ~SqliteStore() override;

  /// Hands every stored record to `reader`, in order, after verifying its row. kInternal, naming
  /// the position, at the first row that is damaged, missing or not understood; nothing is skipped.
  Result<void> read_all(const Reader& reader);

  /// Call read_all() first: it finds where to go on.
  Result<void> append(std::span<const Record> records) override;
  Result<void> sync() override;
  std::uint64_t position() const override { return position_; }

 private:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}
  Result<void> prepare();
  Result<void> write_row(std::string_view group);
  Result<void> execute(const char* sql);
  tl::unexpected<Error> failed(const std::string& what) const;
  Result<void> check_format();
  Result<void> check_end(const std::string& stored_chain, std::int64_t stored_position) const;

  std::string path_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
  std::uint64_t position_ = 0;
  Digest chain_;
  bool in_transaction_ = false;
  bool readable_ = false;  // read_all() succeeded
};

}  // namespace landseer::broker
