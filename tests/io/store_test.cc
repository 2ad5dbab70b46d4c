/// The store on a real disk: what was synced is read back; what is damaged is refused.
#include <fstream>

#include "broker/io/state_folder.h"
#include "broker/io/wal_check.h"
#include "tests/io/store_fixture.h"

namespace landseer::broker {
namespace {

TEST_F(StoreTest, GivesBackWhatWasSyncedInOrder) {
  write(3);
  Contents contents = read();
  ASSERT_EQ(contents.entries.size(), 6u);
  EXPECT_EQ(contents.entries[4], encode_record(group(3)[0]));
  write(2);
  EXPECT_EQ(read().entries.size(), 10u) << "it goes on where it stood";
}

TEST_F(StoreTest, WhatWasNotSyncedIsGoneAndNothingElse) {
  write(1);
  {
    Contents contents;
    const auto store = open(contents);
    const auto records = group(2);
    ASSERT_TRUE(store->append({records, 4}));
  }
  EXPECT_EQ(read().entries.size(), 2u);
}

TEST_F(StoreTest, SubmissionsAreStoredOnceAndGivenBackWithTheirRecord) {
  const std::string body(3'000'000, 'b');
  {
    Contents contents;
    const auto store = open(contents);
    const std::vector<Record> records{PipelineAdded{PipelineId{1}, 5, sha256(body), body}};
    ASSERT_TRUE(store->append({records, 1}));
    ASSERT_TRUE(store->sync());
  }
  EXPECT_EQ(count("submissions"), 3);
  auto store = Store::open(folder());
  ASSERT_TRUE(store);
  std::string seen;
  Contents contents;
  auto reader = contents.reader();
  reader.record = [&](Record&& record) {
    ++contents.sum;
    seen = std::get<PipelineAdded>(record).body;
    return Result<void>{};
  };
  ASSERT_TRUE((*store)->recover(reader));
  EXPECT_EQ(seen, body);
}

TEST_F(StoreTest, AChangedRowIsRefusedWithItsPosition) {
  write(3);
  execute("UPDATE journal SET records = zeroblob(20) WHERE position = 2");
  expect_refused_at("2: its digest");
}

TEST_F(StoreTest, AMissingRowIsRefusedWithItsPosition) {
  write(3);
  execute("DELETE FROM journal WHERE position = 2");
  expect_refused_at("2: the row is missing");
}

TEST_F(StoreTest, AMissingTailIsRefused) {
  write(3);
  execute("DELETE FROM journal WHERE position = 3");
  expect_refused_at("3: rows up to 3");
}

TEST_F(StoreTest, ATailThatIsMissingWithItsNoteIsRefusedToo) {
  write(2);
  std::filesystem::copy_file(database(), folder() + "/old");
  std::filesystem::copy_file(database() + "-wal", folder() + "/old-wal");
  write(1);
  std::filesystem::rename(folder() + "/old", database());
  std::filesystem::rename(folder() + "/old-wal", database() + "-wal");
  expect_refused_at("3: positions up to 3 were written");
  std::filesystem::remove(folder() + "/position");
  EXPECT_EQ(read().entries.size(), 4u) << "the operator took the older copy";
}

TEST_F(StoreTest, ALogThatBeganAgainOverOlderFramesIsReadAtEveryLength) {
  Contents contents;
  const auto store = open(contents);
  for (std::uint64_t i = 1; i <= 300; ++i) {
    append(*store, contents.sum, i);
    const auto report = check_wal(database());
    ASSERT_TRUE(report) << "after " << i << ": " << report.error().to_string();
    ASSERT_EQ(report->torn_frames, 0u) << "after " << i;
  }
  EXPECT_LT(std::filesystem::file_size(database() + "-wal"), 2'000'000u) << "it did begin again";
}

TEST_F(StoreTest, AFrameWithAnotherSumOrSaltIsDamageNotACrash) {
  write(20);
  for (const int byte : {32 + 10 * 4120 + 17, 32 + 10 * 4120 + 9, 32 + 10 * 4120 + 500}) {
    std::fstream file(database() + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(byte);
    const char before = static_cast<char>(file.get());
    file.seekp(byte);
    file.put(static_cast<char>(before ^ 1));
    file.close();
    EXPECT_FALSE(check_wal(database())) << "byte " << byte;
    std::fstream again(database() + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    again.seekp(byte);
    again.put(before);
  }
  EXPECT_TRUE(check_wal(database()));
}

TEST_F(StoreTest, ADamagedNoteIsRefused) {
  write(1);
  std::ofstream(folder() + "/position") << "00000000000000000000 0000000000000000\n";
  EXPECT_NE(error_of_opening().message.find("note of the last position"), std::string::npos);
}

TEST_F(StoreTest, RowsInEachOthersPlaceAreRefused) {
  write(3);
  execute(
      "UPDATE journal SET position = 9 WHERE position = 2;"
      "UPDATE journal SET position = 2 WHERE position = 3;"
      "UPDATE journal SET position = 3 WHERE position = 9");
  expect_refused_at("2: its digest");
}

TEST_F(StoreTest, ARecordTheReaderRefusesIsNamed) {
  write(2);
  auto store = Store::open(folder());
  Contents contents;
  auto reader = contents.reader();
  int seen = 0;
  reader.record = [&](Record&&) -> Result<void> {
    if (++seen < 3) return {};
    return fail(ErrorCode::kInternal, "it contradicts the others");
  };
  const auto result = (*store)->recover(reader);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("position 2: it contradicts"), std::string::npos);
}

TEST_F(StoreTest, ARecoveryThatArrivesAtAnotherStateIsRefused) {
  write(2);
  execute("UPDATE meta SET value = 5 WHERE name = 'fingerprint'");
  expect_refused_at("2: the state it leads to");
}

TEST_F(StoreTest, ALaterFormatIsRefused) {
  write(1);
  execute("UPDATE meta SET value = 99 WHERE name = 'format'");
  const auto store = Store::open(folder());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kVersion);
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(database()) << std::string(5000, 'x');
  EXPECT_FALSE(Store::open(folder()));
}

TEST_F(StoreTest, ATableThatIsNotThereIsNotMadeAnew) {
  write(1);
  execute("ALTER TABLE journal RENAME TO journam");
  EXPECT_NE(error_of_opening().message.find("tables"), std::string::npos);
}

TEST_F(StoreTest, AFolderHasOneBrokerAndItsEpochGrows) {
  const std::string state = folder() + "/state";
  std::uint64_t epoch = 0;
  {
    const auto first = StateFolder::open(state);
    ASSERT_TRUE(first);
    epoch = (*first)->epoch();
    const auto second = StateFolder::open(state);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  }
  const auto again = StateFolder::open(state);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->epoch(), epoch + 1);
  const auto other = StateFolder::open(folder() + "/other");
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->epoch(), epoch) << "attempts of two folders never have one name";
}

TEST_F(StoreTest, ADamagedEpochIsReportedNotReset) {
  const std::string state = folder() + "/state";
  ASSERT_TRUE(StateFolder::open(state));
  std::ofstream(state + "/epoch") << "seven\n";
  const auto opened = StateFolder::open(state);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("epoch"), std::string::npos);
}

TEST_F(StoreTest, AnEpochThatIsEmptyOrMissingBesideAStoreIsDamaged) {
  ASSERT_TRUE(StateFolder::open(folder()));
  std::ofstream(folder() + "/epoch", std::ios::trunc);
  EXPECT_FALSE(StateFolder::open(folder()));
  std::filesystem::remove(folder() + "/epoch");
  EXPECT_TRUE(StateFolder::open(folder()));
  write(1);
  std::filesystem::remove(folder() + "/epoch");
  const auto opened = StateFolder::open(folder());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("epoch"), std::string::npos);
}

TEST_F(StoreTest, BlobsThatNobodyNeedsAreRemoved) {
  const auto state = StateFolder::open(folder() + "/state");
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_TRUE((*state)->keep_blob(sha256(text), text));
  }
  std::ofstream(folder() + "/state/blobs/" + sha256("four").hex() + ".draft") << "fo";
  (*state)->remove_blob(sha256("one"));
  (*state)->remove_blobs_but({sha256("three")});
  std::uint64_t size = 0;
  EXPECT_FALSE((*state)->read_blob(sha256("one"), 0, 9, size));
  EXPECT_FALSE((*state)->read_blob(sha256("two"), 0, 9, size));
  EXPECT_EQ((*state)->read_blob(sha256("three"), 0, 9, size), "three");
  const auto files = std::filesystem::directory_iterator(folder() + "/state/blobs");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
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
