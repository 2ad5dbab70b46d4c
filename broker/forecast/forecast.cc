#include "broker/forecast/forecast.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "broker/forecast/draws.h"
#include "broker/forecast/preparation.h"
#include "broker/forecast/virtual_cluster.h"

namespace landseer::forecast {
namespace {

using domain::TaskStatus;

constexpr std::uint32_t kRunsMax = 40;
constexpr std::uint32_t kRunsMin = 3;
constexpr std::uint64_t kTasksOfAllRuns = 200'000;
/// What makes one draw another one than the next.
constexpr std::uint64_t kToolDraw = 1;
constexpr std::uint64_t kTaskDraw = 2;
/// Draws until a running task's time is longer than it has run already.
constexpr std::uint64_t kRedraws = 16;
constexpr double kMsPerHour = 3'600'000;

bool is_open(const TaskState& state) { return !domain::is_terminal(state.status); }

class Forecaster {
 public:
  Forecaster(const Question& question, std::vector<protocol::Submission> pipelines,
             const GoOn& go_on)
      : question_(question),
        go_on_(go_on),
        workers_(with_contents(question.workers)),
        pipelines_(std::move(pipelines)),
        durations_(question.times, pointers()) {
    for (const Part& part : question.parts) so_far_.push_back(consistent(part));
  }

  Result<Answer> answer() {
    if (!durations_.knows_any()) {
      return fail(ErrorCode::kNotFound, "nothing is known about how long any of its tools takes",
                  "forecast", "say it with --durations FILE, or run it once");
    }
    learn_sizes();
    count_work();
    answer_.unknown_sizes.assign(unknown_sizes_.begin(), unknown_sizes_.end());
    const std::uint32_t runs = question_.runs > 0 ? question_.runs : runs_for(open_tasks_);
    runs_wanted_ = all_tasks() <= kSimulatedTasksMax ? runs : 0;
    for (run_ = 0; run_ < runs_wanted_ && run_once(); ++run_) {
      // Without any spread, one run says it all.
      if (is_exact_) runs_wanted_ = 1;
    }
    summarize();
    answer_.assumptions.assign(assumptions_.begin(), assumptions_.end());
    return std::move(answer_);
  }

 private:
  std::vector<const protocol::Submission*> pointers() const {
    std::vector<const protocol::Submission*> all;
    for (const auto& pipeline : pipelines_) all.push_back(&pipeline);
    return all;
  }
  std::uint64_t all_tasks() const {
    std::uint64_t sum = 0;
    for (const auto& pipeline : pipelines_) sum += pipeline.tasks.size();
    return sum;
  }
  const protocol::Submission& asked() const { return pipelines_[question_.about]; }
  Expected expect(const protocol::Submission& s, std::uint32_t task, const std::string& device);
  void learn_sizes();
  void count_work();
  double least_of_workflows(const std::vector<double>& path, std::uint64_t wanted) const;
  std::vector<KnownTime> known_times() const;
  std::int64_t draw(std::size_t part, std::uint32_t task, const std::string& device);
  bool run_once();
  void keep(const std::vector<Outcome>& outcomes);
  void summarize();

  const Question& question_;
  const GoOn& go_on_;
  std::vector<protocol::Hello> workers_;
  std::vector<protocol::Submission> pipelines_;
  std::vector<std::vector<TaskState>> so_far_;
  ToolDurations durations_;
  std::vector<std::vector<std::uint64_t>> bytes_;  // by part and task
  std::set<std::string> unknown_sizes_;
  std::set<Assumption> assumptions_;
  std::set<std::string> over_limit_;
  std::set<std::string> unrunnable_;
  std::uint64_t open_tasks_ = 0;
  bool is_exact_ = true;
  bool knows_sizes_ = false;
  std::uint32_t run_ = 0;
  std::uint32_t runs_wanted_ = 1;
  double gpus_ = 0;
  double cpus_ = 0;
  std::vector<double> finishes_;
  std::vector<double> firsts_;
  std::vector<double> means_;
  std::vector<double> peaks_bytes_;
  std::vector<double> peaks_live_;
  double gpu_ms_ = 0;
  double cpu_ms_ = 0;
  double gpu_share_ = 0;
  double cpu_share_ = 0;
  Answer answer_;
};

Expected Forecaster::expect(const protocol::Submission& s, std::uint32_t task,
                            const std::string& device) {
  const auto& entry = s.tasks[task];
  const std::string& tool = s.tools[entry.tool].name;
  const Expected expected =
      durations_.expected(tool, device, estimate_of(s.options[entry.options]));
  if (&s == &asked() && expected.source != Source::kMeasured) {
    assumptions_.insert({tool, device, expected.mean_ms, expected.source});
  }
  return expected;
}

void Forecaster::learn_sizes() {
  for (std::size_t p = 0; p < pipelines_.size(); ++p) {
    const protocol::Submission& s = pipelines_[p];
    std::vector<std::optional<double>> by_tool;
    for (const auto& tool : s.tools) by_tool.push_back(durations_.bytes_of(tool.name));
    auto& bytes = bytes_.emplace_back();
    for (std::size_t i = 0; i < s.tasks.size(); ++i) {
      const auto& known = by_tool[s.tasks[i].tool];
      bytes.push_back(static_cast<std::uint64_t>(known.value_or(0)));
      if (p != question_.about || !is_open(so_far_[p][i])) continue;
      knows_sizes_ = knows_sizes_ || known.has_value();
      if (!known) unknown_sizes_.insert(s.tools[s.tasks[i].tool].name);
    }
  }
}

/// When so many workflows can be complete at the earliest.
double Forecaster::least_of_workflows(const std::vector<double>& path, std::uint64_t wanted) const {
  std::vector<double> ends;
  for (const auto& workflow : asked().workflows) {
    double end = 0;
    for (const std::uint32_t task : workflow.tasks) end = std::max(end, path[task]);
    ends.push_back(end);
  }
  if (ends.empty()) return 0;
  std::sort(ends.begin(), ends.end());
  return ends[std::min<std::uint64_t>(wanted, ends.size()) - 1];
}

/// What is left at least, without an order: the work evenly spread, or the longest path.
void Forecaster::count_work() {
  for (const protocol::Hello& worker : question_.workers) {
    cpus_ += worker.cpus_milli / 1000.0;
    for (const auto& gpu : worker.gpus) gpus_ += gpu.fault.empty() ? 1 : 0;
  }
  double gpu_ms = 0;
  double cpu_ms = 0;
  double longest_ms = 0;
  std::vector<double> path(asked().tasks.size());
  for (std::size_t p = 0; p < pipelines_.size(); ++p) {
    const protocol::Submission& s = pipelines_[p];
    for (std::uint32_t i = 0; i < s.tasks.size(); ++i) {
      if (!is_open(so_far_[p][i])) continue;
      ++open_tasks_;
      const auto& options = s.options[s.tasks[i].options];
      domain::ResourceRequest needs;
      needs.gpus_milli = options.gpus_milli;
      const Expected expected = expect(s, i, broker::device_of(question_.workers.front(), needs));
      if (p != question_.about) continue;
      for (const std::uint32_t before : s.tasks[i].dependencies) {
        path[i] = std::max(path[i], path[before]);
      }
      path[i] += expected.mean_ms;
      longest_ms = std::max(longest_ms, path[i]);
      gpu_ms += expected.mean_ms * options.gpus_milli / 1000;
      cpu_ms += expected.mean_ms * options.cpus_milli / 1000;
    }
  }
  assumptions_.clear();  // those of devices that are used come with the runs
  answer_.gpu_hours = gpu_ms / kMsPerHour;
  answer_.cpu_hours = cpu_ms / kMsPerHour;
  if (const std::uint64_t wanted = asked().stop_after; wanted > 0) {
    // Of those that are complete first, nobody knows what they share.
    longest_ms = least_of_workflows(path, wanted);
    gpu_ms = cpu_ms = 0;
  }
  const double spread_ms =
      std::max(gpus_ > 0 ? gpu_ms / gpus_ : 0.0, cpus_ > 0 ? cpu_ms / cpus_ : 0.0);
  const double least_ms = std::max(longest_ms, spread_ms);
  answer_.finish = {least_ms, least_ms, least_ms};
}

std::vector<KnownTime> Forecaster::known_times() const {
  std::vector<KnownTime> known;
  std::set<std::pair<std::string, std::string>> seen;
  for (const ToolTime& time : question_.times) {
    const std::string device = time.device.empty() ? "any" : time.device;
    if (!seen.emplace(time.tool, device).second) continue;
    known.push_back({time.tool, device, time.mean_ms, std::max<std::uint64_t>(time.samples, 8)});
  }
  return known;
}

std::int64_t Forecaster::draw(std::size_t part, std::uint32_t task, const std::string& device) {
  const protocol::Submission& s = pipelines_[part];
  const TaskState& state = so_far_[part][task];
  const Expected expected = expect(s, task, device);
  is_exact_ = is_exact_ && expected.task_sigma == 0 && expected.tool_sigma == 0;
  const std::uint64_t tool = name_of_text(s.tools[s.tasks[task].tool].name);
  const double mean_ms =
      expected.mean_ms *
      log_normal(expected.tool_sigma, name_of(question_.seed, run_, kToolDraw, tool));
  const auto limit_ms = static_cast<double>(s.options[s.tasks[task].options].timeout_ms);
  if (part == question_.about && expected.mean_ms > limit_ms) {
    over_limit_.insert(s.tools[s.tasks[task].tool].name);
  }
  const bool is_running = state.status == TaskStatus::kRunning;
  const auto ran_ms = is_running ? static_cast<double>(state.ran_ms) : 0.0;
  for (std::uint64_t i = 0; i < kRedraws; ++i) {
    const std::uint64_t name = name_of(question_.seed, run_, kTaskDraw, part, task, i);
    const double ms = std::min(mean_ms * log_normal(expected.task_sigma, name), limit_ms);
    if (ms >= ran_ms) return std::llround(ms - ran_ms);
  }
  // Already longer than anything that was expected: it may end at any moment.
  return std::llround(std::min(expected.mean_ms / 10, std::max(limit_ms - ran_ms, 0.0)));
}

bool Forecaster::run_once() {
  std::vector<Job> jobs;
  for (std::size_t p = 0; p < pipelines_.size(); ++p) {
    Job job;
    job.submission = &pipelines_[p];
    job.so_far = &so_far_[p];
    job.bytes = &bytes_[p];
    job.run_ms = [this, p](std::uint32_t task, const std::string& device) {
      return draw(p, task, device);
    };
    jobs.push_back(std::move(job));
  }
  std::uint64_t ended = 0;
  const auto go_on = [&](std::uint64_t more) {
    ended += more;
    const double of_this = std::min(
        static_cast<double>(ended) / static_cast<double>(std::max<std::uint64_t>(open_tasks_, 1)),
        1.0);
    return !go_on_ || go_on_((run_ + of_this) / runs_wanted_);
  };
  if (!go_on(0)) return false;
  VirtualCluster cluster(workers_, known_times(), jobs);
  const auto outcomes = cluster.run({}, go_on);
  if (outcomes.empty()) return false;
  keep(outcomes);
  return true;
}

void Forecaster::keep(const std::vector<Outcome>& outcomes) {
  const Outcome& mine = outcomes[question_.about];
  finishes_.push_back(mine.makespan_ms);
  if (!mine.workflows_ms.empty()) {
    firsts_.push_back(mine.workflows_ms.front());
    double sum = 0;
    for (const double each : mine.workflows_ms) sum += each;
    means_.push_back(sum / static_cast<double>(mine.workflows_ms.size()));
  }
  peaks_live_.push_back(static_cast<double>(mine.peak_live));
  peaks_bytes_.push_back(static_cast<double>(mine.peak_bytes));
  gpu_ms_ += mine.gpu_ms;
  cpu_ms_ += mine.cpu_ms;
  double end_ms = 0;
  double gpu_ms = 0;
  double cpu_ms = 0;
  for (const Outcome& each : outcomes) {
    end_ms = std::max(end_ms, each.makespan_ms);
    gpu_ms += each.gpu_ms;
    cpu_ms += each.cpu_ms;
  }
  if (end_ms > 0) {
    if (gpus_ > 0) gpu_share_ += gpu_ms / gpus_ / end_ms;
    if (cpus_ > 0) cpu_share_ += cpu_ms / cpus_ / end_ms;
  }
  for (const std::uint32_t task : mine.unrun) {
    unrunnable_.insert(asked().tools[asked().tasks[task].tool].name);
  }
}

/// Nearest rank.
double quantile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(std::max<std::size_t>(rank, 1), sorted.size()) - 1];
}

Range range_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {quantile(values, 0.1), median, quantile(values, 0.9)};
}

void Forecaster::summarize() {
  answer_.runs = run_;
  answer_.stop_after = asked().stop_after;
  answer_.cut_off = run_ < runs_wanted_;
  answer_.over_limit.assign(over_limit_.begin(), over_limit_.end());
  answer_.unrunnable.assign(unrunnable_.begin(), unrunnable_.end());
  if (run_ == 0) return;
  answer_.finish = range_of(finishes_);
  if (firsts_.size() == run_) answer_.first_workflow = range_of(firsts_);
  if (means_.size() == run_) answer_.mean_workflow_ms = range_of(means_).median;
  answer_.peak_live = range_of(peaks_live_).median;
  if (knows_sizes_) answer_.peak_bytes = range_of(peaks_bytes_).median;
  answer_.gpu_hours = gpu_ms_ / run_ / kMsPerHour;
  answer_.cpu_hours = cpu_ms_ / run_ / kMsPerHour;
  if (gpus_ > 0) answer_.gpu_utilisation = gpu_share_ / run_;
  answer_.cpu_utilisation = cpu_share_ / run_;
}

}  // namespace

std::uint32_t runs_for(std::uint64_t tasks) {
  const std::uint64_t runs = kTasksOfAllRuns / std::max<std::uint64_t>(tasks, 1);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(runs, kRunsMin, kRunsMax));
}

Result<Answer> forecast(const Question& question, const GoOn& go_on) {
  if (question.workers.empty()) {
    return fail(ErrorCode::kInvalid, "there is no worker to run it on", "forecast",
                "start one with landseer-worker, or imagine some with --workers 8xA100");
  }
  std::vector<protocol::Submission> pipelines;
  for (std::size_t i = 0; i < question.parts.size(); ++i) {
    const Part& part = question.parts[i];
    pipelines.push_back(stripped(part.submission, i));
    const auto good = check_part(pipelines.back(), part.so_far, question.workers.size());
    if (!good) return tl::make_unexpected(good.error());
  }
  return Forecaster(question, std::move(pipelines), go_on).answer();
}

}  // namespace landseer::forecast
