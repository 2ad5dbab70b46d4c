#include "common/base/units.h"
#include "submitter/cli/command_line.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

template <class Options>
using Verb = Result<int> (*)(Context&, const Options&);

template <class Options>
void on_verb(CLI::App& verb, Command& command, std::shared_ptr<Options> options,
             Verb<Options> run) {
  verb.callback([&command, options, run] {
    command.run = [options, run](Context& context) { return run(context, *options); };
  });
}

/// A verb that takes nothing but an optional pipeline, by default the last.
void define_pipeline_verb(CLI::App& app, Command& command, const char* name, const char* text,
                          Verb<PipelineOptions> run) {
  auto options = std::make_shared<PipelineOptions>();
  CLI::App* verb = app.add_subcommand(name, text);
  verb->add_option("PIPELINE", options->pipeline, "id, name or last")->capture_default_str();
  on_verb(*verb, command, options, run);
}

void define_status(CLI::App& app, Command& command) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* verb =
      app.add_subcommand("status", "how far pipelines are, and a forecast of the rest");
  verb->add_option("PIPELINE", options->pipeline, "ids, name or last")->capture_default_str();
  add_forecast_options(*verb, options->forecast);
  on_verb(*verb, command, options, run_status);
}

void define_wait(CLI::App& app, Command& command) {
  auto options = std::make_shared<WaitOptions>();
  auto timeout = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("wait", "until pipelines have ended; 1 unless they completed");
  verb->add_option("PIPELINE", options->pipeline, "ids, name or last")->required();
  verb->add_option("--timeout", *timeout, "give up after this, with exit code 124")
      ->type_name("DURATION")
      ->check(is_duration());
  verb->callback([&command, options, timeout] {
    options->timeout = parse_duration(*timeout);
    command.run = [options](Context& context) { return run_wait(context, *options); };
  });
}

void define_tasks(CLI::App& app, Command& command) {
  auto options = std::make_shared<TasksOptions>();
  CLI::App* verb = app.add_subcommand("tasks", "the tasks of a pipeline");
  verb->add_option("PIPELINE", options->pipeline, "id, name or last")->capture_default_str();
  verb->add_option("--status", options->status, "only these")
      ->check(CLI::IsMember({"pending", "running", "completed", "failed", "skipped", "cancelled"}));
  verb->add_option("--tool", options->tool, "only those of this tool");
  on_verb(*verb, command, options, run_tasks);
}

void define_task(CLI::App& app, Command& command) {
  auto task = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("task", "one task: priority, attempts, key ingredients");
  verb->add_option("TASK", *task, "task_7 or 7")->required();
  on_verb<std::string>(*verb, command, task, run_task);
}

void define_explain(CLI::App& app, Command& command) {
  auto task = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("explain", "why a task waits, or why it ran again");
  verb->add_option("TASK", *task, "task_7 or 7")->required();
  on_verb<std::string>(*verb, command, task, run_explain);
}

void define_logs(CLI::App& app, Command& command) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* verb = app.add_subcommand("logs", "what a task wrote, also while it runs");
  verb->add_option("TASK", options->task, "task_7 or 7")->required();
  verb->add_option("--attempt", options->attempt, "else the latest")->type_name("N");
  verb->add_flag("-f,--follow", options->follow, "as it is written, until the task has ended");
  verb->add_option("--tail", options->tail, "only the last lines")->type_name("N");
  verb->add_flag("--timestamps", options->timestamps, "when each line was written");
  on_verb(*verb, command, options, run_logs);
}

void define_fetch(CLI::App& app, Command& command) {
  auto options = std::make_shared<FetchOptions>();
  CLI::App* verb = app.add_subcommand("fetch", "bring what a task left in its output folder");
  verb->add_option("TASK", options->task, "task_7 or 7")->required();
  verb->add_option("DIR", options->folder, "the folder to be made; else task_7 here")
      ->type_name("DIR");
  verb->add_flag("--force", options->force, "replace the folder if it exists");
  on_verb(*verb, command, options, run_fetch);
}

void define_cancel(CLI::App& app, Command& command) {
  auto options = std::make_shared<CancelOptions>();
  CLI::App* verb = app.add_subcommand(
      "cancel", "end pipelines, workflows, a tool or a task, running work included");
  verb->add_option("TARGET", options->target, "pipelines, workflow_7-9 or task_7")->required();
  verb->add_option("--tool", options->tool, "only this tool's tasks, and what depends on them");
  verb->add_flag("--dry-run", options->dry_run, "only say what it would do");
  verb->add_flag("--yes", options->yes, "do not ask");
  on_verb(*verb, command, options, run_cancel);
}

void define_retry(CLI::App& app, Command& command) {
  auto options = std::make_shared<RetryOptions>();
  CLI::App* verb = app.add_subcommand("retry", "run failed and cancelled tasks again");
  verb->add_option("TARGET", options->target, "pipelines, workflow_7-9 or task_7")->required();
  verb->add_option("--tool", options->tool,
                   "only this tool's tasks, and what was skipped with them");
  verb->add_flag("--pruned", options->pruned, "only what rules of the pipeline pruned");
  on_verb(*verb, command, options, run_retry);
}

void define_priority(CLI::App& app, Command& command) {
  auto options = std::make_shared<PriorityOptions>();
  CLI::App* verb = app.add_subcommand("priority", "which pipeline goes first: higher does");
  verb->add_option("PIPELINE", options->pipeline, "ids, name or last")->required();
  verb->add_option("N", options->priority, "0 unless it was submitted with another")->required();
  on_verb(*verb, command, options, run_priority);
}

/// Holding back by mistake costs hours: which pipeline is always said.
CLI::App* define_pause(CLI::App& app, Command& command, const char* name, const char* text,
                       std::shared_ptr<PauseOptions> options, Verb<PauseOptions> run) {
  CLI::App* verb = app.add_subcommand(name, text);
  verb->add_option("TARGET", options->target, "pipelines, workflow_7-9 or task_7")->required();
  CLI::Option* tool = verb->add_option("--tool", options->tool, "only this tool's tasks");
  CLI::Option* workflow =
      verb->add_option("--workflow", options->workflow, "only these workflows of the pipeline")
          ->type_name("IDS");
  CLI::Option* task =
      verb->add_option("--task", options->task, "only this task of the pipeline")->type_name("ID");
  tool->excludes(workflow)->excludes(task);
  workflow->excludes(task);
  on_verb(*verb, command, options, run);
  return verb;
}

void define_pauses(CLI::App& app, Command& command) {
  define_pause(app, command, "pause",
               "start nothing new of pipelines, workflows, a tool or a task; what runs goes on",
               std::make_shared<PauseOptions>(), run_pause);
  auto options = std::make_shared<PauseOptions>();
  CLI::App* resume = define_pause(
      app, command, "resume", "let what was paused go on, as it was paused", options, run_resume);
  resume->add_flag("--all", options->everything, "and whatever else of the pipeline is paused")
      ->excludes("--tool")
      ->excludes("--workflow")
      ->excludes("--task");
}

void define_results(CLI::App& app, Command& command) {
  auto options = std::make_shared<ResultsOptions>();
  CLI::App* verb = app.add_subcommand("results", "combinations with their metrics, at any time");
  verb->add_option("PIPELINE", options->pipeline, "id, name or last")->capture_default_str();
  verb->add_option("--csv", options->csv,
                   "write results_tools.csv and results_combinations.csv there")
      ->type_name("DIR");
  CLI::Option* interactions = verb->add_flag("--interactions", options->interactions,
                                             "what adding one defence does to another");
  verb->add_option("--metric", options->metric, "by which metric; else the first that is known")
      ->needs(interactions);
  on_verb(*verb, command, options, run_results);
}

}  // namespace

void define_pipeline_verbs(CLI::App& app, Command& command) {
  CLI::App* list = app.add_subcommand("list", "all pipelines");
  list->callback([&command] { command.run = run_list; });
  define_status(app, command);
  define_wait(app, command);
  define_pipeline_verb(app, command, "watch", "progress, live, until a pipeline has ended",
                       run_watch);
  define_tasks(app, command);
  define_task(app, command);
  define_explain(app, command);
  define_pipeline_verb(app, command, "workflows", "the tool combinations of a pipeline",
                       run_workflows);
  define_logs(app, command);
  define_fetch(app, command);
  define_cancel(app, command);
  define_retry(app, command);
  define_priority(app, command);
  define_pauses(app, command);
  define_results(app, command);
}

}  // namespace landseer::cli
