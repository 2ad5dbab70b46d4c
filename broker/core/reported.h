/// What evaluations reported, as rules see it. Pure.
#pragma once

#include <map>
#include <string>

#include "broker/core/pipeline_table.h"

namespace landseer::broker {

/// By name as in results, metrics inside metrics joined with dots; truth is 1 and 0, and what is no
/// number is left out. Nothing of an evaluation that was skipped.
std::map<std::string, double> reported_metrics(const TaskRun& run);

/// An evaluation of a pipeline with rules is completed: keeps what people are told about that.
void note_reported(StopRules& rules, const domain::Task& evaluation, const TaskRun& run);

/// Why rules may never hold, in words; empty: no reason is known.
std::string rules_notice(const PipelineRecord& record);

}  // namespace landseer::broker
