#include "common/base/units.h"
#include "submitter/cli/command_line.h"
#include "submitter/cli/completion.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

void add_bind(CLI::App& verb, const char* name, std::string& target, const char* text) {
  verb.add_option(name, target, text)->capture_default_str()->type_name("ADDRESS");
}

void define_up(CLI::App& app, Command& command) {
  auto options = std::make_shared<UpOptions>();
  CLI::App* verb = app.add_subcommand("up", "start a broker and workers here, in the background");
  verb->add_option("--workers", options->workers, "how many")
      ->capture_default_str()
      ->check(CLI::Range(0, 256))
      ->type_name("N");
  verb->add_option("--cpus", options->cpus, "of each worker; else this host's, divided")
      ->type_name("N");
  verb->add_option("--data", options->data, "a dataset the workers have; repeatable")
      ->type_name("NAME[:VARIANT]=PATH")
      ->allow_extra_args(false);
  verb->add_option("--images", options->images, "where runtime process finds tools")
      ->type_name("DIR");
  verb->add_option("--runtime", options->runtime, "how tools are run")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "process", "podman", "docker", "apptainer"}));
  verb->add_option("--lease", options->lease, "how long a silent worker keeps its tasks")
      ->type_name("DURATION");
  add_bind(*verb, "--workers-bind", options->workers_bind, "where the broker waits for workers");
  add_bind(*verb, "--clients-bind", options->clients_bind, "where the broker waits for clients");
  add_bind(*verb, "--bulk-bind", options->bulk_bind, "where the broker serves attachments");
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_up(context, *options); };
  });
}

void define_workers(CLI::App& app, Command& command) {
  auto options = std::make_shared<WorkersOptions>();
  CLI::App* verb = app.add_subcommand("workers", "who computes, and with what");
  verb->add_option("--label", options->label, "only those with this label")->type_name("KEY=VALUE");
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_workers(context, *options); };
  });
}

void define_drain(CLI::App& app, Command& command, const std::string& name, const char* text,
                  Result<int> (*run)(Context&, const DrainOptions&)) {
  auto options = std::make_shared<DrainOptions>();
  CLI::App* verb = app.add_subcommand(name, text);
  verb->add_option("WORKER", options->worker, "its name, or worker_3");
  verb->add_option("--label", options->label, "all workers with this label instead")
      ->type_name("KEY=VALUE");
  if (name == "drain") {
    verb->add_flag("--now", options->now,
                   "give back what they run, with checkpoints; else they finish it");
  }
  verb->callback([&command, options, run] {
    command.run = [options, run](Context& context) { return run(context, *options); };
  });
}

void define_completion(CLI::App& app, Command& command) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "a completion script for a shell");
  verb->add_option("SHELL", *shell, "source its output, or install it")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&command, &app, shell] {
    command.run = [&app, shell](Context& context) -> Result<int> {
      const auto script = completion_script(app, *shell);
      if (!script) return tl::make_unexpected(script.error());
      context.print(*script);
      return kSuccess;
    };
  });
}

}  // namespace

void define_host_verbs(CLI::App& app, Command& command) {
  define_up(app, command);
  CLI::App* down = app.add_subcommand("down", "stop what `up` started");
  down->callback([&command] { command.run = run_down; });
  define_workers(app, command);
  define_drain(app, command, "drain", "give workers no new attempts", run_drain);
  define_drain(app, command, "undrain", "give drained workers attempts again", run_undrain);
  define_completion(app, command);
}

}  // namespace landseer::cli
