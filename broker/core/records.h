/// What the store must remember: facts, in the order they were decided. Everything anyone was told
/// follows from them. Appended and synced before a message leaves; see broker/core/outbox.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/protocol/attempt.h"
#include "common/protocol/submission.h"

namespace landseer::broker {

struct PipelineAdded {
  PipelineId pipeline{};
  std::int64_t submitted_at = 0;
  std::string submission;  ///< encoded protocol::Submission
  bool operator==(const PipelineAdded&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("submitted_at", m.submitted_at);
    visit("submission", protocol::as_bytes(m.submission));
  }
};

struct WorkerAdded {
  WorkerId worker{};
  std::string uid;
  std::string name;
  bool operator==(const WorkerAdded&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("uid", m.uid);
    visit("name", m.name);
  }
};

struct AttemptAssigned {
  TaskId task{};
  std::uint32_t attempt = 0;
  WorkerId worker{};
  std::int64_t at = 0;
  bool operator==(const AttemptAssigned&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("attempt", m.attempt);
    visit("worker", m.worker);
    visit("at", m.at);
  }
};

struct AttemptEnded {
  protocol::AttemptResult result;
  std::int64_t at = 0;
  bool operator==(const AttemptEnded&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("result", m.result);
    visit("at", m.at);
  }
};

/// A completed task runs again because its artifact is gone.
struct TaskReopened {
  TaskId task{};
  bool operator==(const TaskReopened&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
  }
};

/// Exactly one of the two is not 0.
struct CancelRequested {
  PipelineId pipeline{};
  TaskId task{};
  std::int64_t at = 0;
  bool operator==(const CancelRequested&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
    visit("at", m.at);
  }
};

/// A finished pipeline made room for new ones.
struct PipelineForgotten {
  PipelineId pipeline{};
  bool operator==(const PipelineForgotten&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
  }
};

/// Order gives the type number in the journal (index + 1): append only.
using Record = std::variant<PipelineAdded, WorkerAdded, AttemptAssigned, AttemptEnded, TaskReopened,
                            CancelRequested, PipelineForgotten>;

std::string encode_record(const Record& record);
Result<Record> decode_record(std::string_view bytes);

}  // namespace landseer::broker
