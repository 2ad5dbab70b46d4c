/// What the tests of shared work have in common.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/broker_harness.h"

namespace landseer::broker::testing {

using domain::TaskStatus;
using protocol::Outcome;

/// Without an image only the command counts.
inline protocol::Submission sharing(const std::string& text, const std::string& id,
                                    const std::string& image = "") {
  protocol::Submission submission = BrokerHarness::chains(text, id);
  submission.use_cache = true;
  for (auto& tool : submission.tools) tool.image = image;
  return submission;
}

inline TaskStatus status(BrokerHarness& harness, std::uint64_t task) {
  return static_cast<TaskStatus>(harness.task(TaskId{task}).status);
}

/// Like finish(), with what the attempt was made with.
inline void finish_with(BrokerHarness& harness, FakeWorker& worker, const std::string& artifact,
                        const Digest& image, const Digest& dataset = {}) {
  ASSERT_FALSE(worker.assigned.empty());
  const protocol::Assignment work = worker.assigned.front();
  worker.assigned.pop_front();
  protocol::AttemptResult result;
  result.epoch = worker.epoch;
  result.task = work.task;
  result.attempt = work.attempt;
  result.outcome = Outcome::kSucceeded;
  result.started_at = result.finished_at = harness.now.wall.unix_ms;
  result.artifact = sha256(artifact);
  result.image_content = image;
  result.dataset_content = dataset;
  harness.send_result(worker, result);
}

}  // namespace landseer::broker::testing
