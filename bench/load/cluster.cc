#include "bench/load/cluster.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace landseer::bench {
namespace {

constexpr Duration kReadyLimit = std::chrono::minutes(2);
constexpr Duration kPatience = std::chrono::seconds(20);

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// Nanoseconds on a processor: the first number of the thread's schedstat.
double cpu_seconds(const std::filesystem::path& thread) {
  std::ifstream in(thread / "schedstat");
  double nanoseconds = 0;
  in >> nanoseconds;
  return nanoseconds / 1e9;
}

std::uint64_t resident_bytes(const std::filesystem::path& process) {
  std::ifstream in(process / "statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  in >> size >> resident >> shared;
  return (resident - shared) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

ProcessUse use_of(const cli::ProcessRef& process) {
  const std::filesystem::path folder = "/proc/" + std::to_string(process.pid);
  ProcessUse use;
  std::error_code ended;  // a thread may
  for (const auto& thread : std::filesystem::directory_iterator(folder / "task", ended)) {
    use.cpu_seconds += cpu_seconds(thread.path());
  }
  use.resident_bytes = resident_bytes(folder);
  return use;
}

}  // namespace

void die(const std::string& what) {
  std::cerr << "landseer-bench-load: " << what << '\n';
  std::exit(1);
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
  options_.folder = std::filesystem::absolute(options_.folder).string();
  std::filesystem::remove_all(options_.folder);
  std::filesystem::create_directories(options_.folder + "/logs");
  // Programs that are started below find their keys and each other there, and so does the client.
  setenv("LANDSEER_HOME", options_.folder.c_str(), 1);
  keys_folder_ = options_.folder + "/keys";
  if (!options_.with_keys) return;
  const std::string init = "'" + cli::program_folder() + "/landseer' keys init > /dev/null";
  if (std::system(init.c_str()) != 0) die("`landseer keys init` failed");
}

Cluster::~Cluster() {
  std::vector<cli::ProcessRef> all = workers_;
  if (broker_.pid != 0) all.push_back(broker_);
  cli::end_processes(all, kPatience);
  std::error_code ignored;
  std::filesystem::remove_all(options_.folder, ignored);
}

void Cluster::start_broker() {
  const auto address = [&](std::size_t port) {
    return addresses_.empty() ? std::string("tcp://127.0.0.1:0") : addresses_.at(port);
  };
  std::vector<std::string> arguments{cli::program_folder() + "/landseer-broker",
                                     "--state",
                                     options_.folder + "/state",
                                     "--workers-bind",
                                     address(0),
                                     "--clients-bind",
                                     address(1),
                                     "--bulk-bind",
                                     address(2)};
  arguments.insert(arguments.end(), options_.broker_arguments.begin(),
                   options_.broker_arguments.end());
  const auto started =
      cli::start_in_background(arguments, options_.folder + "/logs/broker.log", kReadyLimit);
  if (!started) die(started.error().to_string());
  broker_ = started->process;
  addresses_ = words_of(started->ready_line);
  if (addresses_.size() != 4) die("the broker says '" + started->ready_line + "'");
  addresses_.erase(addresses_.begin());  // "ready"
}

void Cluster::kill_broker() {
  ::kill(static_cast<pid_t>(broker_.pid), SIGKILL);
  // What it held, its lock among it, is free when it has given all of its memory back.
  waitpid(static_cast<pid_t>(broker_.pid), nullptr, 0);
  broker_ = {};
}

void Cluster::start_worker(const std::string& name, std::vector<std::string> arguments) {
  std::vector<std::string> all{cli::program_folder() + "/landseer-worker",
                               "--broker",
                               workers_address(),
                               "--name",
                               name,
                               "--scratch",
                               options_.folder + "/" + name,
                               "--runtime",
                               "process",
                               "--gpus",
                               "none"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::filesystem::create_directories(options_.folder + "/" + name);
  const auto started =
      cli::start_in_background(all, options_.folder + "/logs/" + name + ".log", kReadyLimit);
  if (!started) die(started.error().to_string());
  workers_.push_back(started->process);
}

client::ClientOptions Cluster::client_options() const {
  client::ClientOptions options;
  options.broker = addresses_.at(1);
  options.limits.reply = options.limits.commit = std::chrono::minutes(5);
  return options;
}

ProcessUse Cluster::broker_use() const { return use_of(broker_); }

ProcessUse Cluster::worker_use() const { return use_of(workers_.at(0)); }

}  // namespace landseer::bench
