/// Reading the store back. Nothing is believed that does not continue its chain, and nothing is
/// written before all of it was found good.
#include "broker/core/groups.h"
#include "broker/io/store.h"
#include "broker/io/store_format.h"

namespace landseer::broker {

tl::unexpected<Error> Store::damaged(std::uint64_t position, const std::string& why) const {
  return fail(ErrorCode::kInternal,
              "the journal is damaged at position " + std::to_string(position) + ": " + why, path_,
              "nothing was changed; restore the folder from a copy, or start on an empty one with "
              "--state");
}

Result<Recovery> Store::recover(const StoreReader& reader) {
  return with_warnings(read(reader, false));
}

Result<Recovery> Store::verify(const StoreReader& reader) {
  return with_warnings(read(reader, true));
}

/// What was found on the way explains an error: without a snapshot, a journal that begins late.
Result<Recovery> Store::with_warnings(Result<Recovery> recovery) const {
  if (recovery) {
    recovery->warnings = warnings_;
    return recovery;
  }
  Error error = recovery.error();
  for (const std::string& warning : warnings_) error.message += "; before that, " + warning;
  return tl::make_unexpected(error);
}

Result<Recovery> Store::read(const StoreReader& reader, bool oldest) {
  Recovery recovery;
  if (auto read = read_meta(); !read) return tl::make_unexpected(read.error());
  auto snapshots = read_snapshots();
  if (!snapshots) return tl::make_unexpected(snapshots.error());
  std::vector<SnapshotRow> good;  // newest first
  for (const SnapshotRow& snapshot : *snapshots) {
    if (!oldest && !good.empty()) break;
    const auto chain = chain_of_parts(snapshot);
    if (!chain) return tl::make_unexpected(chain.error());
    if (*chain == snapshot.chain) {
      good.push_back(snapshot);
      continue;
    }
    unfit_.push_back(snapshot.position);
    warnings_.push_back("the snapshot at position " + std::to_string(snapshot.position) +
                        " is damaged and not used");
  }
  if (!good.empty()) {
    const SnapshotRow& start = good.back();
    recovery.snapshot = start.position;
    if (auto read = read_parts(start, reader); !read) return tl::make_unexpected(read.error());
    position_ = start.position;
    chain_ = Digest::from_hex(start.journal_chain).value_or(Digest{});
    newest_ = good.front();
  }
  if (auto read = read_journal(reader, good); !read) return tl::make_unexpected(read.error());
  recovery.groups = position_ - recovery.snapshot;
  if (auto right = check_end(reader); !right) return tl::make_unexpected(right.error());
  auto mark = PositionMark::open(folder_);
  if (!mark) return tl::make_unexpected(mark.error());
  if (mark->position() > position_) {
    return damaged(position_ + 1, "positions up to " + std::to_string(mark->position()) +
                                      " were written, says " + mark->path());
  }
  mark_.emplace(std::move(*mark));
  if (auto found = find_limit(); !found) return tl::make_unexpected(found.error());
  if (auto found = find_orphans(); !found) return tl::make_unexpected(found.error());
  fingerprint_ = end_.fingerprint;
  readable_ = true;
  return recovery;
}

Result<void> Store::find_orphans() {
  auto query = database_->prepare(
      "SELECT 1 FROM snapshot_parts WHERE snapshot NOT IN (SELECT position FROM snapshots) LIMIT "
      "1");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  orphans_ = *row || !unfit_.empty();
  return {};
}

/// Until the journal is read, `fingerprint_` and so on are what the last commit says.
Result<void> Store::read_meta() {
  auto query = database_->prepare("SELECT name, value FROM meta");
  if (!query) return tl::make_unexpected(query.error());
  for (;;) {
    const auto row = query->step();
    if (!row) return damaged(0, row.error().message);
    if (!*row) return {};
    const std::string_view name = query->blob(0);
    if (name == "position") end_.position = static_cast<std::uint64_t>(query->integer(1));
    if (name == "chain") end_.chain = query->blob(1);
    if (name == "fingerprint") end_.fingerprint = static_cast<std::uint64_t>(query->integer(1));
  }
}

Result<std::vector<Store::SnapshotRow>> Store::read_snapshots() {
  auto query = database_->prepare("SELECT * FROM snapshots ORDER BY position DESC");
  if (!query) return tl::make_unexpected(query.error());
  std::vector<SnapshotRow> rows;
  for (;;) {
    const auto row = query->step();
    if (!row) return damaged(0, row.error().message);
    if (!*row) return rows;
    rows.push_back({static_cast<std::uint64_t>(query->integer(0)),
                    static_cast<std::uint64_t>(query->integer(1)),
                    static_cast<std::uint64_t>(query->integer(2)),
                    static_cast<std::uint64_t>(query->integer(3)), std::string(query->blob(4)),
                    std::string(query->blob(5))});
  }
}

Result<std::string> Store::chain_of_parts(const SnapshotRow& snapshot) {
  auto query = database_->prepare(
      "SELECT part, items FROM snapshot_parts WHERE snapshot = ?1 ORDER BY part");
  if (!query) return tl::make_unexpected(query.error());
  query->bind(1, static_cast<std::int64_t>(snapshot.position));
  Digest chain = chain_snapshot(snapshot.position, snapshot.fingerprint, snapshot.journal_chain);
  std::uint64_t parts = 0;
  for (;;) {
    const auto row = query->step();
    if (!row) return std::string("unreadable");
    if (!*row) break;
    if (query->integer(0) != static_cast<std::int64_t>(parts)) return std::string("out of order");
    chain = chain_journal(chain, parts++, query->blob(1));
  }
  return parts == snapshot.parts ? chain.hex() : std::string("incomplete");
}

Result<void> Store::read_parts(const SnapshotRow& snapshot, const StoreReader& reader) {
  auto query =
      database_->prepare("SELECT items FROM snapshot_parts WHERE snapshot = ?1 ORDER BY part");
  if (!query) return tl::make_unexpected(query.error());
  query->bind(1, static_cast<std::int64_t>(snapshot.position));
  for (;;) {
    const auto row = query->step();
    if (!row) return damaged(snapshot.position, row.error().message);
    if (!*row) break;
    std::string_view part = query->blob(0);
    for (std::string_view entry; !part.empty();) {
      if (!take_entry(part, entry)) return damaged(snapshot.position, "an item is cut");
      auto item = decode_item(entry);
      if (!item) return damaged(snapshot.position, item.error().message);
      if (auto* pipeline = std::get_if<PipelineItem>(&*item)) {
        auto body = read_body(pipeline->pipeline);
        if (!body) return tl::make_unexpected(body.error());
        pipeline->body = std::move(*body);
      }
      if (auto good = reader.item(std::move(*item)); !good) {
        return damaged(snapshot.position, good.error().message);
      }
    }
  }
  auto ended = reader.end_of_items();
  return ended ? Result<void>{} : damaged(snapshot.position, ended.error().message);
}

Result<void> Store::read_journal(const StoreReader& reader,
                                 const std::vector<SnapshotRow>& snapshots) {
  auto rows = database_->prepare(
      "SELECT position, chain, records FROM journal WHERE position > ?1 ORDER BY position");
  if (!rows) return tl::make_unexpected(rows.error());
  rows->bind(1, static_cast<std::int64_t>(position_));
  for (;;) {
    const auto row = rows->step();
    if (!row) return damaged(position_ + 1, row.error().message);
    if (!*row) return {};
    const std::uint64_t next = position_ + 1;
    if (rows->integer(0) != static_cast<std::int64_t>(next)) {
      return damaged(next, "the row is missing");
    }
    const std::string_view group = rows->blob(2);
    const Digest chain = chain_journal(chain_, next, group);
    if (rows->blob(1) != chain.hex()) return damaged(next, "its digest does not fit its content");
    if (auto read = read_group(group, reader); !read) return damaged(next, read.error().message);
    position_ = next;
    chain_ = chain;
    journal_bytes_ += group.size();
    for (const SnapshotRow& snapshot : snapshots) {
      if (snapshot.position != next) continue;
      journal_bytes_ = 0;
      if (snapshot.fingerprint != reader.fingerprint() || snapshot.journal_chain != chain.hex()) {
        return damaged(next, "the snapshot taken there shows another state");
      }
    }
  }
}

Result<void> Store::read_group(std::string_view group, const StoreReader& reader) {
  std::string_view bytes;
  while (!group.empty()) {
    if (!take_entry(group, bytes)) return fail(ErrorCode::kInternal, "a record is cut");
    auto record = decode_record(bytes);
    if (!record) return tl::make_unexpected(record.error());
    if (auto* added = std::get_if<PipelineAdded>(&*record)) {
      auto body = read_body(added->pipeline);
      if (!body) return tl::make_unexpected(body.error());
      added->body = std::move(*body);
    }
    if (auto good = reader.record(std::move(*record)); !good) return good;
  }
  return {};
}

Result<std::string> Store::read_body(PipelineId pipeline) {
  auto query =
      database_->prepare("SELECT bytes FROM submissions WHERE pipeline = ?1 ORDER BY part");
  if (!query) return tl::make_unexpected(query.error());
  query->bind(1, static_cast<std::int64_t>(number(pipeline)));
  std::string body;
  for (;;) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return body;
    body += query->blob(0);
  }
}

Result<void> Store::check_end(const StoreReader& reader) const {
  if (end_.position != position_ || (position_ > 0 && end_.chain != chain_.hex())) {
    return damaged(position_ + 1, "rows up to " + std::to_string(end_.position) + " were written");
  }
  if (end_.fingerprint == reader.fingerprint()) return {};
  return damaged(position_, "the state it leads to is not the one that was there");
}

}  // namespace landseer::broker
