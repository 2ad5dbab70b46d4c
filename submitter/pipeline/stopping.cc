#include "submitter/pipeline/stopping.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/domain/stop_rule.h"
#include "common/protocol/limits.h"

namespace landseer::pipeline {
namespace {

constexpr std::int64_t kStopAfterMax = 1'000'000'000;

bool evaluates_natively(const PipelineFile& file) {
  return std::any_of(file.workflows.begin(), file.workflows.end(), [](const auto& workflow) {
    return std::any_of(workflow.tasks.begin(), workflow.tasks.end(), [](const NativeTask& task) {
      return task.type == domain::TaskType::kEvaluation;
    });
  });
}

/// Names that rules may use, as far as the file tells; empty: anything may come.
std::set<std::string> declared_metrics(const PipelineFile& file) {
  std::set<std::string> names;
  if (evaluates_natively(file)) return names;
  for (const ToolUse& evaluator : file.evaluators) {
    if (evaluator.options.metrics.empty()) return {};
    for (const std::string& metric : evaluator.options.metrics) {
      names.insert(metric);
      names.insert(evaluator.tool.name + "." + metric);
    }
  }
  return names;
}

}  // namespace

void read_stopping(Fields& top, LoadContext& context) {
  if (const auto after = top.whole("stop_after", 1, kStopAfterMax)) {
    context.file.stop_after = static_cast<std::uint64_t>(*after);
  }
  context.file.stop_when = top.texts("stop_when");
  if (context.file.stop_when.size() > protocol::kStopRulesMax) {
    top.error("stop_when",
              std::to_string(context.file.stop_when.size()) + " rules are more than " +
                  std::to_string(protocol::kStopRulesMax),
              "join some with `or`");
  }
  for (const std::string& text : context.file.stop_when) {
    const auto rule = domain::StopRule::parse(text);
    if (!rule) top.error("stop_when", rule.error().message, rule.error().hint);
  }
}

void check_stopping(Fields& top, LoadContext& context) {
  const PipelineFile& file = context.file;
  if (file.stop_when.empty() || context.out.failed()) return;
  if (file.evaluators.empty() && !evaluates_natively(file)) {
    context.out.warn(top.place("stop_when"),
                     "stop_when never holds, as the pipeline evaluates nothing; name evaluators "
                     "with --evaluators FILE");
    return;
  }
  const std::set<std::string> declared = declared_metrics(file);
  if (declared.empty()) return;
  const std::vector<std::string> known(declared.begin(), declared.end());
  for (const std::string& text : file.stop_when) {
    const auto rule = domain::StopRule::parse(text);
    if (!rule) continue;
    for (const std::string& metric : rule->metrics()) {
      if (declared.contains(metric)) continue;
      const std::string nearest = nearest_word(metric, known);
      context.out.warn(top.place("stop_when"),
                       "no evaluator declares the metric '" + metric + "' of the rule '" + text +
                           "'" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
    }
  }
}

}  // namespace landseer::pipeline
