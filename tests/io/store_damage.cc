/// Every byte of a store changed once, and the store cut at every length that matters: it must be
/// read exactly as it was written, or refused with an explanation. Nothing else is right.
///
/// `store_damage [--stride N] [--first N] [--without-mark]`: every N-th byte, beginning with the
/// first. Without the note of the last position (position_mark.h) a damaged last commit may look
/// like one that a crash has torn: then exactly that group may be missing, and it must be reported.
/// Prints what it did, and ends with 1 after the first outcome that is none of these.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "broker/core/groups.h"
#include "broker/io/store.h"
#include "broker/io/wal_check.h"
#include "tests/support/temp_folder.h"

namespace landseer::broker {
namespace {

struct Outcome {
  bool refused = false;
  bool reported = false;  // a warning was given
  std::string error;
  std::vector<std::string> entries;
  std::vector<std::size_t> records;  // entries after which a group's records are complete
};

Outcome read(const std::string& folder) {
  Outcome outcome;
  std::uint64_t sum = 0;
  const auto store = Store::open(folder);
  if (!store) return {true, false, store.error().to_string(), {}, {}};
  const StoreReader reader{
      [&](SnapshotItem&& item) {
        if (const auto* head = std::get_if<HeadItem>(&item)) {
          sum = head->fingerprint;
          return Result<void>{};  // where it began is not what it is
        }
        return Result<void>{};
      },
      [] { return Result<void>{}; },
      [&](Record&& record) {
        ++sum;
        std::string entry = encode_record(record);
        if (const auto* added = std::get_if<PipelineAdded>(&record)) {
          // As the ledger does.
          if (sha256(added->body) != added->digest) {
            return Result<void>(fail(ErrorCode::kInternal, "the submission's digest"));
          }
          entry += added->body;
        }
        outcome.entries.push_back(std::move(entry));
        return Result<void>{};
      },
      [&] { return sum; }};
  const auto recovery = (*store)->recover(reader);
  if (!recovery) return {true, false, recovery.error().to_string(), {}, {}};
  outcome.reported = !recovery->warnings.empty();
  return outcome;
}

/// Half a MiB or more in the database and most of a MiB in its log, with snapshots and submissions.
/// Returns the number of records in the last group.
std::size_t write_reference(const std::string& folder) {
  auto store = std::move(*Store::open(folder));
  std::uint64_t sum = 0;
  const auto accept = [](auto&&) { return Result<void>{}; };
  if (!store->recover(
          {accept, [] { return Result<void>{}; }, accept, [] { return std::uint64_t{0}; }})) {
    std::abort();
  }
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    std::vector<Record> records{TaskFailed{TaskId{i}, std::string(600 + i % 400, 'r'), 5}};
    if (i % 50 == 0) {
      const std::string body(9000, static_cast<char>('a' + i % 26));
      records.push_back(PipelineAdded{PipelineId{i}, 5, sha256(body), body});
    }
    sum += records.size();
    if (!store->append({records, sum}) || !store->sync()) std::abort();
    if (i % 250 == 0) {
      store->begin_snapshot(sum);
      std::string part;
      append_entry(part, encode_item(HeadItem{1, 1, 1, 1, sum}));
      append_entry(part, encode_item(TimingItem{std::string(20'000, 't'), 0, sum}));
      store->add_part(std::move(part), true);
      while (!store->sync() || store->has_rubbish()) {
      }
    }
    const auto log = check_wal(folder + "/broker.sqlite");
    if (i > 600 && log && log->frames >= 200) return records.size();
  }
  std::abort();
}

class Matrix {
 public:
  Matrix(bool with_mark) : with_mark_(with_mark) {
    last_group_ = write_reference(folder());
    if (!with_mark_) std::filesystem::remove(folder() + "/position");
    for (const char* name : {"broker.sqlite", "broker.sqlite-wal", "position"}) {
      std::ifstream file(folder() + "/" + name, std::ios::binary);
      content_[name] = std::string(std::istreambuf_iterator<char>(file), {});
    }
    reference_ = read(folder());
    if (reference_.refused) stop("the reference is refused: " + reference_.error);
    if (!with_mark_) std::filesystem::remove(folder() + "/position");
  }

  void flip_all(const std::string& name, std::size_t first, std::size_t stride) {
    const std::string& content = content_[name];
    const int file = open((folder() + "/" + name).c_str(), O_RDWR | O_CLOEXEC);
    for (std::size_t at = first; at < content.size(); at += stride) {
      const char flipped = static_cast<char>(content[at] ^ (1 << at % 8));
      put(file, at, flipped);
      judge(name + ", byte " + std::to_string(at));
      put(file, at, content[at]);
    }
    close(file);
    expect_untouched(name);
  }

  /// At each page and frame, in the middle of them, and at each byte of the first ones' headers.
  void cut_all(const std::string& name, std::size_t unit, std::size_t start, std::size_t stride) {
    const std::string& content = content_[name];
    std::vector<std::size_t> lengths;
    for (std::size_t length = 0; length < std::min<std::size_t>(content.size(), 160); ++length) {
      lengths.push_back(length);
    }
    for (std::size_t at = start; at < content.size(); at += unit) {
      for (const std::size_t more : {std::size_t{0}, std::size_t{1}, std::size_t{24}, unit / 2}) {
        if (at + more < content.size()) lengths.push_back(at + more);
      }
    }
    const std::string path = folder() + "/" + name;
    for (std::size_t i = 0; i < lengths.size(); i += stride) {
      std::filesystem::resize_file(path, lengths[i]);
      cut_ = true;
      judge(name + ", cut at " + std::to_string(lengths[i]));
      cut_ = false;
      restore(name);
    }
  }

  void remove(const std::string& name) {
    std::filesystem::remove(folder() + "/" + name);
    cut_ = true;
    judge(name + ", removed");
    cut_ = false;
    restore(name);
  }

  void print() const {
    std::printf(
        "{\"database_bytes\": %zu, \"log_bytes\": %zu, \"mark\": %s, \"tried\": %llu, \"exact\": "
        "%llu, \"refused\": %llu, \"last_group_torn\": %llu, \"older_state\": %llu}\n",
        content_.at("broker.sqlite").size(), content_.at("broker.sqlite-wal").size(),
        with_mark_ ? "true" : "false", tried_, exact_, refused_, torn_, older_);
  }

 private:
  std::string folder() const { return temp_.path().string(); }

  static void put(int file, std::size_t at, char byte) {
    if (pwrite(file, &byte, 1, static_cast<off_t>(at)) != 1) std::abort();
  }

  void restore(const std::string& name) {
    std::ofstream(folder() + "/" + name, std::ios::binary) << content_[name];
  }

  void expect_untouched(const std::string& name) {
    std::ifstream file(folder() + "/" + name, std::ios::binary);
    if (std::string(std::istreambuf_iterator<char>(file), {}) != content_[name]) {
      stop(name + " was changed by reading it");
    }
  }

  /// Whether `entries` is the end of what the reference gave, or more: a recovery that began at the
  /// older snapshot has read more of the journal.
  static bool ends_alike(const std::vector<std::string>& longer,
                         const std::vector<std::string>& shorter) {
    return longer.size() >= shorter.size() &&
           std::equal(shorter.rbegin(), shorter.rend(), longer.rbegin());
  }

  void judge(const std::string& what) {
    ++tried_;
    const Outcome outcome = read(folder());
    if (!with_mark_) std::filesystem::remove(folder() + "/position");
    if (outcome.refused) {
      ++refused_;
      const bool explained = outcome.error.find("position") != std::string::npos ||
                             outcome.error.find("format") != std::string::npos ||
                             outcome.error.find("malformed") != std::string::npos ||
                             outcome.error.find("not a database") != std::string::npos;
      if (!explained) stop(what + ": refused without a place: " + outcome.error);
      return;
    }
    if (ends_alike(outcome.entries, reference_.entries)) {
      ++exact_;
      return;
    }
    auto without_last = reference_.entries;
    without_last.resize(without_last.size() - last_group_);
    if (!with_mark_ && outcome.reported && ends_alike(outcome.entries, without_last)) {
      ++torn_;
      return;
    }
    // A log that is cut where a commit ends is the store of an earlier moment; only the note of the
    // last position tells that it is not the present one.
    if (!with_mark_ && cut_) {
      ++older_;
      return;
    }
    stop(what + ": read as something else, " + std::to_string(outcome.entries.size()) + " of " +
         std::to_string(reference_.entries.size()) + " records, and no complaint");
  }

  [[noreturn]] void stop(const std::string& why) const {
    print();
    std::fprintf(stderr, "%s (files: %s)\n", why.c_str(), folder().c_str());
    std::_Exit(1);
  }

  test::TempFolder temp_;
  bool with_mark_;
  bool cut_ = false;
  std::map<std::string, std::string> content_;
  Outcome reference_;
  std::size_t last_group_ = 0;  // its records
  unsigned long long tried_ = 0, exact_ = 0, refused_ = 0, torn_ = 0, older_ = 0;
};

}  // namespace
}  // namespace landseer::broker

int main(int argc, char** argv) {
  CLI::App app("Damages a store in every way and expects it to be noticed.");
  std::size_t stride = 1;
  std::size_t first = 0;
  bool without_mark = false;
  app.add_option("--stride", stride)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--first", first)->capture_default_str();
  app.add_flag("--without-mark", without_mark);
  CLI11_PARSE(app, argc, argv);
  landseer::broker::Matrix matrix(!without_mark);
  for (const char* name : {"broker.sqlite", "broker.sqlite-wal", "position"}) {
    matrix.flip_all(name, first, stride);
  }
  matrix.cut_all("broker.sqlite", 4096, 0, stride > 1 ? 7 : 1);
  matrix.cut_all("broker.sqlite-wal", 4096 + 24, 32, stride > 1 ? 7 : 1);
  matrix.remove("broker.sqlite");
  matrix.remove("broker.sqlite-wal");
  matrix.print();
  return 0;
}
