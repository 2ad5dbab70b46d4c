/// The verbs of `landseer`, each in the file of its name. Each prints its result and returns the
/// exit code; an Error is printed by the caller, which also derives the exit code from it.
#pragma once

#include <string>

#include "common/base/result.h"
#include "submitter/cli/context.h"
#include "submitter/cli/options.h"

namespace landseer::cli {

Result<int> run_dashboard(Context& context, const DashboardOptions& options);
Result<int> run_up(Context& context, const UpOptions& options);
Result<int> run_down(Context& context);
Result<int> run_plan(Context& context, const PlanOptions& options);
Result<int> run_keys_init(Context& context);
Result<int> run_keys_add(Context& context, const KeysAddOptions& options);
Result<int> run_keys_list(Context& context);
Result<int> run_keys_revoke(Context& context, const std::string& name);
Result<int> run_submit(Context& context, const SubmitOptions& options);
Result<int> run_list(Context& context);
Result<int> run_status(Context& context, const StatusOptions& options);
Result<int> run_wait(Context& context, const WaitOptions& options);
Result<int> run_watch(Context& context, const PipelineOptions& options);
Result<int> run_tasks(Context& context, const TasksOptions& options);
Result<int> run_task(Context& context, const std::string& task);
Result<int> run_explain(Context& context, const std::string& task);
Result<int> run_workflows(Context& context, const PipelineOptions& options);
Result<int> run_workers(Context& context, const WorkersOptions& options);
Result<int> run_drain(Context& context, const DrainOptions& options);
Result<int> run_undrain(Context& context, const DrainOptions& options);
Result<int> run_logs(Context& context, const LogsOptions& options);
Result<int> run_fetch(Context& context, const FetchOptions& options);
Result<int> run_cancel(Context& context, const CancelOptions& options);
Result<int> run_pause(Context& context, const PauseOptions& options);
Result<int> run_resume(Context& context, const PauseOptions& options);
Result<int> run_retry(Context& context, const RetryOptions& options);
Result<int> run_priority(Context& context, const PriorityOptions& options);
Result<int> run_results(Context& context, const ResultsOptions& options);

}  // namespace landseer::cli
