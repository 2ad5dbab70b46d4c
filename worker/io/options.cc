#include "worker/io/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/config/amounts.h"
#include "common/config/key_folder.h"
#include "common/config/rendezvous.h"
#include "common/domain/secret_reference.h"
#include "common/net/socket.h"
#include "common/protocol/limits.h"
#include "worker/io/datasets_file.h"
#include "worker/io/gpu_choice.h"
#include "worker/io/host_resources.h"
#include "worker/io/runtimes.h"

namespace landseer::worker {
namespace {

/// As typed, before it is understood.
struct Raw {
  std::string cpus = "auto";
  std::string memory = "auto";
  std::string runtimes = "auto";
  ContainerFlags containers;
  std::string artifacts_max = "50%";
  std::string disk_min = "1GiB";
  std::vector<std::string> labels;
  std::vector<std::string> resources;
  std::vector<std::string> data;
  std::filesystem::path datasets_file;
  std::string keys;
  std::string secrets;
};

tl::unexpected<Error> usage(std::string message, std::string hint) {
  return fail(ErrorCode::kInvalid, std::move(message), {}, std::move(hint));
}

Result<std::uint32_t> read_cpus(const std::string& text) {
  if (text == "auto") return detect_cpus_milli();
  double cpus = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpus);
  if (error != std::errc{} || end != text.data() + text.size() || !(cpus > 0) || cpus > 4096) {
    return usage("--cpus '" + text + "' is not a number from 0.001 to 4096", "or use --cpus auto");
  }
  return static_cast<std::uint32_t>(std::lround(cpus * 1000));
}

Result<std::uint64_t> read_memory(const std::string& text) {
  if (text == "auto") return detect_memory_bytes();
  const auto bytes = parse_bytes(text);
  if (!bytes || *bytes == 0) return usage("--memory '" + text + "' is not a size", "write 16GiB");
  return *bytes;
}

Result<ArtifactBudget> read_budget(const std::string& text) {
  ArtifactBudget budget;
  if (text.ends_with('%')) {
    const char* const end = text.data() + text.size() - 1;
    const auto [at, error] = std::from_chars(text.data(), end, budget.percent);
    if (error == std::errc{} && at == end && budget.percent >= 1 && budget.percent <= 100) {
      return budget;
    }
  } else if (const auto bytes = parse_bytes(text); bytes && *bytes > 0) {
    budget.bytes = *bytes;
    return budget;
  }
  return usage("--artifacts-max '" + text + "' is neither a size nor 1% to 100%", "write 200GiB");
}

Result<std::uint64_t> read_disk_min(const std::string& text) {
  const auto bytes = parse_bytes(text);
  if (!bytes) return usage("--disk-min '" + text + "' is not a size", "write 1GiB");
  return *bytes;
}

Result<std::vector<std::string>> read_runtimes(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream words(text);
  const auto& known = runtime_words();
  for (std::string word; std::getline(words, word, ',');) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      const std::string nearest = nearest_word(word, known);
      return usage("unknown runtime '" + word + "'",
                   nearest.empty() ? "use auto, or process" : "did you mean '" + nearest + "'?");
    }
    names.push_back(std::move(word));
  }
  if (names.empty()) return usage("--runtime is empty", "leave it out, or use process");
  return names;
}

Result<std::map<std::string, std::string>> read_labels(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return usage("--label '" + text + "' is not KEY=VALUE", "write --label rack=3");
    }
    if (text.starts_with(domain::kSecretLabelPrefix)) {
      return usage("--label '" + text + "' is what says that a secret is here",
                   "put the secret into the folder of --secrets");
    }
    labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return labels;
}

Result<std::string> find_broker(const std::string& named) {
  if (!named.empty()) return named;
  auto rendezvous = config::read_rendezvous();
  if (!rendezvous) return tl::make_unexpected(rendezvous.error());
  return rendezvous->workers_address;
}

Result<std::optional<keys::KeyFile>> find_key(const std::string& folder, const Options& options) {
  auto key = config::find_key(folder, config::kWorkerKeyFile, options.broker,
                              net::is_loopback(options.broker));
  if (!key || *key || net::is_loopback(options.data_bind)) return key;
  return fail(
      ErrorCode::kNotAllowed,
      options.data_bind +
          " can be reached from other machines, and the broker has no keys: whoever reaches "
          "it could read your artifacts",
      "--data-bind",
      "keep to 127.0.0.1, or make keys: `landseer keys init` on the broker's "
      "host, then start it again");
}

template <class T>
bool take(Result<T> from, T& to, Error& error) {
  if (!from) {
    error = from.error();
    return false;
  }
  to = std::move(*from);
  return true;
}

bool complete(const Raw& raw, Options& options, Error& error) {
  if (options.artifact_mode != "local" && options.artifact_mode != "shared") {
    error = {ErrorCode::kInvalid, "'" + options.artifact_mode + "' is neither local nor shared",
             "--artifact-mode",
             "leave the option out unless all workers see one --artifacts folder"};
    return false;
  }
  if (options.artifact_mode == "shared" && options.artifacts.empty()) {
    error = {ErrorCode::kInvalid, "a shared store has to be named", "--artifact-mode",
             "add --artifacts FOLDER, the same on all hosts"};
    return false;
  }
  if (!options.data_address.empty() && !options.data_address.starts_with("tcp://")) {
    error = {ErrorCode::kInvalid, "'" + options.data_address + "' is not tcp://HOST:PORT",
             "--data-address", "leave the option out to tell the address as it is bound"};
    return false;
  }
  for (const std::string& text : raw.data) {
    auto dataset = parse_dataset_folder(text);
    if (!dataset) {
      error = dataset.error();
      return false;
    }
    options.datasets.push_back(std::move(*dataset));
  }
  if (!raw.datasets_file.empty()) {
    auto listed = read_datasets_file(raw.datasets_file);
    if (!listed) {
      error = listed.error();
      return false;
    }
    for (DatasetFolder& dataset : *listed) {
      // What was said for this worker alone counts.
      const auto* said = find_dataset(options.datasets, dataset.name, "");
      if (said == nullptr || !said->variant.empty()) options.datasets.push_back(std::move(dataset));
    }
  }
  if (!options.images.empty()) {
    std::error_code bad;
    options.images = std::filesystem::absolute(options.images, bad).string();
    if (!std::filesystem::is_directory(options.images, bad)) {
      error = {ErrorCode::kNotFound, "the folder does not exist", options.images,
               "--images names the folder that holds one folder per image"};
      return false;
    }
  }
  return take(read_budget(raw.artifacts_max), options.artifacts_max, error) &&
         take(read_disk_min(raw.disk_min), options.disk_min, error) &&
         take(read_cpus(raw.cpus), options.cpus_milli, error) &&
         take(read_memory(raw.memory), options.memory_bytes, error) &&
         take(read_runtimes(raw.runtimes), options.runtimes, error) &&
         take(raw.containers.read(), options.containers, error) &&
         take(read_labels(raw.labels), options.labels, error) &&
         take(config::parse_amounts(raw.resources), options.resources, error) &&
         take(find_broker(options.broker), options.broker, error) &&
         take(Secrets::open(raw.secrets), options.secrets, error) &&
         take(find_key(raw.keys, options), options.key, error);
}

void add_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--broker", options.broker,
                 "tcp://HOST:PORT of the broker's worker port; default: from broker.json");
  app.add_option("--name", options.name, "unique among the broker's workers")
      ->capture_default_str();
  app.add_option("--cpus", raw.cpus, "number of CPUs to offer, or auto")->capture_default_str();
  app.add_option("--memory", raw.memory, "memory to offer (16GiB), or auto")->capture_default_str();
  app.add_option("--gpus", options.gpus, "auto, none, or indices or UUIDs such as 0,1")
      ->capture_default_str();
  app.add_option("--nvml-library", options.nvml_library, "NVIDIA's library to ask the driver with")
      ->capture_default_str();
  app.add_option("--label", raw.labels, "KEY=VALUE, repeatable");
  app.add_option("--resource", raw.resources,
                 "NAME=AMOUNT of a resource that tasks ask for by this name, repeatable");
  app.add_option("--max-tasks", options.tasks_max,
                 "tasks at a time; 0: as many as there is room for")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--runtime", raw.runtimes,
                 "auto (the first that works of podman, docker, apptainer, singularity), one of "
                 "them, process (tools run without a container), or several joined by commas")
      ->capture_default_str();
  raw.containers.add_to(app);
  app.add_option("--scratch", options.scratch,
                 "folder for attempts and logs; default: $LANDSEER_HOME/workers/NAME");
  app.add_option("--artifacts", options.artifacts, "artifact store; default: SCRATCH/artifacts");
  app.add_option("--data", raw.data, "NAME[:VARIANT]=FOLDER of a dataset, repeatable");
  app.add_option("--datasets", raw.datasets_file,
                 "a datasets.yaml: each whose source_artifacts_dir is a folder here is offered");
  app.add_option("--images", options.images, "folder of image folders, for --runtime process");
  app.add_option("--data-bind", options.data_bind, "address where other workers fetch artifacts")
      ->capture_default_str();
  app.add_option("--data-address", options.data_address,
                 "where other workers reach it, when a tunnel is between; default: as bound");
  app.add_option("--keys", raw.keys, "folder with worker.key; default: $LANDSEER_HOME/keys");
  app.add_option("--secrets", raw.secrets,
                 "folder with a file for each secret that tools may name; default: "
                 "$LANDSEER_HOME/secrets");
  app.add_option("--artifact-mode", options.artifact_mode,
                 "local: a store of its own; shared: --artifacts is one folder for all workers")
      ->capture_default_str();
  app.add_option("--artifacts-max", raw.artifacts_max,
                 "size of the artifact store, or a share of its disk, above which the oldest "
                 "artifacts go that no pipeline needs")
      ->capture_default_str();
  app.add_option("--disk-min", raw.disk_min,
                 "with less free space in --scratch or --artifacts the worker takes no work")
      ->capture_default_str();
}

}  // namespace

std::optional<net::ClientKeys> broker_keys(const Options& options) {
  if (!options.key) return std::nullopt;
  return net::ClientKeys{options.key->broker_key, options.key->public_key, options.key->secret_key};
}

int parse_options(int argc, const char* const* argv, Options& options) {
  CLI::App app("Runs tools for a broker.", "landseer-worker");
  Raw raw;
  options.name = host_name();
  add_options(app, options, raw);
  config::add_common_options(app, options.log);
  config::add_environment(app);
  if (const int code = config::parse(app, argc, argv); code >= 0) return code;
  Error error;
  if (!complete(raw, options, error)) {
    std::cerr << "landseer-worker: " << error.to_string() << '\n';
    if (error.code == ErrorCode::kNotAllowed) return 4;
    return error.code == ErrorCode::kUnavailable ? 3 : 2;
  }
  if (auto chosen = choose_gpus(options.gpus, nullptr, {}, false); !chosen) {
    std::cerr << "landseer-worker: " << chosen.error().to_string() << '\n';
    return 2;
  }
  if (options.name.empty() || options.name.size() > protocol::kNameBytesMax ||
      strip_control(options.name, false) != options.name) {
    std::cerr << "landseer-worker: --name is empty, longer than 128 bytes or not printable\n";
    return 2;
  }
  if (options.scratch.empty()) {
    std::string folder = options.name;
    for (char& c : folder) {
      if (c == '/') c = '_';
    }
    options.scratch = config::home_folder() + "/workers/" + folder;
  }
  std::error_code bad;
  options.scratch = std::filesystem::absolute(options.scratch, bad).string();
  if (options.artifacts.empty()) options.artifacts = options.scratch + "/artifacts";
  return -1;
}

}  // namespace landseer::worker
