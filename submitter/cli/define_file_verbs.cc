#include <vector>

#include "common/base/units.h"
#include "common/domain/policy.h"
#include "submitter/cli/command_line.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

void add_file_options(CLI::App& verb, FileOptions& options) {
  verb.add_option("FILE", options.file, "the pipeline")->required()->type_name("FILE");
  verb.add_option("--tools", options.tools, "registry of tools; else tools.yaml near FILE")
      ->type_name("FILE");
  verb.add_option("--datasets", options.datasets,
                  "registry of datasets; else datasets.yaml near FILE")
      ->type_name("FILE");
  verb.add_option("--evaluators", options.evaluators, "registry of evaluators; else none run")
      ->type_name("FILE");
  verb.add_option("--expansion", options.expansion, "how tools become workflows")
      ->check(CLI::IsMember({"permutations", "one-per-stage"}));
  verb.add_option("--max-workflows", options.max_workflows, "refuse to expand to more")
      ->capture_default_str()
      ->type_name("N");
  verb.add_option("--set", options.set, "replace a value of FILE, such as dataset.variant=poisoned")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

std::vector<std::string> policy_names() {
  const auto names = domain::policy_names();
  return {names.begin(), names.end()};
}

void define_plan(CLI::App& app, Command& command) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* verb = app.add_subcommand(
      "plan", "count what a pipeline means and forecast when it is done; submits nothing");
  add_file_options(*verb, options->source);
  verb->add_option("--workers", options->workers,
                   "forecast for these instead of the broker's, such as 8xA100,4xT4; again: a "
                   "case to compare")
      ->type_name("GROUPS")
      ->allow_extra_args(false);
  verb->add_option("--policy", options->policies, "forecast under these, a case each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(policy_names()));
  verb->add_option("--durations", options->durations, "how long tools take, in YAML")
      ->type_name("FILE");
  verb->add_option("--stop-after", options->stop_after,
                   "complete workflows that are enough, instead of the file's")
      ->type_name("N");
  add_forecast_options(*verb, options->forecast);
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_plan(context, *options); };
  });
}

void define_submit(CLI::App& app, Command& command) {
  auto options = std::make_shared<SubmitOptions>();
  CLI::App* verb = app.add_subcommand("submit", "hand a pipeline to the broker");
  add_file_options(*verb, options->source);
  verb->add_option("--name", options->name, "instead of the file's");
  verb->add_option("--priority", options->priority,
                   "higher goes first; 0 unless the file says else")
      ->type_name("N");
  verb->add_option("--policy", options->policy, "order of the tasks in the pipeline")
      ->check(CLI::IsMember(policy_names()));
  verb->add_option("--stop-after", options->stop_after,
                   "complete workflows that are enough; the rest is pruned then")
      ->type_name("N");
  verb->add_option("--stop-when", options->stop_when,
                   "prune what a metric makes needless, such as 'clean_accuracy < 0.5'")
      ->type_name("RULE")
      ->allow_extra_args(false);
  verb->add_option("--submission-id", options->submission_id,
                   "submitting this id again gives the same pipeline")
      ->type_name("ID");
  verb->add_flag("--wait", options->wait, "until it has ended; exit code 1 unless it completed");
  verb->add_flag("--no-cache", options->no_cache, "run everything, share nothing");
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_submit(context, *options); };
  });
}

}  // namespace

void add_forecast_options(CLI::App& verb, ForecastOptions& options) {
  const std::string usual =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options.limit).count()) + "s";
  verb.add_option_function<std::string>(
          "--forecast-limit",
          [&options](const std::string& text) { options.limit = *parse_duration(text); },
          "how long to simulate at most; 0: no forecast")
      ->type_name("DURATION")
      ->default_str(usual)
      ->check(is_duration());
}

CLI::Validator is_duration() {
  return {[](const std::string& text) {
            return parse_duration(text) ? ""
                                        : "'" + text + "' is not a duration such as 90s or 1h30m";
          },
          ""};
}

void define_file_verbs(CLI::App& app, Command& command) {
  define_plan(app, command);
  define_submit(app, command);
}

}  // namespace landseer::cli
