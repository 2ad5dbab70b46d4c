#include "broker/core/requirements.h"

#include <algorithm>
#include <limits>

#include "broker/core/request_text.h"
#include "common/base/units.h"
#include "common/domain/secret_reference.h"

namespace landseer::broker {
namespace {

using Texts = std::vector<std::string>;

std::string count_text(std::int64_t count) {
  return std::to_string(std::max<std::int64_t>(count, 0));
}
std::string cpus_text(std::int64_t milli) {
  return milli_text(static_cast<std::uint64_t>(std::max<std::int64_t>(milli, 0)));
}
std::string bytes_text(std::int64_t bytes) {
  return format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

/// A quantity of which the worker has `has` and the request wants more.
struct Quantity {
  std::int64_t has = 0;
  std::int64_t wants = 0;
  std::string what;  // `CPUs`, ` of memory`
  std::string (*text)(std::int64_t) = count_text;
  std::string kind = "resource";

  bool is_short() const { return has < wants; }
  std::string sentence(const std::string& free) const {
    return "has " + text(has) + " " + what + free + ", it asks for " + text(wants);
  }
  Unmet unmet(const std::string& free = "") const {
    const double gap = static_cast<double>(wants - std::max<std::int64_t>(has, 0)) /
                       static_cast<double>(std::max<std::int64_t>(wants, 1));
    return {sentence(free),
            has > 0 ? "ask for at most " + text(has) + " " + what
                    : "ask for no " + (what.starts_with("of ") ? what.substr(3) : what),
            gap, kind};
  }
};

std::string joined(const Texts& texts, const std::string& between) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

std::string gpu_text(const Request& request) {
  std::string text = milli_text(request.resources.gpus_milli) + " GPUs";
  if (!request.resources.gpu_model.empty()) text += " of model " + request.resources.gpu_model;
  if (request.resources.gpu_memory_bytes > 0) {
    text += " with " + format_bytes(request.resources.gpu_memory_bytes);
  }
  return text;
}

/// GPUs that are there but are not what is wanted say more than their number.
Unmet unmet_gpus(const WorkerRecord& worker, const Request& request) {
  const std::uint32_t fitting = worker.gpus.count(request.gpus());
  const auto wanted = static_cast<double>(request.resources.gpus_milli) / 1000;
  Unmet unmet;
  unmet.kind = "gpus";
  Texts models;
  for (const auto& gpu : worker.offer.gpus) {
    std::string text = gpu.model;
    if (gpu.memory_bytes > 0) text += " with " + format_bytes(gpu.memory_bytes);
    if (!gpu.fault.empty()) text += ", which is out of use";
    if (std::find(models.begin(), models.end(), text) == models.end()) models.push_back(text);
  }
  const bool is_plain =
      request.resources.gpu_model.empty() && request.resources.gpu_memory_bytes == 0;
  unmet.text = "has " + std::to_string(worker.offer.gpus.size()) + " GPUs" +
               (models.empty() ? "" : " (" + joined(models, "; ") + ")") +
               (is_plain ? "" : ", " + std::to_string(fitting) + " of which would do") +
               ", it asks for " + gpu_text(request);
  unmet.change = fitting > 0 ? "ask for at most " + std::to_string(fitting) + " GPUs"
                 : worker.offer.gpus.empty() ? "ask for no GPU"
                                             : "ask for a GPU such as " + models.front();
  unmet.gap = std::max((wanted - fitting) / std::max(wanted, 1.0), 0.01);
  return unmet;
}

/// What is free may be in parts of several, or on other ones than are wanted.
Unmet unmet_gpus_now(const WorkerRecord& worker, const Request& request) {
  const auto wanted = std::int64_t{request.resources.gpus_milli};
  const bool is_enough = worker.gpus_free_milli >= wanted;
  const std::int64_t whole = worker.gpus_free_milli / 1000;
  const bool may_ask_less = !is_enough && whole > 0 && request.resources.gpu_model.empty() &&
                            request.resources.gpu_memory_bytes == 0;
  return {"has " + cpus_text(worker.gpus_free_milli) + " GPUs free" +
              (is_enough ? ", but not in one piece of the kind" : "") + ", it asks for " +
              gpu_text(request),
          may_ask_less ? "ask for at most " + std::to_string(whole) + " GPUs" : "",
          static_cast<double>(wanted - std::min(wanted - 1, worker.gpus_free_milli)) /
              static_cast<double>(wanted),
          "gpus"};
}

Unmet unmet_label(const WorkerRecord& worker, const domain::LabelRule& rule) {
  if (rule.key.starts_with(domain::kSecretLabelPrefix)) {
    const std::string name = rule.key.substr(domain::kSecretLabelPrefix.size());
    return {"does not have the secret " + name,
            "put a file " + name + " into a worker's folder of secrets, and start it again", 1,
            "secret"};
  }
  const auto has = worker.offer.labels.find(rule.key);
  return {(has != worker.offer.labels.end() ? "has the label " + rule.key + "=" + has->second
                                            : "has no label " + rule.key) +
              ", it asks for " + rule_text(rule),
          "drop the label rule for " + rule.key +
              (rule.relation == domain::LabelRelation::kOneOf
                   ? ", or start a worker with --label " + rule.key + "=" + rule.values.front()
                   : ""),
          1, "label"};
}

void add_datasets(const WorkerRecord& worker, const Request& request, std::vector<Unmet>& unmet) {
  if (request.dataset.empty()) return;
  const std::string name = request.dataset + (request.variant.empty() ? "" : ":" + request.variant);
  if (worker.find_dataset(request.dataset, request.variant) == nullptr) {
    unmet.push_back({"does not have the data set " + name,
                     "start a worker with --data " + name + "=FOLDER", 1, "dataset"});
  } else if (const std::string file = worker.missing_name(request); !file.empty()) {
    unmet.push_back(
        {"has the data set " + request.dataset + " without " + file + ", which it needs",
         "add " + file + " to its folder, and submit it anew", 1, "dataset_file"});
  }
}

}  // namespace

std::vector<Unmet> unmet_ever(const WorkerRecord& worker, const Request& request) {
  std::vector<Unmet> unmet;
  const auto& needs = request.resources;
  const auto& runtimes = worker.offer.runtimes;
  const bool offers_runtime =
      std::any_of(runtimes.begin(), runtimes.end(), [&](const std::string& runtime) {
        return request.runtime.empty() ? runtime != kNoopRuntime : runtime == request.runtime;
      });
  if (!offers_runtime) {
    const std::string wanted = request.runtime.empty() ? "any" : request.runtime;
    unmet.push_back({"offers the runtimes " + joined(runtimes, ", ") + ", it asks for " + wanted,
                     "ask for another runtime", 1, "runtime"});
  }
  if (request.runtime == kNoopRuntime) return unmet;
  add_datasets(worker, request, unmet);
  const auto& offer = worker.offer;
  for (const Quantity& quantity :
       {Quantity{offer.cpus_milli, needs.cpus_milli, "CPUs", cpus_text, "cpus"},
        Quantity{static_cast<std::int64_t>(offer.memory_bytes),
                 static_cast<std::int64_t>(needs.memory_bytes), "of memory", bytes_text, "memory"},
        Quantity{static_cast<std::int64_t>(offer.scratch_bytes),
                 static_cast<std::int64_t>(needs.scratch_bytes), "of scratch disk", bytes_text,
                 "scratch"}}) {
    if (quantity.is_short()) unmet.push_back(quantity.unmet());
  }
  if (!worker.gpus.could_serve(request.gpus())) unmet.push_back(unmet_gpus(worker, request));
  for (const domain::LabelRule& rule : needs.labels) {
    if (!worker.satisfies(rule)) unmet.push_back(unmet_label(worker, rule));
  }
  for (const auto& [name, amount] : needs.named) {
    const Quantity quantity{static_cast<std::int64_t>(worker.offered(name)),
                            static_cast<std::int64_t>(amount), name};
    if (quantity.is_short()) unmet.push_back(quantity.unmet());
  }
  return unmet;
}

std::vector<Unmet> unmet_now(const WorkerRecord& worker, const Request& request) {
  std::vector<Unmet> unmet;
  if (request.runtime == kNoopRuntime) {
    if (!worker.has_room(request, 0)) {
      unmet.push_back({"has " + std::to_string(worker.noops) + " no-op tasks, as many as it may",
                       "", 1, "noops"});
    }
    return unmet;
  }
  const auto& needs = request.resources;
  std::vector<Quantity> quantities{
      {worker.cpus_free_milli, needs.cpus_milli, "CPUs", cpus_text, "cpus"},
      {worker.memory_free_bytes, static_cast<std::int64_t>(needs.memory_bytes), "of memory",
       bytes_text, "memory"},
      {worker.scratch_free_bytes, static_cast<std::int64_t>(needs.scratch_bytes), "of scratch disk",
       bytes_text, "scratch"}};
  for (const auto& [name, amount] : needs.named) {
    const auto found = worker.named_free.find(name);
    quantities.push_back({found != worker.named_free.end() ? found->second : 0,
                          static_cast<std::int64_t>(amount), name});
  }
  for (const Quantity& quantity : quantities) {
    if (quantity.is_short()) unmet.push_back(quantity.unmet(" free"));
  }
  if (needs.gpus_milli > 0 && !worker.gpus.fits(request.gpus())) {
    unmet.push_back(unmet_gpus_now(worker, request));
  }
  const std::size_t tasks = worker.attempts.size() - worker.noops;
  if (worker.offer.tasks_max != 0 && tasks >= worker.offer.tasks_max) {
    unmet.push_back({"runs " + std::to_string(tasks) + " tasks, at most " +
                         std::to_string(worker.offer.tasks_max) + " are allowed there",
                     "", 1, "tasks_max"});
  }
  return unmet;
}

std::vector<Unmet> unmet_shared_ever(const State& state, const Request& request) {
  std::vector<Unmet> unmet;
  for (const auto& [name, amount] : request.shared) {
    const auto has = state.requests.shared().find(name);
    const Quantity quantity{
        has != state.requests.shared().end() ? static_cast<std::int64_t>(has->second) : 0,
        static_cast<std::int64_t>(amount), name};
    if (quantity.is_short()) unmet.push_back(quantity.unmet());
  }
  return unmet;
}

std::vector<Unmet> unmet_shared_now(const State& state, const Request& request) {
  std::vector<Unmet> unmet;
  for (const auto& [name, amount] : request.shared) {
    const Quantity quantity{state.workers.shared_free().at(name), static_cast<std::int64_t>(amount),
                            name};
    if (quantity.is_short()) unmet.push_back(quantity.unmet(" free"));
  }
  return unmet;
}

namespace {

/// Who comes nearest to a request that nobody can ever run, and by what it fails.
struct Nearest {
  const WorkerRecord* worker = nullptr;  // null: it is not so, or nobody knows
  std::vector<Unmet> unmet;
  std::vector<Unmet> shared;  // of the broker's
};

Nearest find_nearest(const State& state, const Request& request) {
  Nearest nearest;
  nearest.shared = unmet_shared_ever(state, request);
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [id, worker] : state.workers.all()) {
    if (worker.state == WorkerState::kLost) continue;
    // After a restart of the broker: it was not heard yet.
    if (worker.offer.runtimes.empty()) return {};
    if (nearest.shared.empty() && worker.can_run(request)) return {};
    std::vector<Unmet> unmet = unmet_ever(worker, request);
    double gap = 0;
    for (const Unmet& one : unmet) gap += one.gap;
    if (gap >= least) continue;
    least = gap;
    nearest.unmet = std::move(unmet);
    nearest.worker = &worker;
  }
  return nearest;
}

std::string change_text(const Nearest& nearest) {
  Texts changes;
  for (const Unmet& unmet : nearest.unmet) changes.push_back(unmet.change);
  for (const Unmet& unmet : nearest.shared) changes.push_back(unmet.change);
  return joined(changes, ", and ");
}

}  // namespace

std::string impossible_text(const State& state, std::uint32_t index) {
  const Request& request = state.requests.at(index);
  const Nearest nearest = find_nearest(state, request);
  if (nearest.worker == nullptr) return {};
  Texts texts;
  for (const Unmet& unmet : nearest.unmet) {
    texts.push_back(nearest.worker->offer.name + " " + unmet.text);
  }
  for (const Unmet& unmet : nearest.shared) texts.push_back("the broker " + unmet.text);
  return "no known worker can ever run what asks for " + request_text(request) +
         "; nearest: " + joined(texts, "; ") + ". The smallest change: " + change_text(nearest);
}

std::string smallest_change(const State& state, std::uint32_t request) {
  return change_text(find_nearest(state, state.requests.at(request)));
}

}  // namespace landseer::broker
