/// Several owners on one broker, random verbs, ids of others among them: nothing of another owner
/// is shown or changed. And workers that speak of what is not theirs: nothing is.
#include <gtest/gtest.h>

#include <cstdlib>

#include "broker/core/rights.h"
#include "common/protocol/describe.h"
#include "tests/simulation/random.h"
#include "tests/support/broker_harness.h"
#include "tests/support/mentions.h"

namespace landseer::broker::testing {
namespace {

using domain::TaskStatus;
using keys::Role;
using landseer::testing::Mentions;
using protocol::Outcome;
using simulation::Random;

const std::vector<std::string> kOwners{"alice", "bobby", "carol"};

std::uint64_t seeds() {
  const char* const chosen = std::getenv("LANDSEER_TENANT_SEEDS");
  return chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 25;
}

template <std::size_t... kIndex>
protocol::FromClient one_of(std::size_t index, std::index_sequence<kIndex...>) {
  protocol::FromClient message;
  static_cast<void>(((index == kIndex ? (message.emplace<kIndex>(), true) : false) || ...));
  return message;
}

/// What only its owner and an admin decide.
std::string decided_by_owner(const PipelineRecord& record) {
  std::string text = std::to_string(record.priority) + (record.paused ? " paused " : " ") +
                     std::to_string(record.scheduler->paused_count()) + " " +
                     std::to_string(record.cancelled_workflows.size()) + ":";
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    if (!domain::is_terminal(task->status) || task->status == TaskStatus::kCompleted) continue;
    text += " " + to_string(task->id) + "=" + std::string(to_string(task->status));
  }
  return text;
}

struct Seen {
  std::uint64_t forged = 0;    // requests for what is another's
  std::uint64_t accepted = 0;  // changes of what is the caller's
  std::uint64_t unnamed = 0;   // others' tasks that were told of without a name
  std::uint64_t forgotten = 0;
  std::uint64_t noted = 0;  // in the audit log
};

class Tenants {
 public:
  explicit Tenants(std::uint64_t seed, Seen& seen)
      : random_(seed), seen_(seen), harness(make_settings()) {
    for (const char* name : {"w1", "w2", "w3"}) {
      harness.worker(name, 2 + static_cast<std::uint32_t>(random_.below(3)));
    }
  }

  void step() {
    switch (random_.below(6)) {
      case 0:
        return submit();
      case 1:
      case 2:
        return work();
      case 3:
        return wait();
      default:
        harness.caller = random_caller();
        return ask(random_request());
    }
  }

 private:
  static Settings make_settings() {
    Settings settings = BrokerHarness::make_settings(60s);
    settings.kept_tasks_max = 60;
    return settings;
  }

  /// Mostly of an owner; of a reader who sees one of them or all; of an admin.
  Caller random_caller() {
    const std::string owner = random_.pick(kOwners);
    const std::string key(40, 'k');
    switch (random_.below(8)) {
      case 0:
        return {Role::kReader, "screen-of-" + owner, key, owner};
      case 1:
        return {Role::kReader, "screen", key, std::string(keys::kEverybody)};
      case 2:
        return {Role::kAdmin, "root", key, "root"};
      default:
        return {Role::kSubmitter, owner, key, owner};
    }
  }

  std::string random_tool(const std::string& owner) {
    const std::string number = std::to_string(1 + random_.below(2));
    return random_.chance(0.7) ? "common_" + number : owner + "_" + number;
  }

  void submit() {
    const std::string owner = random_.pick(kOwners);
    std::string text;
    for (std::uint64_t line = 1 + random_.below(2); line > 0; --line) {
      for (std::uint64_t tool = 1 + random_.below(3); tool > 0; --tool) {
        text += random_tool(owner) + " ";
      }
      text += "\n";
    }
    auto submission = BrokerHarness::chains(text, owner + "-" + std::to_string(++submissions_));
    submission.use_cache = random_.chance(0.8);
    for (auto& tool : submission.tools) tool.image.clear();
    if (random_.chance(0.2)) submission.configs = {R"({"who":")" + owner + "\"}"};
    submission.priority = random_.between(-1, 1);
    submission.options[0].cpus_milli = 1000 * static_cast<std::uint32_t>(1 + random_.below(4));
    submission.options[0].time_estimate_ms = 1000 * random_.below(600);
    submission.options[0].retries = static_cast<std::uint32_t>(random_.below(2));
    harness.caller = {Role::kSubmitter, owner, std::string(40, 'k'), owner};
    const std::size_t records = harness.records.size();
    tell(BrokerHarness::chunk(submission));
    EXPECT_EQ(decisions().size(), harness.records.size() > records ? 1u : 0u);
  }

  void work() {
    FakeWorker& worker = harness.workers["w" + std::to_string(1 + random_.below(3))];
    if (worker.assigned.empty()) return;
    const protocol::Assignment work = worker.assigned.front();
    const auto found = harness.broker.state().pipelines.find_task(work.task);
    if (random_.chance(0.3)) {
      const protocol::AttemptRef attempt{worker.epoch, work.task, work.attempt};
      return hear(worker, protocol::Started{worker.session, {{attempt, 1}}});
    }
    worker.assigned.pop_front();
    protocol::AttemptResult result;
    result.epoch = worker.epoch;
    result.task = work.task;
    result.attempt = work.attempt;
    const std::vector<Outcome> outcomes{Outcome::kSucceeded, Outcome::kSucceeded,
                                        Outcome::kExitCode, Outcome::kRuntimeError,
                                        Outcome::kReturned};
    result.outcome = random_.pick(outcomes);
    if (found && result.outcome != Outcome::kSucceeded) {
      result.reason = "met " + found->task->tool->name;  // common tools are everybody's
    }
    if (result.outcome == Outcome::kRuntimeError && found) {
      result.reason = "no image of " + found->record->owner;
      result.host_is_well = false;
    }
    if (result.outcome == Outcome::kSucceeded) {
      result.artifact = sha256("made by " + to_string(work.task));
    }
    hear(worker, protocol::Results{worker.session, {result}});
  }

  void wait() {
    harness.advance(random_.chance(0.1) ? Duration(5s) : Duration(50ms));
    for (auto& [name, worker] : harness.workers)
      hear(worker, protocol::Heartbeat{worker.session, 1});
    look_at_replies();
  }

  void hear(FakeWorker& worker, protocol::FromWorker message) {
    harness.say(worker, std::move(message));
    look_at_replies();
    EXPECT_EQ(decisions().size(), 0u) << "nobody asked for it";
  }

  /// What the store got since the last call that people decide, as a verb and what it is about;
  /// and that the audit log got the same.
  std::vector<std::string> decisions() {
    std::vector<std::string> stored;
    for (; records_seen_ < harness.records.size(); ++records_seen_) {
      std::visit([&](const auto& r) { note_decision(r, stored); }, harness.records[records_seen_]);
    }
    std::vector<std::string> noted;
    for (; audits_seen_ < harness.audits.size(); ++audits_seen_) {
      const Audit& audit = harness.audits[audits_seen_];
      EXPECT_EQ(audit.key, harness.caller.name);
      EXPECT_EQ(audit.role, to_string(harness.caller.role));
      noted.push_back(audit.verb);
    }
    // One line may stand for several workers that are drained, and for what was so already.
    EXPECT_LE(noted.size(), 1u);
    for (const std::string& verb : stored) {
      EXPECT_TRUE(noted.size() == 1 && noted[0].starts_with(verb)) << verb << " is not noted";
    }
    if (!noted.empty()) ++seen_.noted;
    return noted;
  }
  template <class T>
  static void note_decision(const T& record, std::vector<std::string>& out) {
    static_cast<void>(record);
    if constexpr (std::is_same_v<T, PipelineAdded>) out.push_back("submit");
    if constexpr (std::is_same_v<T, CancelRequested>) out.push_back("cancel");
    if constexpr (std::is_same_v<T, RetryRequested>) out.push_back("retry");
    if constexpr (std::is_same_v<T, PauseChanged>) out.push_back("pause");
    if constexpr (std::is_same_v<T, PartPauseChanged>) out.push_back("pause");
    if constexpr (std::is_same_v<T, PriorityChanged>) out.push_back("change a priority");
    if constexpr (std::is_same_v<T, WorkerDrained>) out.push_back("drain workers");
  }

  /// Half of the time one that is the caller's, then any that is kept; null: none is.
  const PipelineRecord* random_pipeline() {
    const bool is_own = random_.chance(0.5);
    std::vector<const PipelineRecord*> some;
    for (const auto& [id, record] : harness.broker.state().pipelines.all()) {
      if (!is_own || record->owner == harness.caller.acts_for) some.push_back(record.get());
    }
    return some.empty() ? nullptr : random_.pick(some);
  }
  PipelineId random_pipeline_id() {
    const PipelineRecord* record = random_pipeline();
    return record == nullptr || random_.chance(0.1)
               ? PipelineId{random_.below(pipelines_.size() + 3)}
               : record->id();
  }
  TaskId random_task_id() {
    const PipelineRecord* record = random_pipeline();
    return record == nullptr || random_.chance(0.1) ? TaskId{random_.below(tasks_.size() + 3)}
                                                    : random_.pick(record->pipeline->tasks)->id;
  }

  protocol::FromClient random_request() {
    if (random_.chance(0.2)) return protocol::GetExplanation{random_task_id()};
    constexpr std::size_t kKinds = std::variant_size_v<protocol::FromClient>;
    auto message = one_of(random_.below(kKinds), std::make_index_sequence<kKinds>());
    std::visit(
        [&]<class Message>(Message& m) {
          if constexpr (NamesPart<Message>) {
            select(m.what);
          } else if constexpr (NamesPipeline<Message> && NamesTask<Message>) {
            if (random_.chance(0.5)) {
              m.pipeline = random_pipeline_id();
            } else {
              m.task = random_task_id();
            }
          } else if constexpr (NamesPipeline<Message>) {
            m.pipeline = random_pipeline_id();
          } else if constexpr (NamesTask<Message>) {
            m.task = random_task_id();
          }
          if constexpr (requires { m.plan_only; }) m.plan_only = random_.chance(0.3);
          if constexpr (std::is_same_v<Message, protocol::Drain>) {
            m.worker = "w1";
            m.drained = random_.chance(0.3);
          }
          if constexpr (requires { m.paused; }) m.paused = random_.chance(0.4);
          if constexpr (requires { m.artifact; }) m.artifact = random_.chance(0.5);
          if constexpr (requires { m.priority; }) m.priority = random_.between(-3, 3);
          if constexpr (requires { m.wait_ms; }) {
            m.after = position_;
            m.wait_ms = random_.chance(0.5) ? 100 : 0;
          }
        },
        message);
    return message;
  }

  static bool is_plan(const protocol::FromClient& request) {
    const auto* cancel = std::get_if<protocol::CancelPart>(&request);
    return cancel != nullptr && cancel->plan_only;
  }

  void select(protocol::Selection& what) {
    what.pipeline = random_pipeline_id();
    switch (random_.below(4)) {
      case 0:
        what.task = random_task_id();
        break;
      case 1:
        what.tool = "common_1";
        break;
      case 2: {
        const auto first = WorkflowId{random_.below(workflows_.size() + 3)};
        what.workflows = {{first, WorkflowId{number(first) + random_.below(2)}}};
        if (random_.chance(0.7)) what.pipeline = PipelineId{};
        break;
      }
      default:
        break;
    }
  }

  void ask(const protocol::FromClient& request) {
    if (std::holds_alternative<protocol::SubmitChunk>(request)) return;
    const Mentions mentioned(request);
    const bool is_forged = names_foreign(mentioned, harness.caller);
    const std::size_t records = harness.records.size();
    const std::size_t audits = harness.audits.size();
    const std::string others = decided_by_others(harness.caller);
    const std::string verb(rights_of(request).verb);
    refused_ = failed_ = false;
    tell(request);
    EXPECT_EQ(decided_by_others(harness.caller), others) << harness.caller.name << ": " << verb;
    const bool changed = harness.records.size() > records;
    const auto noted = decisions();
    // What changed something is noted; what is noted was asked for, and not only to hear what it
    // would do. It may have been so already.
    EXPECT_FALSE(changed && noted.empty()) << verb;
    EXPECT_TRUE(noted.empty() || (noted[0] == verb && !failed_ && !is_plan(request))) << verb;
    if (is_forged) {
      ++seen_.forged;
      EXPECT_TRUE(refused_) << harness.caller.name << ": " << verb << ", " << error_;
      EXPECT_EQ(harness.records.size(), records) << verb;
      EXPECT_EQ(harness.audits.size(), audits) << verb;
    } else if (harness.audits.size() > audits) {
      ++seen_.accepted;
    }
  }

  void tell(const protocol::FromClient& request) {
    asked_.emplace(++requests_, std::pair(harness.caller, Mentions(request)));
    harness.tell(request);
    look_at_replies();
  }

  void look_at_replies() {
    learn();
    for (const ClientMail& mail : harness.replies) {
      const auto& [caller, mentioned] = asked_.at(mail.number);
      look_at(mail.message, caller, mentioned);
    }
    harness.replies.clear();
  }

  void learn() {
    for (const auto& [id, record] : harness.broker.state().pipelines.all()) {
      if (!pipelines_.emplace(id, record->owner).second) continue;
      for (const auto& task : record->pipeline->tasks) tasks_[task->id] = record->owner;
      for (const auto& each : record->pipeline->workflows) workflows_[each.id] = record->owner;
    }
  }

  void look_at(const protocol::ToClient& reply, const Caller& caller, const Mentions& asked) {
    if (const auto* error = std::get_if<protocol::ErrorReply>(&reply)) {
      error_ = error->message;
      failed_ = true;
      refused_ = error->code == ErrorCode::kNotFound || error->code == ErrorCode::kNotAllowed;
    }
    if (const auto* changes = std::get_if<protocol::ChangeList>(&reply)) {
      position_ = changes->position;
      seen_.forgotten += changes->forgotten.size();
    }
    if (sees_all(caller)) return;
    const Mentions told(reply);
    SCOPED_TRACE(protocol::describe_message(reply) + "\n" + told.text());
    expect_own(told.pipelines(), asked.pipelines(), pipelines_, caller);
    expect_own(told.tasks(), asked.tasks(), tasks_, caller);
    expect_own(told.workflows(), asked.workflows(), workflows_, caller);
    for (const std::string& owner : kOwners) {
      if (owner == caller.acts_for) continue;
      EXPECT_EQ(told.text().find(owner), std::string::npos)
          << caller.name << " was told: " << told.text();
    }
    if (told.text().find("of another owner") != std::string::npos) ++seen_.unnamed;
  }

  /// What was asked for may come back: `there is no task_5`.
  template <class Id>
  static void expect_own(const std::set<Id>& told, const std::set<Id>& asked,
                         const std::map<Id, std::string>& owners, const Caller& caller) {
    for (const Id id : told) {
      const auto owner = owners.find(id);
      if (owner == owners.end() || owner->second == caller.acts_for || asked.contains(id)) continue;
      ADD_FAILURE() << caller.name << " was told of " << to_string(id) << " of " << owner->second;
    }
  }

  bool is_kept(PipelineId id) const { return harness.broker.state().pipelines.find(id) != nullptr; }
  bool is_kept(TaskId id) const {
    return harness.broker.state().pipelines.find_task(id).has_value();
  }
  bool is_kept(WorkflowId id) const {
    return harness.broker.state().pipelines.find_workflow(id) != nullptr;
  }

  bool names_foreign(const Mentions& mentioned, const Caller& caller) const {
    const auto any = [&](const auto& ids, const auto& owners) {
      return std::any_of(ids.begin(), ids.end(), [&](auto id) {
        const auto owner = owners.find(id);
        return owner != owners.end() && owner->second != caller.acts_for && is_kept(id);
      });
    };
    return !sees_all(caller) &&
           (any(mentioned.pipelines(), pipelines_) || any(mentioned.tasks(), tasks_) ||
            any(mentioned.workflows(), workflows_));
  }

  std::string decided_by_others(const Caller& caller) const {
    std::string text;
    if (caller.role == Role::kAdmin) return text;
    for (const auto& [id, record] : harness.broker.state().pipelines.all()) {
      if (record->owner == caller.acts_for) continue;
      text += to_string(id) + " " + decided_by_owner(*record) + "\n";
    }
    return text;
  }

  Random random_;
  Seen& seen_;
  std::uint64_t submissions_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t position_ = 0;
  bool refused_ = false;
  bool failed_ = false;
  std::size_t records_seen_ = 0;
  std::size_t audits_seen_ = 0;
  std::string error_;
  std::map<std::uint64_t, std::pair<Caller, Mentions>> asked_;
  std::map<PipelineId, std::string> pipelines_;  // and who owns them, forgotten ones included
  std::map<TaskId, std::string> tasks_;
  std::map<WorkflowId, std::string> workflows_;

 public:
  BrokerHarness harness;
};

Caller key_of(Role role, const std::string& name) {
  return {role, name, std::string(40, 'k'), name};
}

protocol::Submission common(const std::string& text, const std::string& id) {
  auto submission = BrokerHarness::chains(text, id);
  submission.use_cache = true;
  for (auto& tool : submission.tools) tool.image.clear();
  return submission;
}

protocol::Explanation explain(BrokerHarness& harness, std::uint64_t task) {
  return harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{task}});
}

TEST(Tenants, AHitDoesNotNameAnothersTask) {
  BrokerHarness harness;
  harness.caller = key_of(Role::kSubmitter, "alice");
  FakeWorker& worker = harness.worker("w");
  harness.submit(common("a", "hers"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.caller = key_of(Role::kSubmitter, "bobby");
  harness.submit(common("a", "his"));
  EXPECT_TRUE(harness.task(TaskId{2}).cached);
  EXPECT_EQ(number(harness.task(TaskId{2}).cached_from), 0u);
  EXPECT_EQ(explain(harness, 2).summary,
            "it did not run: its result is that of a task of another owner, with the same key, "
            "contents and inputs");
  harness.caller = key_of(Role::kAdmin, "root");
  EXPECT_EQ(number(harness.task(TaskId{2}).cached_from), 1u);
  EXPECT_EQ(explain(harness, 2).summary,
            "it did not run: its result is that of task_1 (a) of pipeline_1, with the same key, "
            "contents and inputs");
}

TEST(Tenants, WhoWaitsForAnothersWorkIsToldThatItIsAnothers) {
  BrokerHarness harness;
  harness.caller = key_of(Role::kSubmitter, "alice");
  FakeWorker& worker = harness.worker("w");
  harness.submit(common("a", "hers"));
  harness.caller = key_of(Role::kSubmitter, "bobby");
  harness.submit(common("a", "his"));
  EXPECT_EQ(number(harness.task(TaskId{2}).joined), 0u);
  const auto why = explain(harness, 2);
  EXPECT_EQ(why.summary, "it waits for a task of another owner, which does the same work now");
  EXPECT_EQ(number(why.waits_for), 0u);
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(harness.task(TaskId{2}).reason,
            "a task of another owner, which did the same work, failed: because of the test");
}

TEST(Tenants, OthersAheadAreCounted) {
  BrokerHarness harness;
  harness.worker("w");
  harness.caller = key_of(Role::kSubmitter, "alice");
  harness.submit(common("a\nb\nc", "hers"));
  harness.caller = key_of(Role::kSubmitter, "bobby");
  harness.submit(common("x\ny", "his"));
  EXPECT_EQ(explain(harness, 5).reasons.back(),
            "no earlier pipeline that is kept has a task of this tool");
  const auto says = [&](const std::string& text) {
    const auto reasons = explain(harness, 5).reasons;
    return std::find(reasons.begin(), reasons.end(), text) != reasons.end();
  };
  EXPECT_TRUE(
      says("3 tasks are ahead of it for the same workers: task_4 (x), ...; of pipeline_2 "
           "(1), other owners (2)"));
  harness.caller = key_of(Role::kAdmin, "root");
  EXPECT_TRUE(
      says("3 tasks are ahead of it for the same workers: task_2 (b), task_3 (c), task_4 "
           "(x); of pipeline_1 (2), pipeline_2 (1)"));
}

/// A worker that says everything it can about attempts, sessions and artifacts that are not its
/// own: the state is what it was, to the byte, and nobody else hears of it.
TEST(Tenants, AWorkerSpeaksOnlyOfWhatIsLeasedToIt) {
  BrokerHarness harness;
  harness.worker_key = key_of(Role::kWorker, "honest");
  FakeWorker& honest = harness.worker("honest", 4);
  harness.submit(BrokerHarness::chains("a b\nc\nd"));
  harness.finish(honest, Outcome::kSucceeded, "A");
  ASSERT_EQ(honest.assigned.size(), 3u);
  harness.worker_key = key_of(Role::kWorker, "forger");
  FakeWorker& forger = harness.worker("forger", 1);
  const auto state = [&] { return state_digest(harness.broker.state()).hex(); };
  const std::string before = state();
  const std::size_t records = harness.records.size();
  const auto stops = honest.stopped.size();
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const protocol::Assignment& work = random.pick(honest.assigned);
    protocol::AttemptResult result;
    result.epoch = random.chance(0.8) ? harness.broker.state().settings.epoch : random.below(9);
    result.task = random.chance(0.8) ? work.task : TaskId{random.below(9)};
    result.attempt = static_cast<std::uint32_t>(random.below(3));
    result.outcome = static_cast<Outcome>(1 + random.below(9));
    result.artifact = sha256("forged");
    const std::uint64_t session = random.chance(0.6) ? forger.session : honest.session;
    const protocol::AttemptRef attempt{result.epoch, result.task, result.attempt};
    const std::vector<protocol::FromWorker> all{
        protocol::Results{session, {result}},
        protocol::Started{session, {{attempt, 1, {}}}},
        protocol::Dropped{session, {sha256("A")}},
        protocol::ReleaseRequest{session, {sha256("A")}},
        protocol::Leaving{honest.session},
        protocol::Goodbye{honest.session},
        protocol::Offer{honest.session, {}, {}, {}, "out of order"},
        protocol::ContentsChecked{session, random.below(9)}};
    const protocol::FromWorker& message = random.pick(all);
    harness.say(forger, message);
    ASSERT_EQ(state(), before) << message.index();
    ASSERT_EQ(harness.records.size(), records) << message.index();
  }
  EXPECT_EQ(honest.stopped.size(), stops);
  EXPECT_GT(forger.rehellos, 0u) << "some spoke in the other's conversation";
  harness.finish(honest, Outcome::kSucceeded, "B");
  EXPECT_EQ(harness.records.size(), records + 1);
  const Digest artifact = harness.task(TaskId{2}).artifact;
  EXPECT_TRUE(artifact.empty() || artifact == sha256("B"));
}

TEST(Tenants, SeeAndChangeWhatIsTheirOwnOnly) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= seeds() && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Tenants tenants(seed, seen);
    tenants.harness.take_snapshots = false;
    for (int i = 0; i < 250 && !::testing::Test::HasFailure(); ++i) tenants.step();
  }
  EXPECT_GT(seen.forged, 10 * seeds());
  EXPECT_GT(seen.accepted, seeds());
  EXPECT_GT(seen.unnamed, seeds());
  EXPECT_GT(seen.forgotten, seeds() / 5);
  EXPECT_GT(seen.noted, 10 * seeds());
}

}  // namespace
}  // namespace landseer::broker::testing
