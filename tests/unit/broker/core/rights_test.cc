/// Whose key may ask for what, how often, and what is noted of it.
#include "broker/core/rights.h"

#include <gtest/gtest.h>

#include <set>

#include "broker/core/quota.h"
#include "common/protocol/fetch_pass.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using keys::Role;
using testing::BrokerHarness;
using testing::FakeWorker;

Caller key_of(Role role, const std::string& name, const std::string& owner = {}) {
  return {role, name, std::string(39, 'k') + name.substr(0, 1), owner.empty() ? name : owner};
}

template <std::size_t... kIndex>
std::vector<protocol::FromClient> one_of_each(std::index_sequence<kIndex...>) {
  return {protocol::FromClient(std::in_place_index<kIndex>)...};
}

/// Every message of clients, naming `pipeline` or its first task where it names something.
std::vector<protocol::FromClient> messages(PipelineId pipeline, TaskId task) {
  auto all = one_of_each(std::make_index_sequence<std::variant_size_v<protocol::FromClient>>());
  for (protocol::FromClient& message : all) {
    std::visit(
        [&]<class Message>(Message& m) {
          if constexpr (NamesPipeline<Message>) {
            m.pipeline = pipeline;
          } else if constexpr (NamesTask<Message>) {
            m.task = task;
          } else if constexpr (NamesPart<Message>) {
            m.what.pipeline = pipeline;
          }
        },
        message);
  }
  return all;
}

ErrorCode code_of(const protocol::ToClient& reply) {
  const auto* error = std::get_if<protocol::ErrorReply>(&reply);
  return error != nullptr ? error->code : ErrorCode{};
}

class RightsTest : public ::testing::Test {
 protected:
  RightsTest() {
    harness.worker("w");
    harness.caller = alice;
    submitted = harness.submit(BrokerHarness::chains("a b", "hers"));
    const auto list =
        harness.ask_for<protocol::TaskList>(protocol::ListTasks{submitted.pipeline, 0, "", 0, 10});
    task = list.rows.front().task;
  }

  BrokerHarness harness;
  Caller alice = key_of(Role::kSubmitter, "alice");
  Caller bob = key_of(Role::kSubmitter, "bob");
  protocol::Submitted submitted;
  TaskId task{};
};

/// Generated from the table and from the list of messages: a cell that is not as the table says is
/// an error, and a message without a line does not compile.
TEST_F(RightsTest, EveryRoleAndEveryMessage) {
  for (const Role role : keys::kRoles) {
    for (const bool own : {true, false}) {
      harness.caller = key_of(role, "x", own ? "alice" : "other");
      for (const protocol::FromClient& message : messages(submitted.pipeline, task)) {
        const Rights& rights = rights_of(message);
        if (rights.changes && rights.of(role) != Reach::kNone && own) continue;  // further below
        const ErrorCode code = code_of(harness.ask(message));
        const std::string cell = std::string(to_string(role)) + " " + std::string(rights.verb);
        switch (rights.of(role)) {
          case Reach::kNone:
            EXPECT_EQ(code, ErrorCode::kNotAllowed) << cell;
            break;
          case Reach::kOwn:
            EXPECT_EQ(code == ErrorCode::kNotFound, !own) << cell;
            EXPECT_NE(code, ErrorCode::kNotAllowed) << cell;
            break;
          case Reach::kAll:
            EXPECT_NE(code, ErrorCode::kNotAllowed) << cell;
            break;
        }
      }
    }
  }
}

TEST_F(RightsTest, OwnersControlTheirOwnOnly) {
  harness.caller = bob;
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{submitted.pipeline, {}}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{{}, task}).code, ErrorCode::kNotFound);
  EXPECT_TRUE(harness.ask_for<protocol::PipelineList>(protocol::ListPipelines{}).rows.empty());
  harness.caller = key_of(Role::kSubmitter, "laptop", "alice");
  EXPECT_EQ(harness.ask_for<protocol::PipelineList>(protocol::ListPipelines{}).rows.size(), 1u);
  EXPECT_EQ(harness.ask_for<protocol::Paused>(protocol::Pause{submitted.pipeline}).changed, true);
  harness.caller = key_of(Role::kReader, "screen", "*");
  EXPECT_EQ(harness.status(submitted.pipeline).row.owner, "alice");
  EXPECT_EQ(harness.ask_in_vain(protocol::Pause{submitted.pipeline, false}).code,
            ErrorCode::kNotAllowed);
  harness.caller = key_of(Role::kAdmin, "root");
  EXPECT_EQ(harness.ask_for<protocol::Cancelled>(protocol::Cancel{submitted.pipeline, {}}).tasks,
            1u);
}

/// Another owner's pipeline is refused with the very words of one that does not exist.
TEST_F(RightsTest, ForeignPipelinesDoNotShow) {
  harness.caller = bob;
  const auto foreign = harness.ask_in_vain(protocol::WatchPipeline{submitted.pipeline});
  const auto none = harness.ask_in_vain(protocol::WatchPipeline{PipelineId{2}});
  EXPECT_EQ(foreign.message, "there is no pipeline_1");
  EXPECT_EQ(none.message, "there is no pipeline_2");
  EXPECT_EQ(foreign.hint, none.hint);
}

TEST_F(RightsTest, SubmissionIdsBelongToTheirOwner) {
  harness.caller = bob;
  const auto his = harness.submit(BrokerHarness::chains("c", "hers"));
  EXPECT_NE(his.pipeline, submitted.pipeline);
  EXPECT_FALSE(his.existing);
  harness.caller = key_of(Role::kSubmitter, "laptop", "alice");
  EXPECT_EQ(harness.submit(BrokerHarness::chains("a b", "hers")).pipeline, submitted.pipeline);
}

TEST_F(RightsTest, WithoutKeysEverythingIsSeen) {
  harness.caller = local_caller();
  EXPECT_EQ(harness.status(submitted.pipeline).row.total, 2u);
  EXPECT_EQ(harness.submit(BrokerHarness::chains("c", "mine")).pipeline, PipelineId{2});
  harness.caller = bob;
  EXPECT_EQ(harness.ask_in_vain(protocol::WatchPipeline{PipelineId{2}}).code, ErrorCode::kNotFound);
}

TEST_F(RightsTest, AcceptedChangesAreNoted) {
  harness.ask_for<protocol::Paused>(protocol::Pause{submitted.pipeline});
  harness.ask_in_vain(protocol::Cancel{PipelineId{9}, {}});
  harness.ask_for<protocol::Submitted>(BrokerHarness::chunk(BrokerHarness::chains("a b", "hers")));
  harness.caller = key_of(Role::kAdmin, "root");
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{{}, task});
  std::string text;
  for (const Audit& audit : harness.audits) {
    text += audit.key + " " + audit.role + " " + audit.verb + " " + audit.target + "\n";
  }
  EXPECT_EQ(text,
            "alice submitter submit pipeline_1\n"
            "alice submitter pause pipeline_1\n"
            "root admin cancel task_1\n");
}

/// One accepted message of each kind that changes something; a new kind needs one here.
TEST_F(RightsTest, EveryKindOfChangeLeavesOneLine) {
  std::set<std::string> expected;
  for (const protocol::FromClient& message : messages(submitted.pipeline, task)) {
    if (rights_of(message).changes) expected.insert(std::string(rights_of(message).verb));
  }
  const PipelineId pipeline = submitted.pipeline;
  const protocol::Selection part{pipeline, {}, "b", {}, false};
  harness.caller = key_of(Role::kAdmin, "root");
  const TaskId cancelled{number(task) + 1};  // the one of b
  const std::vector<protocol::FromClient> all{protocol::Pause{pipeline, true},
                                              protocol::SetPriority{pipeline, 3},
                                              protocol::PausePart{part},
                                              protocol::CancelPart{part},
                                              protocol::RetryPart{part},
                                              protocol::CancelPart{part},
                                              protocol::Retry{{}, cancelled},
                                              protocol::Cancel{pipeline, {}},
                                              protocol::Drain{"w", "", "", true, false}};
  for (const protocol::FromClient& message : all) {
    EXPECT_EQ(code_of(harness.ask(message)), ErrorCode{}) << rights_of(message).verb;
  }
  EXPECT_EQ(harness.audits.size(), 1 + all.size());
  std::set<std::string> noted;
  for (const Audit& audit : harness.audits) {
    noted.insert(audit.verb);
    EXPECT_EQ(audit.key, audit.verb == "submit" ? "alice" : "root");
    EXPECT_EQ(audit.target.empty(), audit.verb == "drain workers") << audit.verb;
  }
  EXPECT_EQ(noted, expected);
}

TEST_F(RightsTest, AFloodIsToldToWaitAndOthersAreNot) {
  const auto ask = [&] { return code_of(harness.ask(protocol::ListWorkers{})); };
  std::uint32_t taken = 2;  // by the set-up
  while (ask() != ErrorCode::kBusy) ++taken;
  EXPECT_EQ(taken, protocol::kRequestsBurst);
  const auto busy = harness.ask_in_vain(protocol::ListWorkers{});
  EXPECT_EQ(busy.retry_ms, 10u);
  harness.caller = bob;
  EXPECT_EQ(ask(), ErrorCode{});
  harness.caller = alice;
  harness.advance(std::chrono::milliseconds(busy.retry_ms));
  EXPECT_EQ(ask(), ErrorCode{});
  EXPECT_EQ(ask(), ErrorCode::kBusy);
}

TEST(Quotas, OwnersHaveAShareOfLiveTasks) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(60));
  settings.live_tasks_per_owner_max = 3;
  BrokerHarness harness(settings);
  harness.caller = key_of(Role::kSubmitter, "alice");
  const auto first = harness.submit(BrokerHarness::chains("a b", "1"));
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(BrokerHarness::chains("a b", "2"))).code,
            ErrorCode::kLimit);
  harness.caller = key_of(Role::kSubmitter, "bob");
  harness.submit(BrokerHarness::chains("a b", "2"));
  harness.caller = key_of(Role::kSubmitter, "alice");
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{first.pipeline, {}});
  harness.submit(BrokerHarness::chains("a b", "2"));
}

TEST(WorkerKeys, AnIdentityBelongsToTheKeyThatBeganIt) {
  BrokerHarness harness;
  harness.worker_key = key_of(Role::kWorker, "one");
  harness.worker("w");
  harness.worker_key = key_of(Role::kWorker, "two");
  EXPECT_EQ(harness.worker("w").refused.at(0).code, ErrorCode::kNotAllowed);
  harness.worker_key = key_of(Role::kWorker, "one");
  EXPECT_NE(harness.worker("w").session, 0u);
}

TEST(WorkerKeys, AnIdentityOfBeforeThereWereKeysBelongsToTheFirst) {
  BrokerHarness harness;
  harness.worker("w");
  harness.worker_key = key_of(Role::kWorker, "one");
  EXPECT_NE(harness.worker("w").session, 0u);
  harness.worker_key = key_of(Role::kWorker, "two");
  EXPECT_EQ(harness.worker("w").refused.at(0).code, ErrorCode::kNotAllowed);
  harness.worker_key = key_of(Role::kWorker, "one");
  EXPECT_NE(harness.worker("w").session, 0u);
}

TEST(WorkerKeys, SourcesComeWithAPassForTheFetcherAlone) {
  BrokerHarness harness;
  const std::string secret(protocol::kFetchSecretBytes, 's');
  harness.offer.fetch_secret = secret;
  harness.worker_key = key_of(Role::kWorker, "maker");
  FakeWorker& maker = harness.worker("maker");
  harness.submit(BrokerHarness::chains("a b"));
  harness.worker_key = key_of(Role::kWorker, "user");
  FakeWorker& user = harness.worker("user");
  harness.say(maker, protocol::Leaving{maker.session});
  harness.finish(maker, protocol::Outcome::kSucceeded, "artifact");
  ASSERT_FALSE(user.assigned.empty());
  const protocol::InputArtifact& input = user.assigned.front().inputs.at(0);
  ASSERT_EQ(input.passes.size(), input.sources.size());
  EXPECT_EQ(input.passes[0].server_key, maker.key.public_key);
  const auto is_good = [&](const Digest& artifact, const std::string& key, WallTime at) {
    return protocol::is_good_fetch_pass(secret, {artifact, key}, input.passes[0].pass, at);
  };
  const WallTime now = harness.now.wall;
  EXPECT_TRUE(is_good(input.artifact, user.key.public_key, now));
  EXPECT_FALSE(is_good(sha256("another"), user.key.public_key, now));
  EXPECT_FALSE(is_good(input.artifact, maker.key.public_key, now));
  EXPECT_FALSE(is_good(input.artifact, user.key.public_key,
                       WallTime{now.unix_ms + protocol::kFetchPassLifeMs + 1}));
}

TEST(WorkerKeys, ASecretOfAWrongLengthIsRefused) {
  BrokerHarness harness;
  harness.offer.fetch_secret = std::string(100, 's');
  EXPECT_EQ(harness.worker("w").refused.at(0).code, ErrorCode::kLimit);
}

TEST_F(RightsTest, APartThatIsNamedByItsWorkflowsIsTheOwners) {
  const auto list =
      harness.ask_for<protocol::WorkflowList>(protocol::ListWorkflows{submitted.pipeline, 0, 10});
  const WorkflowId workflow = list.rows.front().workflow;
  protocol::CancelPart cancel;
  cancel.what.workflows = {{workflow, workflow}};
  harness.caller = bob;
  EXPECT_EQ(code_of(harness.ask(cancel)), ErrorCode::kNotFound);
  harness.caller = alice;
  EXPECT_EQ(harness.ask_for<protocol::Cancelled>(cancel).workflows, 1u);
}

TEST_F(RightsTest, WhatWorkersSignWithIsToldToNobody) {
  harness.offer.fetch_secret = "secret";
  harness.worker("signs");
  for (const auto& row : harness.ask_for<protocol::OfferList>(protocol::ListOffers{}).rows) {
    EXPECT_TRUE(row.offer.fetch_secret.empty());
  }
}

}  // namespace
}  // namespace landseer::broker
