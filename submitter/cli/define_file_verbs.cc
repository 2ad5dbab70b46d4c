#include <vector>

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

void define_plan(CLI::App& app, Command& command) {
  auto options = std::make_shared<FileOptions>();
  CLI::App* verb = app.add_subcommand("plan", "count what a pipeline means; submits nothing");
  add_file_options(*verb, *options);
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_plan(context, *options); };
  });
}

void define_submit(CLI::App& app, Command& command) {
  auto options = std::make_shared<SubmitOptions>();
  CLI::App* verb = app.add_subcommand("submit", "hand a pipeline to the broker");
  add_file_options(*verb, options->source);
  const auto names = domain::policy_names();
  const std::vector<std::string> policies(names.begin(), names.end());
  verb->add_option("--name", options->name, "instead of the file's");
  verb->add_option("--priority", options->priority,
                   "higher goes first; 0 unless the file says else")
      ->type_name("N");
  verb->add_option("--policy", options->policy, "order of the tasks in the pipeline")
      ->check(CLI::IsMember(policies));
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

void define_file_verbs(CLI::App& app, Command& command) {
  define_plan(app, command);
  define_submit(app, command);
}

}  // namespace landseer::cli
