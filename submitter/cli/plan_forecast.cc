#include "submitter/cli/plan_forecast.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "submitter/cli/forecast_run.h"
#include "submitter/cli/forecast_source.h"
#include "submitter/cli/what_if.h"
#include "submitter/pipeline/durations.h"

namespace landseer::cli {
namespace {

struct Imagined {
  std::string text;
  std::vector<WorkerGroup> groups;
};

class PlanForecaster {
 public:
  PlanForecaster(Context& context, const PlanOptions& options,
                 const protocol::Submission& submission, const std::string& cached)
      : context_(context), options_(options), submission_(submission), cached_(cached) {}

  Result<PlanForecasts> run(client::Client* client) {
    if (auto read = read_options(); !read) return tl::make_unexpected(read.error());
    if (options_.forecast.limit == Duration::zero()) return PlanForecasts{};
    const bool is_asked_for = !imagined_.empty() || !said_.empty();
    if (client == nullptr && imagined_.empty()) {
      if (!is_asked_for) return PlanForecasts{};
      return without("no broker says which workers there are; imagine some with --workers");
    }
    if (client != nullptr) base_.emplace(*client);
    if (auto read = read_base(); !read) return without(read.error().message);
    return run_cases();
  }

 private:
  static PlanForecasts without(std::string reason) { return {{}, std::move(reason)}; }

  Result<void> read_options() {
    for (const std::string& text : options_.workers) {
      auto groups = parse_workers(text);
      if (!groups) return tl::make_unexpected(groups.error());
      imagined_.push_back({text, std::move(*groups)});
    }
    if (options_.durations.empty()) return {};
    auto loaded = pipeline::load_durations(options_.durations);
    if (!loaded) {
      Error error = std::move(loaded.error());
      error.code = ErrorCode::kInvalid;
      return tl::make_unexpected(std::move(error));
    }
    for (const std::string& warning : loaded->warnings) context_.warn(warning);
    said_ = std::move(loaded->registry);
    note_unused();
    return {};
  }

  /// A slip in a name would be a tool without a time.
  void note_unused() {
    for (const pipeline::ToolDuration& said : said_) {
      const auto uses = [&](const protocol::ToolEntry& tool) { return tool.name == said.tool; };
      if (std::any_of(submission_.tools.begin(), submission_.tools.end(), uses)) continue;
      context_.note(options_.durations + ": no task uses the tool '" + said.tool + "'");
    }
  }

  /// What all cases have in common: the pipelines, this one last, and times.
  Result<void> read_base() {
    if (base_ && imagined_.empty()) {
      if (auto read = base_->read_workers(); !read) return read;
      if (auto read = base_->read_pipelines(PipelineId{}); !read) return read;
    }
    forecast::Part part = part_of(submission_);
    for (std::size_t i = 0; i < part.so_far.size() && i / 8 < cached_.size(); ++i) {
      if ((static_cast<unsigned char>(cached_[i / 8]) >> (i % 8) & 1) == 0) continue;
      part.so_far[i].status = domain::TaskStatus::kCompleted;
    }
    if (!base_) {
      question_.parts.push_back(std::move(part));
    } else {
      base_->question.parts.push_back(std::move(part));
      if (auto read = base_->read_times(); !read) return read;
      question_ = std::move(base_->question);
    }
    apply_durations(said_, question_.times);
    forecast::Part& mine = question_.parts.back();
    const forecast::ToolDurations known(question_.times, {&mine.submission});
    for (std::size_t i = 0; i < mine.so_far.size(); ++i) {
      // What is cached is there, and must stay as long as it is needed.
      if (mine.so_far[i].status != domain::TaskStatus::kCompleted) continue;
      const std::string& tool = mine.submission.tools[mine.submission.tasks[i].tool].name;
      mine.so_far[i].bytes = static_cast<std::uint64_t>(known.bytes_of(tool).value_or(0));
    }
    return {};
  }

  Result<PlanForecasts> run_cases() {
    std::vector<std::string> policies = options_.policies;
    if (policies.empty()) policies.push_back(submission_.policy);
    if (imagined_.empty()) imagined_.push_back({});  // the broker's own
    const auto count = static_cast<std::int64_t>(policies.size() * imagined_.size());
    PlanForecasts forecasts;
    ForecastView view(context_);
    for (const Imagined& imagined : imagined_) {
      if (!imagined.text.empty()) question_.workers = offers_of(imagined.groups, submission_);
      for (const std::string& policy : policies) {
        question_.parts[question_.about].submission.policy = policy;
        auto answer = run_forecast(view, question_, options_.forecast.limit / count);
        if (!answer && answer.error().code == ErrorCode::kUnavailable) {
          return tl::make_unexpected(answer.error());
        }
        if (!answer) return without(reason_of(answer.error()));
        forecasts.cases.push_back({imagined.text, policy, question_.workers.size(),
                                   base_ ? base_->beside : 0, base_ ? base_->left_out : 0,
                                   std::move(*answer)});
      }
    }
    return forecasts;
  }

  static std::string reason_of(const Error& error) {
    return error.hint.empty() ? error.message : error.message + "; " + error.hint;
  }

  Context& context_;
  const PlanOptions& options_;
  const protocol::Submission& submission_;
  const std::string& cached_;
  std::vector<Imagined> imagined_;
  std::vector<pipeline::ToolDuration> said_;
  std::optional<ForecastSource> base_;
  forecast::Question question_;
};

}  // namespace

Result<PlanForecasts> forecast_plan(Context& context, client::Client* client,
                                    const PlanOptions& options,
                                    const protocol::Submission& submission,
                                    const std::string& cached) {
  return PlanForecaster(context, options, submission, cached).run(client);
}

}  // namespace landseer::cli
