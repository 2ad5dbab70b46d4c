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
  verb->add_option("--dashboard-bind", options->dashboard_bind, "where the dashboard serves")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  verb->add_flag("--no-dashboard", options->no_dashboard, "start none");
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

CLI::App* add_keys_verb(CLI::App& keys, const char* name, const char* text, Command& command,
                        std::function<Result<int>(Context&)> run) {
  CLI::App* verb = keys.add_subcommand(name, text);
  verb->callback([&command, run = std::move(run)] { command.run = run; });
  return verb;
}

void define_keys(CLI::App& app, Command& command) {
  CLI::App* keys = app.add_subcommand("keys", "who may use this host's broker");
  keys->require_subcommand(1);
  keys->fallthrough();
  add_keys_verb(*keys, "init", "keys for the broker, for you and for a worker here", command,
                run_keys_init);
  auto options = std::make_shared<KeysAddOptions>();
  CLI::App* add =
      add_keys_verb(*keys, "add", "a key for somebody else, or for another host", command,
                    [options](Context& context) { return run_keys_add(context, *options); });
  add->add_option("NAME", options->name, "of the key, and of the owner of what it submits")
      ->required();
  add->add_option("--role", options->role, "what it may do; a submitter if it is new")
      ->check(CLI::IsMember({"reader", "submitter", "worker", "admin"}));
  add->add_option("--owner", options->owner,
                  "whose pipelines it sees, if not those of its own name; a reader may see '*'")
      ->type_name("NAME");
  add->add_flag("--replace", options->replace, "give the key of this name a new pair");
  add_keys_verb(*keys, "list", "the keys that the broker accepts", command, run_keys_list);
  auto name = std::make_shared<std::string>();
  CLI::App* revoke =
      add_keys_verb(*keys, "revoke", "accept a key no more, from now on", command,
                    [name](Context& context) { return run_keys_revoke(context, *name); });
  revoke->add_option("NAME", *name, "as `keys list` shows it")->required();
}

void define_dashboard(CLI::App& app, Command& command) {
  auto options = std::make_shared<DashboardOptions>();
  CLI::App* verb = app.add_subcommand("dashboard", "a link that opens the dashboard, once");
  verb->add_flag("--control", options->control, "the link also lets its user act");
  verb->callback([&command, options] {
    command.run = [options](Context& context) { return run_dashboard(context, *options); };
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
  define_keys(app, command);
  define_dashboard(app, command);
  define_completion(app, command);
}

}  // namespace landseer::cli
