/// The data of events as JSON on one line: docs/openapi.yaml, "HelloEvent" and those below it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "dashboard/gateway/model.h"

namespace landseer::gateway {

std::string hello_data(const std::string& position, bool resumed, bool connected);
std::string pipelines_data(std::span<const protocol::PipelineRow> rows,
                           std::span<const PipelineId> forgotten);
std::string tasks_data(const AppliedChange& change);
std::string workers_data(const WorkerNews& news);
std::string broker_data(bool connected);
std::string reset_data(const std::string& reason, const std::string& position);

/// One attempt as it stands in timelines.
nlohmann::ordered_json attempt_json(TaskId task, const protocol::AttemptRow& row, std::size_t lane);

}  // namespace landseer::gateway
