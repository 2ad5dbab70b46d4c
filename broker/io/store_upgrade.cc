/// From format 1, which had one journal and nothing else: no snapshots, no fingerprint, and each
/// submission inside its record.
#include <filesystem>

#include "broker/core/broker.h"
#include "broker/core/groups.h"
#include "broker/io/store.h"
#include "broker/io/store_format.h"
#include "common/protocol/fields.h"

namespace landseer::broker {
namespace {

struct OldPipelineAdded {
  PipelineId pipeline{};
  std::int64_t submitted_at = 0;
  std::string submission;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("submitted_at", m.submitted_at);
    visit("submission", protocol::as_bytes(m.submission));
  }
};

/// All other records of format 1 are those of today.
Result<Record> decode_old_record(std::string_view bytes) {
  constexpr std::size_t kBytesMax = protocol::kSubmissionBytesMax + 64 * 1024;
  if (auto old = protocol::decode_frame<std::variant<OldPipelineAdded>>(bytes, kBytesMax)) {
    auto& added = std::get<OldPipelineAdded>(old->message);
    const Digest digest = sha256(added.submission);
    return PipelineAdded{added.pipeline, added.submitted_at, digest, std::move(added.submission)};
  }
  return decode_record(bytes);
}

tl::unexpected<Error> damaged(const std::string& path, std::uint64_t position,
                              const std::string& why) {
  return fail(ErrorCode::kInternal,
              "the journal is damaged at position " + std::to_string(position) + ": " + why, path,
              "nothing was changed; restore the folder from a copy, or start on an empty one with "
              "--state");
}

/// Verifies the old journal as the version that wrote it would have, and writes each group to the
/// new store. The core says what fingerprint a state has.
class Upgrade {
 public:
  Upgrade(Database& from, Store& to) : from_(from), to_(to), core_(Settings{}) {}

  Result<void> run() {
    auto rows = from_.prepare("SELECT position, chain, records FROM journal ORDER BY position");
    if (!rows) return tl::make_unexpected(rows.error());
    for (;;) {
      const auto row = rows->step();
      if (!row) return damaged(from_.path(), position_ + 1, row.error().message);
      if (!*row) return check_end();
      ++position_;
      chain_ = chain_journal(chain_, position_, rows->blob(2));
      if (rows->integer(0) != static_cast<std::int64_t>(position_) ||
          rows->blob(1) != chain_.hex()) {
        return damaged(from_.path(), position_, "a row is missing or its digest does not fit");
      }
      if (auto copied = copy(rows->blob(2)); !copied) {
        return damaged(from_.path(), position_, copied.error().message);
      }
    }
  }

 private:
  Result<void> copy(std::string_view group) {
    std::vector<Record> records;
    for (std::string_view bytes; !group.empty();) {
      if (!take_entry(group, bytes)) return fail(ErrorCode::kInternal, "a record is cut");
      auto record = decode_old_record(bytes);
      if (!record) return tl::make_unexpected(record.error());
      if (auto good = core_.replay(*record, Now{}); !good) return good;
      records.push_back(std::move(*record));
    }
    auto written = to_.append({records, core_.fingerprint()});
    return written ? to_.sync() : written;
  }

  Result<void> check_end() const {
    auto query = from_.prepare("SELECT value FROM meta WHERE name = 'chain'");
    if (!query) return tl::make_unexpected(query.error());
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    // The chain is written with the first row.
    const bool whole = *row ? query->blob(0) == chain_.hex() : position_ == 0;
    if (whole) return {};
    return damaged(from_.path(), position_ + 1, "a row is missing");
  }

  Database& from_;
  Store& to_;
  Broker core_;
  std::uint64_t position_ = 0;
  Digest chain_;
};

Result<void> write_new_store(const std::string& path, const std::string& folder) {
  auto from = Database::open(path);
  if (!from) return tl::make_unexpected(from.error());
  auto exclusive = (*from)->execute("PRAGMA locking_mode=EXCLUSIVE");
  if (!exclusive) return exclusive;
  auto to = Store::open(folder);
  if (!to) return tl::make_unexpected(to.error());
  const auto refuse = [](auto&&) -> Result<void> {
    return fail(ErrorCode::kInternal, "not empty");
  };
  const auto opened = (*to)->recover(
      {refuse, [] { return Result<void>{}; }, refuse, [] { return std::uint64_t{0}; }});
  if (!opened) return tl::make_unexpected(opened.error());
  if (auto copied = Upgrade(**from, **to).run(); !copied) return copied;
  // A log of the old file beside the new one would be taken for its own.
  auto emptied = (*from)->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return emptied ? (*to)->empty_log() : emptied;
}

}  // namespace

Result<void> upgrade_format_1(const std::string& path) {
  const std::string folder = path + ".upgrade";
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  std::filesystem::create_directory(folder, error);
  if (auto written = write_new_store(path, folder); !written) return written;
  // There is a store under its name at every moment.
  // Its log is empty now; if a power loss brought it back, it would be read into the new one.
  std::filesystem::remove(path + "-wal", error);
  std::filesystem::remove(path + ".format-1", error);
  std::filesystem::create_hard_link(path, path + ".format-1", error);
  if (!error) std::filesystem::rename(folder + "/broker.sqlite", path, error);
  if (!error) std::filesystem::remove_all(folder, error);
  if (!error) return {};
  return fail(ErrorCode::kIo, "cannot put the upgraded store in place: " + error.message(), path,
              "the old one is untouched; check the folder's owner and space");
}

}  // namespace landseer::broker
