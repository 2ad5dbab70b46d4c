/// Where the broker's records go: one SQLite database in the state folder, one row of its journal
/// for each turn of the loop, and snapshots, so that the journal does not grow for ever.
///
/// A row has its position, its records, and a SHA-256 over both and the digest of the row before: a
/// chain, so that a row that is changed, missing or out of place is noticed. `meta` has the last
/// position, digest and fingerprint, written in the same transaction, so that a missing tail is
/// noticed too; the file `position` beside the database notes it once more, outside of SQLite.
/// WAL with synchronous=FULL: a group is on the disk when sync() returns. One connection, one
/// thread. Source of the rules: docs/architecture.md, "The store".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/core/records.h"
#include "broker/core/snapshot_items.h"
#include "broker/io/position_mark.h"
#include "broker/io/sqlite.h"

namespace landseer::broker {

/// What one turn of the loop leaves.
struct Turn {
  std::span<const Record> records;
  std::uint64_t fingerprint = 0;  ///< of the state after these records; see fingerprint.h
};

/// Receives what a store has, in this order: all items of a snapshot, end_of_items, the records
/// after it. Without a snapshot there are only records.
struct StoreReader {
  std::function<Result<void>(SnapshotItem&&)> item;
  std::function<Result<void>()> end_of_items;
  std::function<Result<void>(Record&&)> record;
  std::function<std::uint64_t()> fingerprint;  ///< of the state so far
};

struct Recovery {
  std::uint64_t snapshot = 0;  ///< its position; 0: none, the journal was read from its beginning
  std::uint64_t groups = 0;    ///< of records, after it
  std::vector<std::string> warnings;
};

class Store {
 public:
  /// Opens or makes `folder/broker.sqlite`, an older format is upgraded first. The caller holds the
  /// folder's lock. Fails with kVersion for a later format, kInternal for what is damaged.
  /// kToCheck: nothing is made or upgraded; kNotFound or kVersion instead.
  enum class Opening { kToUse, kToCheck };
  static Result<std::unique_ptr<Store>> open(const std::string& folder,
                                             Opening opening = Opening::kToUse);

  /// Reads everything that is needed to go on, and verifies it. kInternal, naming the position, at
  /// the first thing that is damaged, missing or not understood; nothing is skipped or changed.
  Result<Recovery> recover(const StoreReader& reader);
  /// The same, without using the newest snapshot where an older one is there: what is read proves
  /// that the newest one is right, too.
  Result<Recovery> verify(const StoreReader& reader);

  // --- After recover(): ---

  /// Adds one group of records to what sync() writes. Each must decode again (kInternal): nothing
  /// enters that could not be replayed.
  Result<void> append(const Turn& turn);
  /// Writes what was added; when it returns, that survives a crash of the process and the machine.
  /// kLimit: the disk is full; nothing is lost, and a later call tries again.
  Result<void> sync();
  /// Of the last group that was added.
  std::uint64_t position() const { return position_; }

  /// The journal has grown by more than `snapshot_bytes` and the size of the last snapshot, and
  /// nothing of an unfinished or damaged one is left.
  bool wants_snapshot() const;
  /// A snapshot of the state after the last group begins; parts follow with add_part().
  void begin_snapshot(std::uint64_t fingerprint);
  void add_part(std::string part, bool last);
  /// What two newer snapshots have made superfluous, what is left of an unfinished one and what is
  /// damaged is removed in slices, one with each sync().
  bool has_rubbish() const { return rubbish_ || orphans_; }

  /// Moves what is in SQLite's log into the database, so that the file is complete by itself.
  Result<void> empty_log();

  std::uint64_t snapshot_bytes = 64 * 1024 * 1024;  ///< may be set before the first append()

 private:
  struct Row {
    std::uint64_t position = 0;
    Digest chain;
    std::string records;
  };
  struct Part {
    std::uint64_t snapshot = 0;
    std::uint64_t number = 0;
    std::string items;
    bool last = false;
  };
  struct SnapshotRow {
    std::uint64_t position = 0;
    std::uint64_t parts = 0;
    std::uint64_t bytes = 0;
    std::uint64_t fingerprint = 0;
    std::string chain;          // of its parts, hex
    std::string journal_chain;  // of the journal at its position, hex
  };
  struct Statements {
    Statement row, meta, body, part, snapshot, forget;
  };

  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  // store.cc
  Result<void> prepare(Opening opening);
  Result<void> write_pending();
  Result<void> remove_orphans();
  Result<void> write_submission(const PipelineAdded& added);
  Result<void> write_snapshot_parts();
  Result<void> write_end();
  Result<void> remove_rubbish();
  Result<std::int64_t> remove_slice(const char* sql, std::uint64_t limit);
  Result<void> find_limit();

  // store_recovery.cc
  Result<Recovery> read(const StoreReader& reader, bool oldest);
  Result<Recovery> with_warnings(Result<Recovery> recovery) const;
  Result<void> read_meta();
  Result<std::vector<SnapshotRow>> read_snapshots();
  Result<std::string> chain_of_parts(const SnapshotRow& snapshot);
  Result<void> read_parts(const SnapshotRow& snapshot, const StoreReader& reader);
  Result<void> find_orphans();
  Result<void> read_journal(const StoreReader& reader, const std::vector<SnapshotRow>& snapshots);
  Result<void> read_group(std::string_view group, const StoreReader& reader);
  Result<void> check_end(const StoreReader& reader) const;
  Result<std::string> read_body(PipelineId pipeline);
  tl::unexpected<Error> damaged(std::uint64_t position, const std::string& why) const;

  std::string folder_;
  std::string path_;
  std::unique_ptr<Database> database_;
  Statements statements_;
  struct {
    std::uint64_t position = 0;
    std::string chain;
    std::uint64_t fingerprint = 0;
  } end_;  // what the last commit says of itself
  std::optional<PositionMark> mark_;
  std::vector<std::string> warnings_;

  // As of the last append(), and as of the last sync().
  std::uint64_t position_ = 0;
  Digest chain_;
  std::uint64_t fingerprint_ = 0;
  bool readable_ = false;  // recover() succeeded

  // What sync() writes. Kept until it is written: the disk may be full for a while.
  std::vector<Row> rows_;
  std::vector<PipelineAdded> bodies_;
  std::vector<std::pair<PipelineId, std::uint64_t>> forgotten_;  // and the position of that
  std::vector<Part> parts_;

  std::uint64_t journal_bytes_ = 0;  // since the last snapshot
  SnapshotRow newest_;               // complete; position 0: none
  SnapshotRow open_;                 // being written; position 0: none
  Digest open_chain_;
  std::uint64_t limit_ = 0;  // journal rows up to here are needed by no snapshot that is kept
  bool rubbish_ = false;
  bool orphans_ = false;              // an earlier broker left a snapshot unfinished
  std::vector<std::uint64_t> unfit_;  // positions of damaged snapshots, until they are removed
};

}  // namespace landseer::broker
