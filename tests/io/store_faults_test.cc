/// The disk fails at each write and each sync of a busy minute in turn. Whatever was reported as
/// durable is there afterwards; whatever else is there was at least tried.
#include "broker/core/groups.h"
#include "tests/io/faulty_disk.h"
#include "tests/io/store_fixture.h"

namespace landseer::broker {
namespace {

class StoreFaults : public StoreTest {
 protected:
  void TearDown() override { FaultyDisk::disarm(); }

  /// Groups, submissions, snapshots and the removal of what they make superfluous. Returns the
  /// number of groups that sync() called durable. Ends at the first error; with `retry`, errors
  /// of a full disk are followed by one more try without faults.
  std::uint64_t run(bool retry) {
    auto opened = Store::open(folder());
    if (!opened) return 0;
    Store& store = **opened;
    Contents contents;
    if (!store.recover(contents.reader())) return 0;
    std::uint64_t durable = 0;
    const auto sync = [&] {
      auto synced = store.sync();
      if (!synced && retry && synced.error().code == ErrorCode::kLimit) {
        FaultyDisk::disarm();
        synced = store.sync();
      }
      if (synced) durable = store.position();
      return synced.has_value();
    };
    for (std::uint64_t i = 1; i <= 12; ++i) {
      std::vector<Record> records = group(i);
      const std::string body(20'000, 'b');
      records.push_back(PipelineAdded{PipelineId{i}, 5, sha256(body), body});
      contents.sum += records.size();
      if (!store.append({records, contents.sum})) return durable;
      if (!sync()) return durable;
      if (i % 4 != 0) continue;
      store.begin_snapshot(contents.sum);
      std::string part;
      append_entry(part, encode_item(HeadItem{1, 1, 1, 1, contents.sum}));
      store.add_part(std::move(part), true);
      do {
        if (!sync()) return durable;
      } while (store.has_rubbish());
    }
    return durable;
  }

  void expect_durable(std::uint64_t durable, const std::string& what) {
    auto store = Store::open(folder());
    ASSERT_TRUE(store) << what << store.error().to_string();
    Contents contents;
    const auto recovery = (*store)->recover(contents.reader());
    ASSERT_TRUE(recovery) << what << recovery.error().to_string();
    EXPECT_GE((*store)->position(), durable) << what;
    EXPECT_LE((*store)->position(), durable + 1) << what;
    EXPECT_EQ(contents.sum, 3 * (*store)->position()) << what;
  }

  /// The same in a new folder, with the fault at each call in turn.
  void try_each_call(Fault fault, bool retry) {
    FaultyDisk::arm(Fault::kNone, 0);
    ASSERT_EQ(run(false), 12u);
    const std::uint64_t calls = FaultyDisk::calls();
    ASSERT_GT(calls, 100u);
    for (std::uint64_t number = 1; number <= calls; ++number) {
      for (const auto& file : std::filesystem::directory_iterator(temp.path())) {
        std::filesystem::remove_all(file.path());
      }
      FaultyDisk::arm(fault, number);
      const std::uint64_t durable = run(retry);
      FaultyDisk::disarm();
      const std::string what = "call " + std::to_string(number) + ": ";
      expect_durable(durable, what);
      if (HasFailure()) return;
    }
  }
};

TEST_F(StoreFaults, AnErrorAtAnyWriteLosesNothingThatWasDurable) {
  try_each_call(Fault::kWriteError, false);
}

TEST_F(StoreFaults, AnErrorAtAnySyncLosesNothingThatWasDurable) {
  try_each_call(Fault::kSyncError, false);
}

TEST_F(StoreFaults, ADiskThatIsFullAtAnyWriteLosesNothing) { try_each_call(Fault::kFull, false); }

TEST_F(StoreFaults, ADiskThatStaysFullLosesNothing) { try_each_call(Fault::kFullForLong, false); }

TEST_F(StoreFaults, AndItGoesOnWhenThereIsSpaceAgain) { try_each_call(Fault::kFull, true); }

TEST_F(StoreFaults, AndWhenThereIsQuotaAgain) { try_each_call(Fault::kQuota, true); }

TEST_F(StoreFaults, AQuotaThatIsUsedUpIsAFullDisk) {
  FaultyDisk::arm(Fault::kNone, 0);
  Contents contents;
  const auto store = open(contents);
  const auto records = group(1);
  ASSERT_TRUE(store->append({records, 2}));
  FaultyDisk::arm(Fault::kQuota, 1);
  EXPECT_EQ(store->sync().error().code, ErrorCode::kLimit);
  EXPECT_TRUE(store->sync());
}

TEST_F(StoreFaults, AFullDiskIsToldFromABrokenOne) {
  FaultyDisk::arm(Fault::kNone, 0);
  Contents contents;
  const auto store = open(contents);
  const auto records = group(1);
  ASSERT_TRUE(store->append({records, 2}));
  FaultyDisk::arm(Fault::kFullForLong, 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store->sync().error().code, ErrorCode::kLimit);
  FaultyDisk::disarm();
  EXPECT_TRUE(store->sync());
  EXPECT_EQ(store->position(), 1u);
}

}  // namespace
}  // namespace landseer::broker
