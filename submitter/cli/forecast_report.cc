#include "submitter/cli/forecast_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "common/base/units.h"
#include "submitter/cli/table.h"
#include "submitter/cli/times.h"

namespace landseer::cli {
namespace {

using forecast::Answer;
using forecast::Range;
using forecast::Source;

/// Beyond these, a count: a registry may have hundreds of tools.
constexpr std::size_t kNamesShown = 6;

double seconds(double ms) { return std::round(ms) / 1000; }
double rounded(double value) { return std::round(value * 1e4) / 1e4; }

Json json_of(const Range& range) {
  return {
      {"p10", seconds(range.low)}, {"median", seconds(range.median)}, {"p90", seconds(range.high)}};
}

std::string span(double ms) {
  return format_duration(std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(std::clamp(ms, 0.0, 3e12))));
}

/// `2h10m (1h50m to 2h40m)`.
std::string text_of(const Range& range) {
  if (range.low == range.high) return span(range.median);
  return fmt::format("{} ({} to {})", span(range.median), span(range.low), span(range.high));
}

std::string hours(double value) {
  return value >= 100 ? fmt::format("{:.0f}", value)
                      : fmt::format("{:.{}f}", value, value >= 1 ? 1 : 4);
}

std::string work_text(const Answer& answer) {
  if (answer.gpu_hours == 0 && answer.cpu_hours < 0.1) {
    return fmt::format("{:.2f} CPU minutes", answer.cpu_hours * 60);
  }
  if (answer.gpu_hours == 0) return hours(answer.cpu_hours) + " CPU hours";
  return fmt::format("{} GPU hours, {} CPU hours", hours(answer.gpu_hours),
                     hours(answer.cpu_hours));
}

std::string finish_text(const Answer& answer) {
  return answer.runs == 0 ? "at least " + span(answer.finish.median) : text_of(answer.finish);
}

std::string bytes_text(const Answer& answer) {
  if (!answer.peak_bytes) return "not known";
  return (answer.unknown_sizes.empty() ? "" : "at least ") +
         format_bytes(static_cast<std::uint64_t>(*answer.peak_bytes));
}

std::string use_text(const Answer& answer) {
  const double share = answer.gpu_hours > 0 && answer.gpu_utilisation ? *answer.gpu_utilisation
                                                                      : answer.cpu_utilisation;
  return fmt::format("{:.0f} %", share * 100);
}

std::string line(std::string_view name, const std::string& text) {
  return fmt::format("{:<15} {}", name, text);
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > kNamesShown) text += fmt::format(" and {} more", names.size() - kNamesShown);
  return text;
}

std::string sentence(const forecast::Assumption& assumed) {
  const std::string where = assumed.device == "cpu" ? "CPUs" : assumed.device;
  std::string why;
  switch (assumed.source) {
    case Source::kMeasured:
      break;
    case Source::kOtherDevice:
      why = "the mean of the devices it was measured on";
      break;
    case Source::kEstimate:
      why = "what the pipeline file says";
      break;
    case Source::kStage:
      why = "the mean of the known tools of its stage";
      break;
    case Source::kAll:
      why = "the mean of all known tools";
      break;
  }
  return fmt::format("no time of {} on {} is known: assumed {}, {}", assumed.tool, where,
                     span(assumed.mean_ms), why);
}

}  // namespace

Json to_json(const ForecastCase& each) {
  const Answer& answer = each.answer;
  Json assumptions = Json::array();
  for (const auto& assumed : answer.assumptions) {
    assumptions.push_back({{"tool", assumed.tool},
                           {"device", assumed.device},
                           {"seconds", seconds(assumed.mean_ms)},
                           {"source", forecast::to_string(assumed.source)}});
  }
  Json object{{"workers", each.workers.empty() ? Json() : Json(each.workers)},
              {"workers_count", each.workers_count},
              {"policy", each.policy},
              {"runs", answer.runs},
              {"cut_off", answer.cut_off},
              {"gpu_hours", rounded(answer.gpu_hours)},
              {"cpu_hours", rounded(answer.cpu_hours)},
              {"finish_seconds", json_of(answer.finish)}};
  object["first_workflow_seconds"] =
      answer.first_workflow ? json_of(*answer.first_workflow) : Json();
  object["mean_workflow_seconds"] =
      answer.mean_workflow_ms ? Json(seconds(*answer.mean_workflow_ms)) : Json();
  object["peak_live"] = answer.peak_live;
  object["peak_artifact_bytes"] =
      answer.peak_bytes ? Json(static_cast<std::uint64_t>(*answer.peak_bytes)) : Json();
  object["gpu_utilisation"] =
      answer.gpu_utilisation ? Json(rounded(*answer.gpu_utilisation)) : Json();
  object["cpu_utilisation"] = rounded(answer.cpu_utilisation);
  object["beside"] = each.beside;
  object["left_out"] = each.left_out;
  object["assumptions"] = std::move(assumptions);
  object["unknown_sizes"] = answer.unknown_sizes;
  object["over_limit"] = answer.over_limit;
  object["unrunnable"] = answer.unrunnable;
  return object;
}

std::vector<std::string> forecast_lines(const ForecastCase& each, WallTime now) {
  const Answer& answer = each.answer;
  std::vector<std::string> lines{line("work", work_text(answer))};
  const auto at = now.unix_ms + static_cast<std::int64_t>(std::min(answer.finish.median, 3e12));
  std::string finish = "in " + finish_text(answer) + ", " + local_time(at);
  if (answer.stop_after > 0) {
    finish += fmt::format(", with {} workflow{} complete", answer.stop_after,
                          answer.stop_after == 1 ? "" : "s");
  }
  if (!answer.unrunnable.empty()) finish += ", without what no worker can run";
  if (each.beside > 0) {
    finish += fmt::format(", beside {} other pipeline{}", each.beside, each.beside == 1 ? "" : "s");
  }
  lines.push_back(line("finish", finish));
  if (answer.runs == 0) {
    lines.push_back(
        line("", "too large to simulate in the time given; this is its work, spread evenly"));
    return lines;
  }
  if (answer.cut_off) {
    lines.push_back(
        line("", fmt::format("of {} simulated run{}, more did not fit in the time given",
                             answer.runs, answer.runs == 1 ? "" : "s")));
  }
  if (answer.first_workflow) {
    lines.push_back(line("first workflow", "in " + text_of(*answer.first_workflow)));
  }
  if (answer.mean_workflow_ms) {
    lines.push_back(line("mean workflow", "in " + span(*answer.mean_workflow_ms)));
  }
  lines.push_back(line("artifacts", fmt::format("peak {}, {:.0f} results in use at once",
                                                bytes_text(answer), answer.peak_live)));
  lines.push_back(
      line("in use", use_text(answer) + (answer.gpu_hours > 0 ? " of the GPUs" : " of the CPUs")));
  return lines;
}

std::string forecast_table(const Screen& screen, const std::vector<ForecastCase>& cases) {
  Table table({{"WORKERS"},
               {"POLICY"},
               {.title = "HOURS", .side = Side::kRight},
               {.title = "FINISH", .side = Side::kRight},
               {.title = "10-90 %", .side = Side::kRight},
               {.title = "FIRST WF", .side = Side::kRight},
               {.title = "MEAN WF", .side = Side::kRight},
               {.title = "LIVE", .side = Side::kRight},
               {.title = "PEAK BYTES", .side = Side::kRight, .optional = true},
               {.title = "IN USE", .side = Side::kRight, .optional = true}});
  for (const ForecastCase& each : cases) {
    const Answer& a = each.answer;
    const bool gpus = a.gpu_hours > 0;
    table.add({each.workers.empty() ? "the broker's" : each.workers, each.policy,
               hours(gpus ? a.gpu_hours : a.cpu_hours),
               (a.runs == 0 ? ">= " : "") + span(a.finish.median),
               a.finish.low == a.finish.high ? "-" : span(a.finish.low) + "-" + span(a.finish.high),
               a.first_workflow ? span(a.first_workflow->median) : "-",
               a.mean_workflow_ms ? span(*a.mean_workflow_ms) : "-",
               fmt::format("{:.0f}", a.peak_live), a.peak_bytes ? bytes_text(a) : "-",
               use_text(a)});
  }
  return table.text(screen);
}

std::vector<std::string> assumption_lines(const std::vector<ForecastCase>& cases) {
  std::set<forecast::Assumption> assumed;
  std::set<std::string> sizes;
  std::vector<std::string> lines;
  for (const ForecastCase& each : cases) {
    assumed.insert(each.answer.assumptions.begin(), each.answer.assumptions.end());
    if (each.answer.peak_bytes) {
      sizes.insert(each.answer.unknown_sizes.begin(), each.answer.unknown_sizes.end());
    }
    if (!each.answer.unrunnable.empty()) {
      lines.push_back("no worker can run the tasks of " + names_text(each.answer.unrunnable) +
                      ", or what they depend on");
    }
    if (!each.answer.over_limit.empty()) {
      lines.push_back("expected to run longer than their time limit, and to be stopped then: " +
                      names_text(each.answer.over_limit));
    }
    if (each.left_out > 0) {
      lines.push_back(
          fmt::format("{} unfinished pipelines are left out: too many tasks", each.left_out));
    }
  }
  std::size_t shown = 0;
  for (const auto& each : assumed) {
    if (++shown <= kNamesShown) lines.push_back(sentence(each));
  }
  if (assumed.size() > kNamesShown) {
    lines.push_back(fmt::format("{} more assumptions of this kind; --json has all",
                                assumed.size() - kNamesShown));
  }
  if (!sizes.empty()) {
    lines.push_back("not in the peak, as nobody knows what they leave: " +
                    names_text({sizes.begin(), sizes.end()}));
  }
  std::vector<std::string> once;
  for (std::string& each : lines) {
    if (std::find(once.begin(), once.end(), each) == once.end()) once.push_back(std::move(each));
  }
  return once;
}

}  // namespace landseer::cli
