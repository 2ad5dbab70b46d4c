#include "broker/core/reported.h"

#include <nlohmann/json.hpp>

namespace landseer::broker {
namespace {

using Json = nlohmann::json;

/// Enough to see a slip of the pen.
constexpr std::size_t kNamesShown = 12;

void flatten(const Json& value, const std::string& name, std::map<std::string, double>& out) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      flatten(inner, name.empty() ? key : name + "." + key, out);
    }
  } else if (value.is_number()) {
    out[name] = value.get<double>();
  } else if (value.is_boolean()) {
    out[name] = value.get<bool>() ? 1 : 0;
  }
}

std::string list_of(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

}  // namespace

std::map<std::string, double> reported_metrics(const TaskRun& run) {
  std::map<std::string, double> metrics;
  if (run.metrics.empty() || run.evaluation_skipped) return metrics;
  const Json json = Json::parse(run.metrics, nullptr, false);
  if (json.is_object()) flatten(json, "", metrics);
  return metrics;
}

void note_reported(StopRules& rules, const domain::Task& evaluation, const TaskRun& run) {
  if (run.evaluation_skipped) {
    ++rules.skipped;
    return;
  }
  ++rules.evaluations;
  if (rules.asked.empty()) return;
  for (const auto& [name, value] : reported_metrics(run)) {
    rules.asked.erase(name);
    rules.asked.erase(evaluation.tool->name + "." + name);
    if (rules.reported.size() < kNamesShown) rules.reported.insert(name);
  }
}

std::string rules_notice(const PipelineRecord& record) {
  const StopRules& rules = record.stop;
  if (rules.when.empty()) return {};
  if (record.evaluations == 0) {
    return "the pipeline evaluates nothing, so that its stop_when never holds";
  }
  if (rules.asked.empty()) return {};
  if (rules.evaluations == 0) {
    if (rules.skipped == 0) return {};
    return "all of " + std::to_string(rules.skipped) +
           " evaluations were skipped, so that no rule of stop_when held";
  }
  return "no evaluation has reported " + list_of(rules.asked) +
         " so far, for which stop_when waits; reported: " +
         (rules.reported.empty() ? "no numbers" : list_of(rules.reported));
}

}  // namespace landseer::broker
