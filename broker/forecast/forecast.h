/// What will become of pipelines: the broker's core run several times in virtual time, with
/// durations drawn from what is known. Pure: the same question with the same seed gets the same
/// answer. It may take seconds, so it is no work for the broker's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/forecast/running_pipeline.h"
#include "broker/forecast/tool_durations.h"
#include "common/base/result.h"
#include "common/protocol/worker_messages.h"

namespace landseer::forecast {

/// A pipeline, and how far it is; its tasks must differ only by what `submission` says of them.
struct Part {
  protocol::Submission submission;
  std::vector<TaskState> so_far;  ///< one for each task
};

struct Question {
  std::vector<protocol::Hello> workers;  ///< at least one
  std::vector<ToolTime> times;
  std::vector<Part> parts;  ///< in the order they were submitted
  std::size_t about = 0;    ///< the part that is asked about; the others are in its way
  std::uint64_t seed = 1;
  std::uint32_t runs = 0;  ///< 0: runs_for()
};

/// 10 %, half and 90 % of the runs are not above these.
struct Range {
  double low = 0;
  double median = 0;
  double high = 0;
};

/// Times in milliseconds from now. What is over already is no part of any figure.
struct Answer {
  std::uint32_t runs =
      0;                 ///< 0: not one was ended in time; then `finish` is what it takes at least
  bool cut_off = false;  ///< told not to go on before all runs were done
  Range finish;
  std::uint64_t stop_after = 0;         ///< complete workflows that end it; 0: all are wanted
  std::optional<Range> first_workflow;  ///< none: no further one will be complete
  std::optional<double> mean_workflow_ms;
  double gpu_hours = 0;
  double cpu_hours = 0;
  double peak_live = 0;                   ///< results that a task which is not over depends on
  std::optional<double> peak_bytes;       ///< of results that must be kept; none: no size is known
  std::optional<double> gpu_utilisation;  ///< share of the GPUs' time, of all parts; none: no GPU
  double cpu_utilisation = 0;
  std::vector<Assumption> assumptions;     ///< by tool and device
  std::vector<std::string> unknown_sizes;  ///< tools that count for nothing in `peak_bytes`
  std::vector<std::string> over_limit;     ///< tools expected to run into their time limits
  std::vector<std::string> unrunnable;     ///< tools of tasks that none of the workers can run
};

/// How many runs so many tasks are worth: 40; above 5,000 tasks fewer, down to 3.
std::uint32_t runs_for(std::uint64_t tasks);

/// Of all parts, over or not; above, there is only the least.
inline constexpr std::uint64_t kSimulatedTasksMax = 300'000;

/// Whether to go on, asked now and then, with the share of the work that is done.
using GoOn = std::function<bool(double share)>;

/// kNotFound: no time of any tool is known. kInvalid: there is no worker, or the pipeline cannot be
/// what it is said to be.
Result<Answer> forecast(const Question& question, const GoOn& go_on = {});

}  // namespace landseer::forecast
