#include "broker/io/store.h"

#include <algorithm>

#include "broker/core/groups.h"
#include "broker/io/store_format.h"
#include "broker/io/wal_check.h"
#include "common/base/check.h"

namespace landseer::broker {
namespace {

/// Of a journal row and of a submission's part: what SQLite moves at once.
constexpr std::size_t kRowBytes = 1024 * 1024;
/// Bytes that a slice of the cleaning looks at: about a millisecond.
constexpr std::size_t kSliceBytes = 1024 * 1024;
/// Parts of snapshots, of 64 KiB or a little more.
constexpr std::uint64_t kOrphansMax = 16;

Result<void> check_replayable(const Record& record, std::string_view bytes) {
  const auto decoded = decode_record(bytes);
  if (decoded && *decoded == record) return {};
  return fail(ErrorCode::kInternal, "a record does not survive encoding", "store",
              "this is a bug; nothing was stored");
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, Opening opening) {
  std::unique_ptr<Store> store(new Store(folder));
  if (auto prepared = store->prepare(opening); !prepared)
    return tl::make_unexpected(prepared.error());
  return store;
}

Result<void> Store::prepare(Opening opening) {
  path_ = folder_ + "/broker.sqlite";
  const auto wal = check_wal(path_);
  if (!wal) return tl::make_unexpected(wal.error());
  if (wal->torn_frames > 0) {
    warnings_.push_back("the last commit was not completely written, as after a crash; its " +
                        std::to_string(wal->torn_frames) + " pages are dropped");
  }
  auto database = open_store_database(path_, opening == Opening::kToCheck);
  if (!database) return tl::make_unexpected(database.error());
  database_ = std::move(*database);
  for (const auto& [statement, sql] :
       {std::pair{&statements_.row, "INSERT INTO journal VALUES(?1, ?2, ?3)"},
        std::pair{&statements_.meta,
                  "INSERT INTO meta VALUES('position', ?1), ('chain', ?2), ('fingerprint', ?3) "
                  "ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
        std::pair{&statements_.body, "INSERT INTO submissions VALUES(?1, ?2, ?3)"},
        std::pair{&statements_.part, "INSERT INTO snapshot_parts VALUES(?1, ?2, ?3)"},
        std::pair{&statements_.snapshot, "INSERT INTO snapshots VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        std::pair{&statements_.forget, "INSERT INTO forgotten VALUES(?1, ?2)"}}) {
    auto prepared = database_->prepare(sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<void> Store::append(const Turn& turn) {
  CHECK(readable_, "a store is read before it is written");
  fingerprint_ = turn.fingerprint;
  std::string group;
  std::string bytes;  // reused: there are thousands of records in a turn
  const auto end_row = [&] {
    if (group.empty()) return;
    chain_ = chain_journal(chain_, ++position_, group);
    journal_bytes_ += group.size();
    rows_.push_back({position_, chain_, std::move(group)});
    group.clear();
  };
  for (const Record& record : turn.records) {
    bytes.clear();
    encode_record(record, bytes);
    if (auto replayable = check_replayable(record, bytes); !replayable) return replayable;
    append_entry(group, bytes);
    if (const auto* added = std::get_if<PipelineAdded>(&record)) bodies_.push_back(*added);
    if (const auto* forgotten = std::get_if<PipelineForgotten>(&record)) {
      forgotten_.emplace_back(forgotten->pipeline, position_ + 1);
    }
    if (group.size() >= kRowBytes) end_row();
  }
  end_row();
  return {};
}

Result<void> Store::sync() {
  if (rows_.empty() && parts_.empty() && !has_rubbish()) return {};
  auto written = database_->begin();
  if (written) written = write_pending();
  if (written) written = database_->commit();
  if (!written) {
    // Some errors roll back by themselves. What was to be written is still here.
    if (database_->in_transaction()) static_cast<void>(database_->execute("ROLLBACK"));
    return written;
  }
  rows_.clear();
  bodies_.clear();
  forgotten_.clear();
  unfit_.clear();
  const bool completed = !parts_.empty() && parts_.back().last;
  parts_.clear();
  mark_->set(position_);
  return completed ? find_limit() : Result<void>{};
}

Result<void> Store::write_pending() {
  if (auto removed = remove_orphans(); !removed) return removed;
  for (const PipelineAdded& added : bodies_) {
    if (auto written = write_submission(added); !written) return written;
  }
  for (const Row& row : rows_) {
    const std::string chain = row.chain.hex();
    statements_.row.bind(1, static_cast<std::int64_t>(row.position));
    statements_.row.bind_blob(2, chain).bind_blob(3, row.records);
    if (auto written = statements_.row.run(); !written) return written;
  }
  for (const auto& [pipeline, position] : forgotten_) {
    statements_.forget.bind(1, static_cast<std::int64_t>(number(pipeline)));
    statements_.forget.bind(2, static_cast<std::int64_t>(position));
    if (auto written = statements_.forget.run(); !written) return written;
  }
  if (auto written = write_snapshot_parts(); !written) return written;
  if (auto removed = remove_rubbish(); !removed) return removed;
  return write_end();
}

/// A damaged snapshot is of no use, and in the way: of the next at its position, and of the one
/// that is good when only the newest two are kept. Without its row its parts are orphans, too.
Result<void> Store::remove_orphans() {
  if (!orphans_) return {};
  for (const std::uint64_t position : unfit_) {
    auto removed = remove_slice(kRemoveSnapshot, position);
    if (!removed) return tl::make_unexpected(removed.error());
  }
  const auto removed = remove_slice(kRemoveOrphans, kOrphansMax);
  if (!removed) return tl::make_unexpected(removed.error());
  orphans_ = *removed > 0 || !unfit_.empty();  // until that is durable
  return {};
}

Result<void> Store::write_submission(const PipelineAdded& added) {
  const std::string_view body = added.body;
  std::int64_t part = 0;
  do {
    const std::string_view piece =
        body.substr(static_cast<std::size_t>(part) * kRowBytes, kRowBytes);
    statements_.body.bind(1, static_cast<std::int64_t>(number(added.pipeline)));
    statements_.body.bind(2, part).bind_blob(3, piece);
    if (auto written = statements_.body.run(); !written) return written;
    ++part;
  } while (static_cast<std::size_t>(part) * kRowBytes < body.size());
  return {};
}

Result<void> Store::write_snapshot_parts() {
  for (const Part& part : parts_) {
    statements_.part.bind(1, static_cast<std::int64_t>(part.snapshot));
    statements_.part.bind(2, static_cast<std::int64_t>(part.number)).bind_blob(3, part.items);
    if (auto written = statements_.part.run(); !written) return written;
    if (!part.last) continue;
    statements_.snapshot.bind(1, static_cast<std::int64_t>(newest_.position));
    statements_.snapshot.bind(2, static_cast<std::int64_t>(newest_.parts));
    statements_.snapshot.bind(3, static_cast<std::int64_t>(newest_.bytes));
    statements_.snapshot.bind(4, static_cast<std::int64_t>(newest_.fingerprint));
    statements_.snapshot.bind_blob(5, newest_.chain).bind_blob(6, newest_.journal_chain);
    if (auto written = statements_.snapshot.run(); !written) return written;
  }
  return {};
}

Result<void> Store::write_end() {
  const std::string chain = chain_.hex();
  statements_.meta.bind(1, static_cast<std::int64_t>(position_)).bind_blob(2, chain);
  statements_.meta.bind(3, static_cast<std::int64_t>(fingerprint_));
  return statements_.meta.run();
}

Result<void> Store::empty_log() { return database_->execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

bool Store::wants_snapshot() const {
  return open_.position == 0 && !orphans_ &&
         journal_bytes_ > std::max(snapshot_bytes, newest_.bytes);
}

void Store::begin_snapshot(std::uint64_t fingerprint) {
  CHECK(!orphans_, "wants_snapshot() says when");
  open_ = {position_, 0, 0, fingerprint, {}, chain_.hex()};
  open_chain_ = chain_snapshot(open_.position, open_.fingerprint, open_.journal_chain);
  journal_bytes_ = 0;
}

void Store::add_part(std::string part, bool last) {
  open_chain_ = chain_journal(open_chain_, open_.parts, part);
  open_.bytes += part.size();
  parts_.push_back({open_.position, open_.parts++, std::move(part), last});
  if (!last) return;
  open_.chain = open_chain_.hex();
  newest_ = std::move(open_);
  open_ = {};
}

/// After a snapshot is complete: the older of the two newest decides what is still needed.
Result<void> Store::find_limit() {
  auto query =
      database_->prepare("SELECT position FROM snapshots ORDER BY position DESC LIMIT 1 OFFSET 1");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return {};
  limit_ = static_cast<std::uint64_t>(query->integer(0));
  rubbish_ = true;
  return {};
}

Result<std::int64_t> Store::remove_slice(const char* sql, std::uint64_t limit) {
  auto statement = database_->prepare(sql);
  if (!statement) return tl::make_unexpected(statement.error());
  statement->bind(1, static_cast<std::int64_t>(limit));
  statement->bind(2, static_cast<std::int64_t>(kSliceBytes));  // where there is one
  if (auto removed = statement->run(); !removed) return tl::make_unexpected(removed.error());
  return database_->last_change_count();
}

/// One slice of one kind: rows in order until their bytes are enough.
Result<void> Store::remove_rubbish() {
  if (!rubbish_) return {};
  for (const char* sql : kRemovals) {
    const auto removed = remove_slice(sql, limit_);
    if (!removed) return tl::make_unexpected(removed.error());
    if (*removed > 0) return {};
  }
  rubbish_ = false;
  return {};
}

}  // namespace landseer::broker
