/// Snapshots on disk: where a recovery begins, what they make superfluous, what damage to them
/// means.
#include <filesystem>
#include <fstream>

#include "broker/core/groups.h"
#include "broker/io/check_store.h"
#include "broker/io/recover.h"
#include "tests/io/store_fixture.h"

namespace landseer::broker {
namespace {

Digest digest_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return sha256(std::string{std::istreambuf_iterator<char>(file), {}});
}

void write_format_1(const std::string& path, const std::string& change) {
  std::ifstream file(std::string(LANDSEER_SOURCE_DIR) + "/tests/io/fixtures/store_format_1.sql");
  const std::string sql{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, (sql + change).c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
}

class SnapshotStoreTest : public StoreTest {
 protected:
  /// Two parts that say no more than which state they stand for.
  static void snapshot(Store& store, std::uint64_t sum) {
    store.begin_snapshot(sum);
    std::string part;
    append_entry(part, encode_item(HeadItem{1, 1, 1, 1, sum}));
    store.add_part(part, false);
    ASSERT_TRUE(store.sync());
    part.clear();
    append_entry(part, encode_item(TimingItem{"tool", 0, sum}));
    store.add_part(part, true);
    ASSERT_TRUE(store.sync());
  }

  /// Groups 1 to `groups`, a snapshot after each multiple of three.
  void write_with_snapshots(std::uint64_t groups) const {
    Contents contents;
    const auto store = open(contents);
    ASSERT_TRUE(store);
    for (std::uint64_t i = 1; i <= groups; ++i) {
      append(*store, contents.sum, i);
      if (i % 3 == 0) snapshot(*store, contents.sum);
    }
    while (store->has_rubbish()) ASSERT_TRUE(store->sync());
  }

  void damage_parts_of(std::uint64_t snapshot) const {
    execute("UPDATE snapshot_parts SET items = zeroblob(30) WHERE part = 1 AND snapshot = " +
            std::to_string(snapshot));
  }
};

TEST_F(SnapshotStoreTest, ARecoveryBeginsAtTheNewestAndReadsTheJournalAfterIt) {
  write_with_snapshots(7);
  const Contents contents = read();
  EXPECT_EQ(contents.recovery.snapshot, 6u);
  EXPECT_EQ(contents.recovery.groups, 1u);
  EXPECT_EQ(contents.entries.size(), 2u + 2u);
  EXPECT_EQ(contents.sum, 14u);
}

TEST_F(SnapshotStoreTest, TwoAreKeptAndTheJournalSinceTheOlder) {
  write_with_snapshots(10);
  EXPECT_EQ(count("snapshots"), 2);
  EXPECT_EQ(count("snapshot_parts"), 4);
  EXPECT_EQ(count("journal"), 4);
}

TEST_F(SnapshotStoreTest, NothingIsRemovedWhileThereIsOnlyOne) {
  write_with_snapshots(4);
  EXPECT_EQ(count("journal"), 4);
}

TEST_F(SnapshotStoreTest, ADamagedOneIsReportedAndTheOlderUsed) {
  write_with_snapshots(10);
  damage_parts_of(9);
  const Contents contents = read();
  EXPECT_EQ(contents.recovery.snapshot, 6u);
  EXPECT_EQ(contents.sum, 20u);
  ASSERT_EQ(contents.recovery.warnings.size(), 1u);
  EXPECT_NE(contents.recovery.warnings[0].find("position 9"), std::string::npos);
}

TEST_F(SnapshotStoreTest, ADamagedOneMakesRoomForTheNext) {
  write_with_snapshots(9);
  damage_parts_of(9);
  {
    Contents contents;
    const auto store = open(contents);
    store->snapshot_bytes = 1;
    EXPECT_FALSE(store->wants_snapshot());
    while (store->has_rubbish()) ASSERT_TRUE(store->sync());
    EXPECT_TRUE(store->wants_snapshot());
    snapshot(*store, contents.sum);  // at the same position
  }
  EXPECT_EQ(count("snapshots"), 2);
  EXPECT_EQ(read().recovery.snapshot, 9u);
  damage_parts_of(9);
  EXPECT_EQ(read().recovery.snapshot, 6u);
}

TEST_F(SnapshotStoreTest, ADamagedOneIsNotCountedAmongTheNewestTwo) {
  write_with_snapshots(9);
  damage_parts_of(9);
  {
    Contents contents;
    const auto store = open(contents);
    append(*store, contents.sum, 10);
    while (store->has_rubbish()) ASSERT_TRUE(store->sync());
    snapshot(*store, contents.sum);
    while (store->has_rubbish()) ASSERT_TRUE(store->sync());
  }
  damage_parts_of(10);
  EXPECT_EQ(read().recovery.snapshot, 6u);
}

TEST_F(SnapshotStoreTest, WithoutAnyTheWholeJournalIsRead) {
  write_with_snapshots(4);
  damage_parts_of(3);
  EXPECT_EQ(read().recovery.groups, 4u);
}

TEST_F(SnapshotStoreTest, WhenBothAreDamagedItIsRefused) {
  write_with_snapshots(10);
  damage_parts_of(9);
  damage_parts_of(6);
  expect_refused_at("1: the row is missing");
  EXPECT_NE(error_of_opening().message.find("snapshot at position 6 is damaged"),
            std::string::npos);
}

TEST_F(SnapshotStoreTest, AChangedDescriptionIsDamage) {
  write_with_snapshots(10);
  execute("UPDATE snapshots SET fingerprint = 1 WHERE position = 9");
  EXPECT_EQ(read().recovery.snapshot, 6u);
}

TEST_F(SnapshotStoreTest, CheckingProvesTheNewestFromTheOlder) {
  write_with_snapshots(10);
  auto store = Store::open(folder());
  Contents contents;
  const auto recovery = (*store)->verify(contents.reader());
  ASSERT_TRUE(recovery) << recovery.error().to_string();
  EXPECT_EQ(recovery->snapshot, 6u);
  EXPECT_EQ(recovery->groups, 4u);
}

TEST_F(SnapshotStoreTest, OneThatWasNotFinishedIsNotThere) {
  write_with_snapshots(3);
  {
    Contents contents;
    const auto store = open(contents);
    append(*store, contents.sum, 4);
    store->begin_snapshot(contents.sum);
    store->add_part("part", false);
    ASSERT_TRUE(store->sync());
  }
  EXPECT_EQ(read().recovery.snapshot, 3u);
  {
    Contents contents;
    const auto store = open(contents);
    EXPECT_TRUE(store->has_rubbish());
    while (store->has_rubbish()) ASSERT_TRUE(store->sync());
    snapshot(*store, contents.sum);  // at the same position
  }
  EXPECT_EQ(read().recovery.snapshot, 4u);
  EXPECT_EQ(count("snapshot_parts"), 4);
}

TEST_F(SnapshotStoreTest, TheyAreWantedWhenTheJournalHasGrown) {
  Contents contents;
  const auto store = open(contents);
  store->snapshot_bytes = 200;
  std::uint64_t i = 0;
  while (!store->wants_snapshot() && i < 100) append(*store, contents.sum, ++i);
  EXPECT_GT(i, 2u);
  EXPECT_LT(i, 10u);
  snapshot(*store, contents.sum);
  EXPECT_FALSE(store->wants_snapshot());
}

TEST_F(SnapshotStoreTest, SubmissionsOfForgottenPipelinesGoWhenNothingNeedsThem) {
  Contents contents;
  const auto store = open(contents);
  const std::vector<Record> added{PipelineAdded{PipelineId{1}, 5, sha256("body"), "body"}};
  ASSERT_TRUE(store->append({added, ++contents.sum}));
  const std::vector<Record> forgotten{PipelineForgotten{PipelineId{1}}};
  ASSERT_TRUE(store->append({forgotten, ++contents.sum}));
  ASSERT_TRUE(store->sync());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    append(*store, contents.sum, i);
    snapshot(*store, contents.sum);
  }
  while (store->has_rubbish()) ASSERT_TRUE(store->sync());
  EXPECT_TRUE(store->empty_log());
  std::filesystem::copy_file(database(), folder() + "/copy");
  std::filesystem::rename(folder() + "/copy", database());
  EXPECT_EQ(count("submissions"), 0);
  EXPECT_EQ(count("forgotten"), 0);
}

TEST(StoreUpgrade, AStoreOfFormat1BecomesOneOfToday) {
  test::TempFolder temp;
  const std::string path = temp.path().string() + "/broker.sqlite";
  write_format_1(path, "");
  for (int i = 0; i < 2; ++i) {
    auto store = Store::open(temp.path().string());
    ASSERT_TRUE(store) << store.error().to_string();
    Broker core{Settings{}};
    const auto recovery = recover(**store, core, Now{});
    ASSERT_TRUE(recovery) << recovery.error().to_string();
    EXPECT_EQ(recovery->groups, 7u);
    const auto& pipelines = core.state().pipelines;
    ASSERT_EQ(pipelines.all().size(), 3u);
    EXPECT_EQ(pipelines.find(PipelineId{1})->state(), protocol::PipelineState::kFailed);
    EXPECT_EQ(pipelines.find(PipelineId{1})->scheduler->get_progress().completed, 2u);
    EXPECT_EQ(pipelines.find(PipelineId{2})->scheduler->get_progress().running, 1u);
    core.check_invariants();
  }
  EXPECT_TRUE(std::filesystem::exists(path + ".format-1"));
}

TEST(StoreUpgrade, AStoreOfFormat1ThatLostAllItsRowsIsRefused) {
  test::TempFolder temp;
  write_format_1(temp.path().string() + "/broker.sqlite", "DELETE FROM journal");
  const auto store = Store::open(temp.path().string());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("position 1"), std::string::npos);
}

TEST(StoreUpgrade, LookingUpgradesNothing) {
  test::TempFolder temp;
  const std::string path = temp.path().string() + "/broker.sqlite";
  write_format_1(path, "");
  const Digest before = digest_of(path);
  const auto checked = check_store(temp.path().string());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kVersion);
  EXPECT_EQ(digest_of(path), before);
}

TEST_F(SnapshotStoreTest, LookingChangesNothing) {
  write_with_snapshots(10);
  damage_parts_of(9);
  std::filesystem::remove(folder() + "/position");
  const Digest before = digest_of(database());
  for (int i = 0; i < 2; ++i) static_cast<void>(check_store(folder()));
  EXPECT_EQ(digest_of(database()), before);
  for (const char* made : {"position", "epoch", "blobs"}) {
    EXPECT_FALSE(std::filesystem::exists(folder() + "/" + made)) << made;
  }
}

TEST(StoreUpgrade, ADamagedStoreOfFormat1IsRefusedAndStaysAsItIs) {
  test::TempFolder temp;
  const std::string path = temp.path().string() + "/broker.sqlite";
  write_format_1(path, "DELETE FROM journal WHERE position = 4");
  for (int i = 0; i < 2; ++i) {
    const auto store = Store::open(temp.path().string());
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().message.find("position 4"), std::string::npos);
  }
}

}  // namespace
}  // namespace landseer::broker
