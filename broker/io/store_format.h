/// What the store's file looks like, and how files of older formats become such files.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "broker/io/sqlite.h"
#include "common/base/digest.h"

namespace landseer::broker {

/// Opens the database at `path` for one process, makes its tables if the file is new, upgrades it
/// if it is older. A file that has not exactly these tables is refused: SQLite would make a missing
/// one anew, and what was in it would be gone. `only_look`: what would be made or upgraded is an
/// error.
Result<std::unique_ptr<Database>> open_store_database(const std::string& path, bool only_look);

/// Writes `path`, of format 1, again in the present format; the old file stays beside it as
/// `path.format-1`. Done by open_store_database().
Result<void> upgrade_format_1(const std::string& path);

/// The digest that a journal row or a snapshot's part continues its chain with.
Digest chain_journal(const Digest& before, std::uint64_t position, std::string_view group);

/// What the chain of a snapshot's parts begins with: all that is told of it besides.
Digest chain_snapshot(std::uint64_t position, std::uint64_t fingerprint,
                      const std::string& journal_chain);

/// The tables of the present format, by name.
struct Table {
  const char* name;
  const char* sql;
};
inline constexpr std::array<Table, 6> kTables{{
    {"forgotten", "CREATE TABLE forgotten(pipeline INTEGER PRIMARY KEY, position INTEGER)"},
    {"journal",
     "CREATE TABLE journal(position INTEGER PRIMARY KEY, chain BLOB NOT NULL, records BLOB NOT "
     "NULL)"},
    {"meta", "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"},
    {"snapshot_parts",
     "CREATE TABLE snapshot_parts(snapshot INTEGER, part INTEGER, items BLOB NOT NULL, "
     "UNIQUE(snapshot, part))"},
    {"snapshots",
     "CREATE TABLE snapshots(position INTEGER PRIMARY KEY, parts INTEGER, bytes INTEGER, "
     "fingerprint INTEGER, chain BLOB, journal_chain BLOB)"},
    {"submissions",
     "CREATE TABLE submissions(pipeline INTEGER, part INTEGER, bytes BLOB NOT NULL, "
     "UNIQUE(pipeline, part))"},
}};

/// ?1 is a snapshot's position.
inline constexpr const char* kRemoveSnapshot = "DELETE FROM snapshots WHERE position = ?1";
/// Parts of no snapshot; ?1 is how many at most.
inline constexpr const char* kRemoveOrphans =
    "DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts WHERE snapshot "
    "NOT "
    "IN (SELECT position FROM snapshots) LIMIT ?1)";

/// Slices of what nothing needs any more, in the order in which it must go: ?1 is the position of
/// the older snapshot that is kept, ?2 a number of bytes after which a slice is large enough.
inline constexpr std::array<const char*, 5> kRemovals{
    "DELETE FROM snapshots WHERE position < ?1 AND ?2",
    "DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts WHERE snapshot < "
    "?1 AND ?2 LIMIT 8)",
    "DELETE FROM journal WHERE position IN (SELECT position FROM (SELECT position, sum(size) OVER "
    "(ORDER BY position) - size AS before FROM (SELECT position, length(records) AS size FROM "
    "journal WHERE position <= ?1 ORDER BY position LIMIT 256)) WHERE before < ?2)",
    "DELETE FROM submissions WHERE rowid IN (SELECT s.rowid FROM forgotten JOIN submissions s "
    "USING(pipeline) WHERE position <= ?1 AND ?2 LIMIT 1)",
    "DELETE FROM forgotten WHERE pipeline IN (SELECT pipeline FROM forgotten WHERE position <= ?1 "
    "AND ?2 LIMIT 256)",
};

}  // namespace landseer::broker
