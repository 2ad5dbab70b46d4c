#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/config/rendezvous.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/up_file.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

// A broker with a long journal reads it before it is ready.
constexpr Duration kReadyLimit = std::chrono::minutes(2);
constexpr Duration kPatience = std::chrono::seconds(15);

std::string cpus_of_each(const UpOptions& options) {
  if (!options.cpus.empty()) return options.cpus;
  const unsigned all = std::max(1u, std::thread::hardware_concurrency());
  return std::to_string(std::max(1u, all / options.workers));
}

std::vector<std::string> broker_arguments(const UpOptions& options) {
  std::vector<std::string> arguments{program_folder() + "/landseer-broker",
                                     "--state",
                                     config::home_folder() + "/state",
                                     "--workers-bind",
                                     options.workers_bind,
                                     "--clients-bind",
                                     options.clients_bind,
                                     "--bulk-bind",
                                     options.bulk_bind};
  if (!options.lease.empty()) arguments.insert(arguments.end(), {"--lease", options.lease});
  return arguments;
}

std::vector<std::string> worker_arguments(const UpOptions& options, const std::string& name,
                                          const std::string& broker) {
  std::vector<std::string> arguments{program_folder() + "/landseer-worker",
                                     "--broker",
                                     broker,
                                     "--name",
                                     name,
                                     "--cpus",
                                     cpus_of_each(options),
                                     "--scratch",
                                     config::home_folder() + "/workers/" + name,
                                     "--runtime",
                                     options.runtime,
                                     "--data-bind",
                                     "tcp://127.0.0.1:0"};
  for (const std::string& data : options.data) arguments.insert(arguments.end(), {"--data", data});
  if (!options.images.empty()) arguments.insert(arguments.end(), {"--images", options.images});
  return arguments;
}

std::vector<std::string> dashboard_arguments(const UpOptions& options, const std::string& broker) {
  return {program_folder() + "/landseer-dashboard", "--broker", broker, "--bind",
          options.dashboard_bind};
}

std::string second_word(const std::string& line) {
  const auto begin = line.find(' ');
  if (begin == std::string::npos) return {};
  return line.substr(begin + 1, line.find(' ', begin + 1) - begin - 1);
}

/// Starts one service after the other; what was started is in `services` also after a failure.
class Starter {
 public:
  Starter(Context& context, const UpOptions& options) : context_(context), options_(options) {}
  std::vector<Service>& services() { return services_; }

  Result<void> start_all() {
    if (auto started = start("broker", broker_arguments(options_)); !started) return started;
    const auto rendezvous = config::read_rendezvous();
    if (!rendezvous) return tl::make_unexpected(rendezvous.error());
    services_.back().address = rendezvous->clients_address;
    for (std::uint32_t i = 1; i <= options_.workers; ++i) {
      const std::string name = "worker-" + std::to_string(i);
      auto arguments = worker_arguments(options_, name, rendezvous->workers_address);
      // Two workers that offer the same GPUs would both use them: the first has them all.
      if (i > 1) arguments.insert(arguments.end(), {"--gpus", "none"});
      auto started = start(name, arguments);
      if (!started) return started;
    }
    if (!options_.no_dashboard && has_dashboard()) {
      auto started = start("dashboard", dashboard_arguments(options_, rendezvous->clients_address));
      if (!started) return started;
    }
    return write_up_file(services_);
  }

 private:
  /// It is a package of its own.
  bool has_dashboard() {
    std::error_code ignored;
    if (std::filesystem::exists(program_folder() + "/landseer-dashboard", ignored)) return true;
    context_.note("there is no dashboard: landseer-dashboard is not installed beside landseer");
    return false;
  }

  Result<void> start(const std::string& name, const std::vector<std::string>& arguments) {
    const std::string log = config::home_folder() + "/logs/" + name + ".log";
    if (name != "broker" && name != "dashboard") {
      std::error_code ignored;  // the worker reports a missing scratch folder better
      std::filesystem::create_directories(config::home_folder() + "/workers/" + name, ignored);
    }
    const auto started = start_in_background(arguments, log, kReadyLimit);
    if (!started) return tl::make_unexpected(started.error());
    services_.push_back({name, started->process, second_word(started->ready_line), log});
    context_.note(name + " is ready");
    // Written after each, so that `down` finds all of them whatever happens next.
    return write_up_file(services_);
  }

  Context& context_;
  const UpOptions& options_;
  std::vector<Service> services_;
};

void print_services(Context& context, const std::vector<Service>& services, bool already) {
  if (context.json()) {
    Json list = Json::array();
    for (const Service& service : services) {
      list.push_back({{"name", service.name},
                      {"pid", service.process.pid},
                      {"state", is_alive(service.process) ? "running" : "gone"},
                      {"address", service.address},
                      {"log", service.log}});
    }
    print_document(context, {{"already_up", already}, {"services", std::move(list)}});
    return;
  }
  if (context.quiet()) return;
  Table table({{"SERVICE"},
               {.title = "PID", .side = Side::kRight},
               {"STATE"},
               {"ADDRESS"},
               {.title = "LOG", .width_min = 12, .optional = true}});
  for (const Service& service : services) {
    const bool alive = is_alive(service.process);
    table.add({service.name,
               std::to_string(service.process.pid),
               {alive ? "running" : "gone", alive ? Color::kGreen : Color::kRed},
               service.address,
               service.log});
  }
  context.print(table.text(context.out()));
}

/// A broker of this home that `up` did not start must not get a second one beside it.
Result<void> check_no_other_broker(const std::vector<Service>& known) {
  const auto rendezvous = config::read_rendezvous();
  if (!rendezvous || rendezvous->pid <= 0) return {};
  // Ours, and it has ended: /proc shows it until somebody has waited for it.
  if (!known.empty() && rendezvous->pid == known.front().process.pid) return {};
  std::ifstream file("/proc/" + std::to_string(rendezvous->pid) + "/comm");
  std::string program;
  std::getline(file, program);
  if (program != "landseer-broker") return {};
  return fail(ErrorCode::kConflict,
              fmt::format("a broker that `landseer up` did not start runs already, process {}",
                          rendezvous->pid),
              rendezvous->clients_address, "use it, or stop it first");
}

std::vector<ProcessRef> processes_of(const std::vector<Service>& services) {
  std::vector<ProcessRef> processes;
  for (const Service& service : services) processes.push_back(service.process);
  return processes;
}

/// Workers first: a broker that is still there takes back what they return.
std::vector<Ending> end_services(const std::vector<Service>& services) {
  if (services.empty()) return {};
  std::vector<ProcessRef> workers = processes_of(services);
  const ProcessRef broker = workers.front();
  workers.erase(workers.begin());
  std::vector<Ending> endings = end_processes({workers}, kPatience);
  endings.insert(endings.begin(), end_processes({broker}, kPatience).front());
  return endings;
}

std::string_view text(Ending ending) {
  switch (ending) {
    case Ending::kWasGone:
      return "was gone";
    case Ending::kEnded:
      return "stopped";
    case Ending::kKilled:
      return "killed";
  }
  return "unknown";
}

}  // namespace

Result<int> run_up(Context& context, const UpOptions& options) {
  const auto lock = UpLock::take();
  if (!lock) return tl::make_unexpected(lock.error());
  const auto known = read_up_file();
  if (!known) return tl::make_unexpected(known.error());
  if (!known->empty() && is_alive(known->front().process)) {
    context.note("already up; nothing was started");
    print_services(context, *known, true);
    context.next("landseer submit FILE, or landseer down");
    return kSuccess;
  }
  if (auto free = check_no_other_broker(*known); !free) return tl::make_unexpected(free.error());
  if (!known->empty()) {
    context.note("the broker of the last `landseer up` is gone; starting again");
    end_services(*known);  // workers that wait for it
    remove_up_file();
  }
  // A configuration file for this program has keys that the others refuse.
  unsetenv("LANDSEER_CONFIG");
  Starter starter(context, options);
  if (auto started = starter.start_all(); !started) {
    end_services(starter.services());
    remove_up_file();
    return tl::make_unexpected(started.error());
  }
  print_services(context, starter.services(), false);
  context.next(options.no_dashboard ? "landseer submit FILE"
                                    : "landseer submit FILE, or landseer dashboard for a link");
  return kSuccess;
}

Result<int> run_down(Context& context) {
  const auto lock = UpLock::take();
  if (!lock) return tl::make_unexpected(lock.error());
  const auto services = read_up_file();
  if (!services) return tl::make_unexpected(services.error());
  const auto endings = end_services(*services);
  remove_up_file();
  Json list = Json::array();
  for (std::size_t i = 0; i < endings.size(); ++i) {
    const std::string word(text(endings[i]));
    list.push_back({{"name", (*services)[i].name}, {"outcome", word}});
    if (context.chatty()) context.print((*services)[i].name + " " + word + "\n");
  }
  if (context.json()) print_document(context, {{"services", std::move(list)}});
  if (services->empty()) context.note("nothing is up");
  return kSuccess;
}

}  // namespace landseer::cli
