/// What users submit, and what becomes of each run of a tool: all of it follows from the seed, the
/// task and the attempt, never from the order in which things happen. So the oracle can know it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/protocol/attempt.h"
#include "common/protocol/submission.h"
#include "tests/simulation/plan.h"

namespace landseer::simulation {

/// A task by its place in what was submitted; ids are the broker's business.
struct TaskPlace {
  std::uint32_t submission = 0;
  std::uint32_t index = 0;
  auto operator<=>(const TaskPlace&) const = default;
};

enum class Temper : std::uint8_t { kGood, kBad, kFlaky };

struct TaskFate {
  Temper temper = Temper::kGood;
  std::uint32_t failing_attempts = 0;  ///< of a flaky task, the first ones
  bool leaves_nothing = false;
  bool unfit_output = false;
  bool unmet_requirement = false;
  bool noop = false;
};

enum class RunEnd : std::uint8_t { kZero, kExitCode, kSignal, kHang };

/// How one run of a tool goes if nobody stops it.
struct RunFate {
  RunEnd end = RunEnd::kZero;
  Duration length{};
  bool stubborn = false;  ///< goes on at SIGTERM
  Duration last_words{};  ///< from SIGTERM to its end, if it heeds it
  Duration leftovers{};   ///< how long processes it left behind take to be killed
};

struct PlannedSubmission {
  protocol::Submission content;
  std::string body;              ///< encoded
  std::vector<TaskPlace> works;  ///< by task: where this work occurs first
  std::vector<TaskFate> fates;
  std::vector<std::vector<std::uint32_t>> ancestors;  ///< sorted, by task
  std::vector<std::vector<std::uint32_t>> dependents;
};

class Workload {
 public:
  explicit Workload(const Plan& plan);

  const std::vector<PlannedSubmission>& submissions() const { return submissions_; }
  const PlannedSubmission& at(std::uint32_t submission) const { return submissions_[submission]; }
  std::uint32_t tasks() const { return tasks_; }
  const TaskFate& fate(TaskPlace place) const {
    return submissions_[place.submission].fates[place.index];
  }
  /// Equal for tasks that do the same work: the place of the first of them.
  TaskPlace work_of(TaskPlace place) const {
    return submissions_[place.submission].works[place.index];
  }
  const protocol::OptionsEntry& options(TaskPlace place) const;
  RunFate run_fate(TaskPlace work, std::uint32_t attempt) const;
  /// What the name of an image, or of the data set, stands for; none: nobody can tell.
  static Digest content(const std::string& name, std::uint32_t version);
  /// The image that a task needs; none: it needs none.
  std::string image_of(TaskPlace place) const;
  /// What an evaluation reports: a JSON object, or nothing.
  std::string metrics(TaskPlace work) const;
  /// What an attempt at this work leaves if it succeeds; none if it leaves nothing.
  Digest artifact(TaskPlace work, const protocol::AttemptRef& attempt) const;
  /// The work that a job's configuration names.
  static TaskPlace work_of(std::string_view config);

 private:
  void make_submission(std::uint32_t number, std::uint32_t tasks, Random& random);
  void make_copy(std::uint32_t number, Random& random);
  void copy_tasks(PlannedSubmission& made, std::uint32_t number, const PlannedSubmission& source,
                  Random& random);
  void make_tasks(PlannedSubmission& made, std::uint32_t number, std::uint32_t tasks,
                  Random& random);
  void make_rules(protocol::Submission& content, Random& random) const;
  static void make_workflows(PlannedSubmission& made);
  TaskFate make_fate(const protocol::Submission& content, std::uint32_t index,
                     Random& random) const;

  const Plan& plan_;
  std::vector<PlannedSubmission> submissions_;
  std::uint32_t tasks_ = 0;
};

}  // namespace landseer::simulation
