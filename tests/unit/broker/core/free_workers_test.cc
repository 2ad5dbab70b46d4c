#include "broker/core/free_workers.h"

#include <gtest/gtest.h>

namespace landseer::broker {
namespace {

class FreeWorkersTest : public ::testing::Test {
 protected:
  WorkerRecord& add(const std::string& name, std::uint32_t cpus, const std::string& store = "") {
    WorkerRecord& worker = workers.add(name);
    worker.offer.name = name;
    worker.offer.cpus_milli = 1000 * cpus;
    worker.offer.runtimes = {"process"};
    worker.offer.store_id = store;
    worker.session = 1;
    workers.reset_room(worker);
    workers.changed();
    return worker;
  }

  static Request cpus(std::uint32_t number) {
    Request request;
    request.resources.cpus_milli = 1000 * number;
    return request;
  }

  static std::string names(const auto& entries) {
    std::string all;
    for (const auto& entry : entries) all += entry.slot->worker->offer.name + " ";
    return all;
  }

  WorkerTable workers;
  FreeWorkers free;
};

TEST_F(FreeWorkersTest, TheMostFreeComesFirstThenTheOldest) {
  add("a", 2);
  add("b", 4);
  add("c", 4);
  free.sync(workers);
  EXPECT_EQ(names(free.all()), "b c a ");
}

TEST_F(FreeWorkersTest, FollowsWhatIsReservedAndReleased) {
  add("a", 4);
  WorkerRecord& b = add("b", 6);
  free.sync(workers);
  workers.reserve(b, {}, cpus(3));
  free.sync(workers);
  EXPECT_EQ(names(free.all()), "a b ");
  workers.release(b, {}, cpus(3));
  free.sync(workers);
  EXPECT_EQ(names(free.all()), "b a ");
}

TEST_F(FreeWorkersTest, NamesThoseThatGotMoreRoomSince) {
  WorkerRecord& a = add("a", 4);
  WorkerRecord& b = add("b", 4);
  free.sync(workers);
  EXPECT_EQ(names(free.gained_since(0)), "a b ");
  std::uint64_t seen = free.gains();
  workers.reserve(a, {}, cpus(1));
  workers.reserve(b, {}, cpus(1));
  free.sync(workers);
  EXPECT_EQ(names(free.gained_since(seen)), "");
  workers.release(b, {}, cpus(1));
  free.sync(workers);
  EXPECT_EQ(names(free.gained_since(seen)), "b ");
  seen = free.gains();
  add("c", 1);
  free.sync(workers);
  EXPECT_EQ(names(free.gained_since(seen)), "c ");
}

TEST_F(FreeWorkersTest, WhoTakesNoWorkIsNotListed) {
  WorkerRecord& a = add("a", 4);
  free.sync(workers);
  a.leaving = true;
  workers.changed();
  free.sync(workers);
  EXPECT_TRUE(free.all().empty());
  EXPECT_FALSE(free.find(a.id));
  EXPECT_EQ(names(free.gained_since(0)), "");
  const std::uint64_t seen = free.gains();
  a.leaving = false;
  workers.changed();
  free.sync(workers);
  EXPECT_EQ(names(free.gained_since(seen)), "a ");
}

TEST_F(FreeWorkersTest, AForgottenWorkerIsGone) {
  add("a", 4, "shared");
  WorkerRecord& b = add("b", 4, "shared");
  free.sync(workers);
  EXPECT_EQ(names(*free.with_store("shared")), "a b ");
  workers.forget(b.id);
  free.sync(workers);
  EXPECT_EQ(names(*free.with_store("shared")), "a ");
  EXPECT_EQ(free.with_store("other"), nullptr);
}

TEST_F(FreeWorkersTest, AnotherOfferIsJudgedAnew) {
  RequestTable requests;
  Request request = cpus(1);
  request.runtime = "podman";
  const std::uint32_t index = requests.intern(request);
  WorkerRecord& a = add("a", 4);
  free.sync(workers);
  EXPECT_FALSE(FreeWorkers::can_run(*free.find(a.id)->slot, index, requests));
  const std::uint64_t seen = free.gains();
  a.offer.runtimes = {"podman"};
  workers.reset_room(a);
  workers.changed();
  free.sync(workers);
  EXPECT_TRUE(FreeWorkers::can_run(*free.find(a.id)->slot, index, requests));
  EXPECT_EQ(names(free.gained_since(seen)), "a ");
}

TEST_F(FreeWorkersTest, AfterVeryManyChangesAllAreLookedAt) {
  WorkerRecord& a = add("a", 4);
  WorkerRecord& b = add("b", 4);
  free.sync(workers);
  for (int i = 0; i < 5000; ++i) {
    workers.reserve(a, {}, cpus(1));
    workers.reserve(b, {}, cpus(1));
    workers.release(b, {}, cpus(1));
    workers.release(a, {}, cpus(1));
  }
  workers.reserve(a, {}, cpus(1));
  EXPECT_LE(workers.room_changes().size(), 5000u);
  free.sync(workers);
  EXPECT_EQ(names(free.all()), "b a ");
}

TEST_F(FreeWorkersTest, OldGainsAreForgotten) {
  WorkerRecord& a = add("a", 4);
  free.sync(workers);
  for (int i = 0; i < 20'000; ++i) {
    workers.reserve(a, {}, cpus(1));
    free.sync(workers);
    workers.release(a, {}, cpus(1));
    free.sync(workers);
  }
  EXPECT_FALSE(free.remembers(0));
  EXPECT_TRUE(free.remembers(free.gains()));
  EXPECT_EQ(names(free.gained_since(free.gains() - 5)), "a ");
}

}  // namespace
}  // namespace landseer::broker
