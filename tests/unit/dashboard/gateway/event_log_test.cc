#include "dashboard/gateway/event_log.h"

#include <gtest/gtest.h>

namespace landseer::gateway {
namespace {

std::vector<std::string> texts(const EventBatch& batch) {
  std::vector<std::string> all;
  for (const auto& text : batch.events) all.push_back(*text);
  return all;
}

TEST(EventLog, EventsAreReadInOrderFromAnyPosition) {
  EventLog log("abc");
  log.publish("broker", "{}");
  log.publish("tasks", "[1]", PipelineId{1});
  const EventBatch all = log.read(0, {}, 1000);
  EXPECT_EQ(texts(all), std::vector<std::string>{"id: abc-1\nevent: broker\ndata: {}\n\n"});
  EXPECT_EQ(all.next, 2u) << "what is not wanted is passed over";
  EventFilter filter;
  filter.pipelines = {PipelineId{1}};
  EXPECT_EQ(log.read(1, filter, 1000).events.size(), 1u);
  EXPECT_EQ(log.read(2, filter, 1000).events.size(), 0u);
  filter = {true, {}};
  EXPECT_EQ(log.read(0, filter, 1000).events.size(), 2u);
}

TEST(EventLog, ABatchIsBoundedButNeverEmptyForThat) {
  EventLog log("abc");
  for (int i = 0; i < 5; ++i) log.publish("broker", std::string(100, 'x'));
  std::uint64_t at = 0;
  for (int i = 0; i < 5; ++i) {
    const EventBatch batch = log.read(at, {}, 10);
    ASSERT_EQ(batch.events.size(), 1u);
    at = batch.next;
  }
  EXPECT_EQ(at, log.newest());
  EXPECT_EQ(log.read(0, {}, 300).events.size(), 2u);
}

TEST(EventLog, WhoIsTooFarBehindIsTold) {
  EventLog by_count("abc", 3);
  for (int i = 0; i < 5; ++i) by_count.publish("broker", "{}");
  EXPECT_TRUE(by_count.read(1, {}, 1000).gap);
  EXPECT_FALSE(by_count.read(2, {}, 1000).gap);
  EXPECT_EQ(by_count.read(2, {}, 1000).events.size(), 3u);
  EventLog by_size("abc", 1000, 500);
  for (int i = 0; i < 5; ++i) by_size.publish("broker", std::string(200, 'x'));
  EXPECT_TRUE(by_size.read(0, {}, 1000).gap);
  EXPECT_LE(by_size.bytes(), 500u);
  EXPECT_TRUE(by_size.read(6, {}, 1000).gap) << "the future is not known either";
}

TEST(EventLog, PositionsAreOfOneStart) {
  EventLog log("abc");
  log.publish_with_position("reset", [](const std::string& position) {
    EXPECT_EQ(position, "abc-1");
    return "{}";
  });
  EXPECT_EQ(log.number_of("abc-1"), 1u);
  for (const char* odd :
       {"", "abc", "abc-", "abd-1", "abc-1x", "abc--1", "abc-99999999999999999999"}) {
    EXPECT_FALSE(log.number_of(odd)) << odd;
  }
}

TEST(EventLog, NewsAreTold) {
  EventLog log("abc");
  int told = 0;
  log.on_news([&] { ++told; });
  log.publish("broker", "{}");
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace landseer::gateway
