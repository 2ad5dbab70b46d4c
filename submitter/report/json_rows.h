/// Rows as JSON: the names that scripts rely on (docs/cli.md, "JSON"). Ids are texts such as
/// `task_7`, times ISO 8601 in UTC with milliseconds, what is not there is null.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/protocol/client_messages.h"

namespace landseer::report {

using Json = nlohmann::ordered_json;

Json to_json(const protocol::PipelineRow& row);
/// The row with `stages` and `notices`.
Json to_json(const protocol::PipelineStatus& status);
/// `tasks` without evaluations, as `plan` counts them.
Json to_json(const protocol::Submitted& submitted);
Json to_json(const protocol::TaskRow& row);
/// The row with image, command, config, key_ingredients and `history`, one entry an attempt.
Json to_json(const protocol::TaskDetail& detail);
/// `summary`, `reasons`, `compared_with`, `differs_at`, `differences` and the `task` itself.
Json to_json(const protocol::Explanation& explanation);
Json to_json(const protocol::WorkflowRow& row);
Json to_json(const protocol::WorkerRow& row);

template <class Row>
Json to_json_array(const std::vector<Row>& rows);

/// `{"error":{"code","message","where","hint"}}`.
Json error_json(std::string_view code, const Error& error);

/// A JSON object from text that a peer wrote; empty object when it is none.
Json parse_object(const std::string& text);

/// The text, whatever bytes a peer put into it; `indent` -1: on one line.
std::string dump(const Json& json, int indent = -1);

}  // namespace landseer::report
