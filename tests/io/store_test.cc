/// The store on a real disk: what was synced is read back; what is damaged is refused.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "broker/io/sqlite_store.h"
#include "broker/io/state_folder.h"
#include "tests/support/temp_folder.h"

namespace landseer::broker {
namespace {

class StoreTest : public testing::Test {
 protected:
  std::string folder() const { return temp.path().string(); }

  static std::vector<Record> group(std::uint64_t i) {
    return {TaskReopened{TaskId{i}, true}, WorkerAdded{"uid" + std::to_string(i), "name"}};
  }

  void write(std::uint64_t groups) {
    auto store = SqliteStore::open(folder());
    ASSERT_TRUE(store) << store.error().to_string();
    ASSERT_TRUE((*store)->read_all([](const Record&) { return Result<void>{}; }));
    for (std::uint64_t i = 1; i <= groups; ++i) {
      ASSERT_TRUE((*store)->append(group(i)));
      ASSERT_TRUE((*store)->sync());
    }
  }

  Result<void> read(std::vector<Record>& records) const {
    auto store = SqliteStore::open(folder());
    if (!store) return tl::make_unexpected(store.error());
    return (*store)->read_all([&](const Record& record) {
      records.push_back(record);
      return Result<void>{};
    });
  }

  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((folder() + "/broker.sqlite").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  void expect_refused_at(const std::string& position) const {
    std::vector<Record> records;
    const auto result = read(records);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("position " + position + ":"), std::string::npos)
        << result.error().message;
  }

  test::TempFolder temp;
};

TEST_F(StoreTest, GivesBackWhatWasSyncedInOrder) {
  write(3);
  std::vector<Record> records;
  ASSERT_TRUE(read(records));
  ASSERT_EQ(records.size(), 6u);
  EXPECT_EQ(records[4], group(3)[0]);
  write(2);
  records.clear();
  ASSERT_TRUE(read(records));
  EXPECT_EQ(records.size(), 10u) << "it goes on where it stood";
}

TEST_F(StoreTest, WhatWasNotSyncedIsGoneAndNothingElse) {
  write(1);
  {
    auto store = SqliteStore::open(folder());
    ASSERT_TRUE((*store)->read_all([](const Record&) { return Result<void>{}; }));
    ASSERT_TRUE((*store)->append(group(2)));
  }
  std::vector<Record> records;
  ASSERT_TRUE(read(records));
  EXPECT_EQ(records.size(), 2u);
}

TEST_F(StoreTest, AChangedRowIsRefusedWithItsPosition) {
  write(3);
  execute("UPDATE journal SET records = zeroblob(20) WHERE position = 2");
  expect_refused_at("2");
}

TEST_F(StoreTest, AMissingRowIsRefusedWithItsPosition) {
  write(3);
  execute("DELETE FROM journal WHERE position = 2");
  expect_refused_at("2");
}

TEST_F(StoreTest, AMissingTailIsRefused) {
  write(3);
  execute("DELETE FROM journal WHERE position = 3");
  expect_refused_at("3");
}

TEST_F(StoreTest, RowsInEachOthersPlaceAreRefused) {
  write(3);
  execute(
      "UPDATE journal SET position = 9 WHERE position = 2;"
      "UPDATE journal SET position = 2 WHERE position = 3;"
      "UPDATE journal SET position = 3 WHERE position = 9");
  expect_refused_at("2");
}

TEST_F(StoreTest, ARecordTheReaderRefusesIsNamed) {
  write(2);
  auto store = SqliteStore::open(folder());
  int seen = 0;
  const auto result = (*store)->read_all([&](const Record&) -> Result<void> {
    if (++seen < 3) return {};
    return fail(ErrorCode::kInternal, "it contradicts the others");
  });
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("position 2: it contradicts"), std::string::npos);
}

TEST_F(StoreTest, ALaterFormatIsRefused) {
  write(1);
  execute("UPDATE meta SET value = 99 WHERE name = 'format'");
  const auto store = SqliteStore::open(folder());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kVersion);
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(folder() + "/broker.sqlite") << std::string(5000, 'x');
  EXPECT_FALSE(SqliteStore::open(folder()));
}

TEST_F(StoreTest, AFolderHasOneBrokerAndItsEpochGrows) {
  const std::string state = folder() + "/state";
  {
    const auto first = StateFolder::open(state);
    ASSERT_TRUE(first);
    EXPECT_EQ((*first)->epoch(), 1u);
    const auto second = StateFolder::open(state);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  }
  const auto again = StateFolder::open(state);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->epoch(), 2u);
}

TEST_F(StoreTest, ADamagedEpochIsReportedNotReset) {
  const std::string state = folder() + "/state";
  ASSERT_TRUE(StateFolder::open(state));
  std::ofstream(state + "/epoch") << "seven\n";
  const auto opened = StateFolder::open(state);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("epoch"), std::string::npos);
}

TEST_F(StoreTest, BlobsAreReadInPieces) {
  const auto state = StateFolder::open(folder() + "/state");
  const Digest digest = sha256("model script");
  ASSERT_TRUE((*state)->keep_blob(digest, "model script"));
  ASSERT_TRUE((*state)->keep_blob(digest, "model script"));
  std::uint64_t size = 0;
  EXPECT_EQ((*state)->read_blob(digest, 6, 3, size), "scr");
  EXPECT_EQ(size, 12u);
  EXPECT_EQ((*state)->read_blob(digest, ~std::uint64_t{0}, 3, size), "");
  EXPECT_FALSE((*state)->read_blob(sha256("other"), 0, 3, size));
}

}  // namespace
}  // namespace landseer::broker
