/// Situations, what is said of them, and whether that is true: the change that is named is made,
/// and then the task runs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/broker_harness.h"

namespace landseer::broker::testing {

using protocol::OptionsEntry;
using protocol::Outcome;
using Step = std::function<void(BrokerHarness&)>;

struct Situation {
  std::string name;
  Step set_up;
  std::uint64_t task = 1;              ///< that is asked about
  std::string summary;                 ///< exactly
  std::vector<std::string> reasons{};  ///< parts of them
  std::vector<std::string> kinds{};    ///< of its conditions, all of them, in order
  std::vector<std::string> absent{};   ///< in no sentence
  std::string change{};                ///< exactly
  Step make_change{};
  std::uint64_t starts = 0;  ///< runs then; 0: the task itself
  Settings settings = BrokerHarness::make_settings(120s);
};

inline std::ostream& operator<<(std::ostream& out, const Situation& situation) {
  return out << situation.name;
}

inline protocol::Explanation explain(BrokerHarness& harness, std::uint64_t task) {
  return harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{task}});
}

inline bool says(const std::vector<std::string>& reasons, const std::string& text) {
  return std::any_of(reasons.begin(), reasons.end(), [&](const std::string& reason) {
    return reason.find(text) != std::string::npos;
  });
}

/// One task of this name, which asks for that.
inline protocol::Submission asking(const std::string& name, const OptionsEntry& options = {}) {
  protocol::Submission submission = BrokerHarness::chains(name, name);
  for (auto& tool : submission.tools) tool.image.clear();
  submission.options[0] = options;
  return submission;
}

inline OptionsEntry cpus(std::uint32_t count) {
  OptionsEntry options;
  options.cpus_milli = 1000 * count;
  return options;
}
inline OptionsEntry gpus(std::uint32_t milli) {
  OptionsEntry options;
  options.gpus_milli = milli;
  return options;
}
/// Takes all CPUs of a worker for five minutes, as far as anybody knows.
inline OptionsEntry five_minutes(OptionsEntry options = {}) {
  options.time_estimate_ms = 300'000;
  return options;
}
inline OptionsEntry labelled(protocol::LabelRule rule) {
  OptionsEntry options;
  options.labels = {std::move(rule)};
  return options;
}
inline OptionsEntry named(const std::string& name, std::uint64_t amount) {
  OptionsEntry options;
  options.named = {{name, amount}};
  return options;
}

inline void start(BrokerHarness& harness, FakeWorker& worker) {
  protocol::Started started{worker.session, {}};
  for (const auto& work : worker.assigned) {
    started.attempts.push_back({{worker.epoch, work.task, work.attempt}, harness.now.wall.unix_ms});
  }
  harness.say(worker, started);
}

inline Step finishes(const std::string& worker, Outcome outcome = Outcome::kSucceeded) {
  return [=](BrokerHarness& harness) { harness.finish(harness.workers[worker], outcome); };
}
inline Step submits(const std::string& name, const OptionsEntry& options) {
  return [=](BrokerHarness& harness) { harness.submit(asking(name, options)); };
}
inline Step cancels(std::uint64_t pipeline) {
  return [=](BrokerHarness& harness) {
    harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{pipeline}, TaskId{}});
  };
}
inline Step retries(std::uint64_t task) {
  return [=](BrokerHarness& harness) {
    harness.ask_for<protocol::Retried>(protocol::Retry{PipelineId{}, TaskId{task}});
  };
}
inline Step pauses(std::uint64_t pipeline, bool paused = true) {
  return [=](BrokerHarness& harness) {
    harness.ask_for<protocol::Paused>(protocol::Pause{PipelineId{pipeline}, paused});
  };
}
inline Step pauses_part(const protocol::Selection& what, bool paused = true) {
  return [=](BrokerHarness& harness) {
    harness.ask_for<protocol::PartPaused>(protocol::PausePart{what, paused, false});
  };
}
inline Step drains(const std::string& worker, bool drained = true, bool now = false) {
  return [=](BrokerHarness& harness) {
    harness.ask_for<protocol::Drained>(protocol::Drain{worker, "", "", drained, now});
  };
}
inline Step then(const Step& first, const Step& second) {
  return [=](BrokerHarness& harness) {
    first(harness);
    second(harness);
  };
}
/// A worker with so many GPUs of a kind.
inline void gpu_worker(BrokerHarness& harness, std::uint32_t count, const std::string& name = "gpu",
                       std::uint32_t host_cpus = 8) {
  harness.offer.gpus.clear();
  for (std::uint32_t i = 0; i < count; ++i) harness.offer.gpus.push_back({i, "T4", 16, "", ""});
  harness.worker(name, host_cpus);
  harness.offer.gpus.clear();
}

inline void expect_said(const protocol::Explanation& why, const Situation& situation) {
  EXPECT_EQ(why.summary, situation.summary);
  EXPECT_EQ(why.change, situation.change);
  EXPECT_EQ(why.change.empty(), why.change_kind.empty());
  std::vector<std::string> kinds;
  for (const auto& condition : why.conditions) kinds.push_back(condition.kind);
  EXPECT_EQ(kinds, situation.kinds);
  std::string all = why.summary;
  for (const std::string& reason : why.reasons) all += "\n  " + reason;
  for (const std::string& part : situation.reasons) {
    EXPECT_TRUE(says(why.reasons, part)) << "not said: " << part << "\nbut: " << all;
  }
  for (const std::string& part : situation.absent) {
    EXPECT_EQ(all.find(part), std::string::npos) << "said: " << part << "\nin: " << all;
  }
  EXPECT_EQ(all.find("  \n"), std::string::npos);
}

inline void expect_true(const Situation& situation) {
  BrokerHarness harness(situation.settings);
  situation.set_up(harness);
  expect_said(explain(harness, situation.task), situation);
  if (!situation.make_change) return;
  const TaskId starts{situation.starts != 0 ? situation.starts : situation.task};
  const auto status = [&] { return static_cast<domain::TaskStatus>(harness.task(starts).status); };
  if (situation.starts == 0) {
    EXPECT_NE(status(), domain::TaskStatus::kRunning);
  }
  situation.make_change(harness);
  EXPECT_EQ(status(), domain::TaskStatus::kRunning) << "the change that was named does not help";
}

inline Settings sharing_matlab() {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.shared_resources = {{"matlab", 2}};
  return settings;
}

inline protocol::Submission with_runtime(const std::string& runtime) {
  protocol::Submission submission = asking("a");
  submission.tools[0].runtime = runtime;
  return submission;
}

inline protocol::Submission with_dataset(std::vector<std::string> required = {}) {
  protocol::Submission submission = asking("a");
  submission.dataset_name = "digits";
  submission.dataset_required = std::move(required);
  return submission;
}

inline protocol::Submission with_image(const std::string& text) {
  protocol::Submission submission = BrokerHarness::chains(text, text);
  for (auto& tool : submission.tools) tool.image = "image";
  return submission;
}

inline protocol::DatasetOffer digits(const std::string& content,
                                     std::vector<std::string> names = {}) {
  return {"digits", "", content.empty() ? Digest{} : sha256(content), std::move(names)};
}

inline const std::string kNever = "it is ready, but no known worker can ever run what asks for ";
inline const std::string kRoom = "it is ready and waits for room; it asks for ";

/// All rows of several tables, for one suite.
inline std::vector<Situation> joined(const std::vector<std::vector<Situation>>& parts) {
  std::vector<Situation> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

inline std::string situation_name(const ::testing::TestParamInfo<Situation>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace landseer::broker::testing
