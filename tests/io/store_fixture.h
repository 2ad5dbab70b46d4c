/// A store in a temporary folder, and a reader that only remembers what it is given.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "broker/io/store.h"
#include "tests/support/temp_folder.h"

namespace landseer::broker {

/// What came out of a store, as bytes: equal content, equal digest.
struct Contents {
  std::vector<std::string> entries;
  Recovery recovery;
  std::uint64_t sum = 0;  ///< plays the fingerprint: one more for each record

  StoreReader reader() {
    return {[this](SnapshotItem&& item) {
              if (const auto* head = std::get_if<HeadItem>(&item)) sum = head->fingerprint;
              entries.push_back(encode_item(item));
              return Result<void>{};
            },
            [] { return Result<void>{}; },
            [this](Record&& record) {
              ++sum;
              entries.push_back(encode_record(record));
              return Result<void>{};
            },
            [this] { return sum; }};
  }
};

class StoreTest : public testing::Test {
 protected:
  std::string folder() const { return temp.path().string(); }
  std::string database() const { return folder() + "/broker.sqlite"; }

  static std::vector<Record> group(std::uint64_t i) {
    return {TaskReopened{TaskId{i}, true}, WorkerAdded{"uid" + std::to_string(i), "name"}};
  }

  /// Opened and read; what was read is in `contents`.
  std::unique_ptr<Store> open(Contents& contents) const {
    auto store = Store::open(folder());
    EXPECT_TRUE(store) << store.error().to_string();
    if (!store) return nullptr;
    auto recovery = (*store)->recover(contents.reader());
    EXPECT_TRUE(recovery) << recovery.error().to_string();
    if (!recovery) return nullptr;
    contents.recovery = *recovery;
    return std::move(*store);
  }

  static void append(Store& store, std::uint64_t& sum, std::uint64_t i) {
    const auto records = group(i);
    sum += records.size();
    ASSERT_TRUE(store.append({records, sum}));
    const auto synced = store.sync();
    ASSERT_TRUE(synced) << synced.error().to_string();
  }

  void write(std::uint64_t groups) const {
    Contents contents;
    const auto store = open(contents);
    ASSERT_TRUE(store);
    for (std::uint64_t i = 1; i <= groups; ++i) append(*store, contents.sum, i);
  }

  Contents read() const {
    Contents contents;
    open(contents);
    return contents;
  }

  void execute(const std::string& sql) const {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }

  std::int64_t count(const std::string& what) const {
    sqlite3* raw = nullptr;
    sqlite3_open(database().c_str(), &raw);
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(raw, ("SELECT count(*) FROM " + what).c_str(), -1, &statement, nullptr);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const std::int64_t rows = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    return rows;
  }

  Error error_of_opening() const {
    auto store = Store::open(folder());
    if (!store) return store.error();
    Contents contents;
    const auto recovery = (*store)->recover(contents.reader());
    EXPECT_FALSE(recovery) << "it was read without complaint";
    return recovery ? Error{} : recovery.error();
  }

  void expect_refused_at(const std::string& position) const {
    const Error error = error_of_opening();
    EXPECT_NE(error.message.find("position " + position), std::string::npos) << error.message;
  }

  test::TempFolder temp;
};

}  // namespace landseer::broker
