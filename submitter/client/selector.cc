#include "submitter/client/selector.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/text.h"

namespace landseer::client {
namespace {

using Rows = std::span<const protocol::PipelineRow>;
using Ids = std::vector<PipelineId>;

const char* const kSeeList = "see `landseer list`";

bool exists(PipelineId id, Rows rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [id](const protocol::PipelineRow& row) { return row.pipeline == id; });
}

void add(PipelineId id, Ids& ids) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

/// `1-5` and `pipeline_1-pipeline_5`; empty if `part` is no range.
std::optional<std::pair<PipelineId, PipelineId>> parse_range(std::string_view part) {
  const auto dash = part.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_id<PipelineId>(part.substr(0, dash));
  const auto last = parse_id<PipelineId>(part.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return std::pair{*first, *last};
}

Result<void> add_range(std::pair<PipelineId, PipelineId> range, Rows rows, Ids& ids) {
  if (number(range.first) > number(range.second)) {
    return fail(ErrorCode::kInvalid,
                "the range " + to_string(range.first) + " to " + to_string(range.second) +
                    " runs backwards",
                "", "write the smaller number first");
  }
  std::uint64_t found = 0;
  for (const protocol::PipelineRow& row : rows) {
    if (row.pipeline < range.first || row.pipeline > range.second) continue;
    add(row.pipeline, ids);
    ++found;
  }
  if (found == number(range.second) - number(range.first) + 1) return {};
  return fail(ErrorCode::kNotFound,
              "not all of " + to_string(range.first) + " to " + to_string(range.second) + " exist",
              "", kSeeList);
}

Result<void> add_named(std::string_view name, Rows rows, Ids& ids) {
  std::string matches;
  std::vector<std::string> names;
  std::optional<PipelineId> match;
  std::size_t count = 0;
  for (const protocol::PipelineRow& row : rows) {
    names.push_back(row.name);
    if (row.name != name) continue;
    match = row.pipeline;
    matches += (count++ == 0 ? "" : ", ") + to_string(row.pipeline);
  }
  const std::string quoted = "'" + std::string(name) + "'";
  if (count > 1) {
    return fail(ErrorCode::kInvalid,
                quoted + " is the name of " + std::to_string(count) + " pipelines: " + matches, "",
                "use an id");
  }
  if (!match) {
    const std::string nearest = nearest_word(name, names);
    return fail(ErrorCode::kNotFound, "no pipeline has the name or id " + quoted, "",
                nearest.empty() ? kSeeList : "did you mean '" + nearest + "'?");
  }
  add(*match, ids);
  return {};
}

Result<void> add_part(std::string_view part, Rows rows, Ids& ids) {
  if (const auto id = parse_id<PipelineId>(part)) {
    if (!exists(*id, rows)) {
      return fail(ErrorCode::kNotFound, "there is no " + to_string(*id), "", kSeeList);
    }
    add(*id, ids);
    return {};
  }
  if (part == "last") {
    if (rows.empty()) {
      return fail(ErrorCode::kNotFound, "there is no pipeline yet", "",
                  "submit one with `landseer submit FILE`");
    }
    add(rows.back().pipeline, ids);
    return {};
  }
  if (const auto range = parse_range(part)) return add_range(*range, rows, ids);
  return add_named(part, rows, ids);
}

}  // namespace

Result<Ids> select_pipelines(std::string_view text, Rows rows) {
  Ids ids;
  // A name may hold a comma; then it is one name.
  const bool is_name =
      std::any_of(rows.begin(), rows.end(), [text](const auto& row) { return row.name == text; });
  if (is_name && !parse_id<PipelineId>(text) && text != "last") {
    if (auto added = add_named(text, rows, ids); !added) return tl::make_unexpected(added.error());
    return ids;
  }
  while (true) {
    const auto comma = text.find(',');
    if (auto added = add_part(text.substr(0, comma), rows, ids); !added) {
      return tl::make_unexpected(added.error());
    }
    if (comma == std::string_view::npos) return ids;
    text.remove_prefix(comma + 1);
  }
}

Result<PipelineId> select_pipeline(std::string_view text, Rows rows) {
  auto ids = select_pipelines(text, rows);
  if (!ids) return tl::make_unexpected(ids.error());
  if (ids->size() != 1) {
    return fail(ErrorCode::kInvalid,
                "'" + std::string(text) + "' names " + std::to_string(ids->size()) +
                    " pipelines, one is wanted",
                "", "use a single id");
  }
  return ids->front();
}

Result<std::vector<protocol::WorkflowRange>> select_workflows(std::string_view text) {
  std::vector<protocol::WorkflowRange> ranges;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = parse_id<WorkflowId>(part.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_id<WorkflowId>(part.substr(dash + 1));
    if (!first || !last) {
      return fail(ErrorCode::kInvalid, "'" + std::string(part) + "' names no workflow", "",
                  "workflows are written workflow_7 or workflow_7-9; `landseer workflows` lists "
                  "them");
    }
    ranges.push_back({*first, *last});
    if (comma == std::string_view::npos) return ranges;
    rest.remove_prefix(comma + 1);
  }
}

Result<TaskId> select_task(std::string_view text) {
  if (const auto id = parse_id<TaskId>(text)) return *id;
  return fail(ErrorCode::kInvalid, "'" + std::string(text) + "' is not a task", "",
              "tasks are written task_7 or 7; `landseer tasks` lists them");
}

}  // namespace landseer::client
