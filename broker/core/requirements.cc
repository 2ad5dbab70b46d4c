#include "broker/core/requirements.h"

#include <algorithm>
#include <limits>

#include "broker/core/request_text.h"
#include "common/base/units.h"

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

  bool is_short() const { return has < wants; }
  std::string sentence(const std::string& free) const {
    return "has " + text(has) + " " + what + free + ", it asks for " + text(wants);
  }
  Unmet unmet() const {
    const double gap = static_cast<double>(wants - std::max<std::int64_t>(has, 0)) /
                       static_cast<double>(std::max<std::int64_t>(wants, 1));
    return {sentence(""),
            has > 0 ? "ask for at most " + text(has) + " " + what : "ask for no " + what, gap};
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

Unmet unmet_label(const WorkerRecord& worker, const domain::LabelRule& rule) {
  const auto has = worker.offer.labels.find(rule.key);
  return {(has != worker.offer.labels.end() ? "has the label " + rule.key + "=" + has->second
                                            : "has no label " + rule.key) +
              ", it asks for " + rule_text(rule),
          "drop the label rule for " + rule.key, 1};
}

void add_datasets(const WorkerRecord& worker, const Request& request, std::vector<Unmet>& unmet) {
  if (request.dataset.empty()) return;
  const std::string name = request.dataset + (request.variant.empty() ? "" : ":" + request.variant);
  if (worker.find_dataset(request.dataset, request.variant) == nullptr) {
    unmet.push_back({"does not have the data set " + name,
                     "start a worker with --data " + name + "=FOLDER", 1});
  } else if (const std::string file = worker.missing_name(request); !file.empty()) {
    unmet.push_back(
        {"has the data set " + request.dataset + " without " + file + ", which it needs",
         "add " + file + " to its folder", 1});
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
                     "ask for another runtime", 1});
  }
  if (request.runtime == kNoopRuntime) return unmet;
  add_datasets(worker, request, unmet);
  const auto& offer = worker.offer;
  for (const Quantity& quantity :
       {Quantity{offer.cpus_milli, needs.cpus_milli, "CPUs", cpus_text},
        Quantity{static_cast<std::int64_t>(offer.memory_bytes),
                 static_cast<std::int64_t>(needs.memory_bytes), "of memory", bytes_text},
        Quantity{static_cast<std::int64_t>(offer.scratch_bytes),
                 static_cast<std::int64_t>(needs.scratch_bytes), "of scratch disk", bytes_text}}) {
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

std::vector<std::string> unmet_now(const WorkerRecord& worker, const Request& request) {
  Texts unmet;
  if (request.runtime == kNoopRuntime) return unmet;
  const auto& needs = request.resources;
  std::vector<Quantity> quantities{
      {worker.cpus_free_milli, needs.cpus_milli, "CPUs", cpus_text},
      {worker.memory_free_bytes, static_cast<std::int64_t>(needs.memory_bytes), "of memory",
       bytes_text},
      {worker.scratch_free_bytes, static_cast<std::int64_t>(needs.scratch_bytes), "of scratch disk",
       bytes_text}};
  for (const auto& [name, amount] : needs.named) {
    const auto found = worker.named_free.find(name);
    quantities.push_back({found != worker.named_free.end() ? found->second : 0,
                          static_cast<std::int64_t>(amount), name});
  }
  for (const Quantity& quantity : quantities) {
    if (quantity.is_short()) unmet.push_back(quantity.sentence(" free"));
  }
  if (needs.gpus_milli > 0 && !worker.gpus.fits(request.gpus())) {
    unmet.push_back("has " + cpus_text(worker.gpus_free_milli) + " GPUs free, it asks for " +
                    gpu_text(request));
  }
  const std::size_t tasks = worker.attempts.size() - worker.noops;
  if (worker.offer.tasks_max != 0 && tasks >= worker.offer.tasks_max) {
    unmet.push_back("runs " + std::to_string(tasks) + " tasks, at most " +
                    std::to_string(worker.offer.tasks_max) + " are allowed there");
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

std::vector<std::string> unmet_shared_now(const State& state, const Request& request) {
  Texts unmet;
  for (const auto& [name, amount] : request.shared) {
    const Quantity quantity{state.workers.shared_free().at(name), static_cast<std::int64_t>(amount),
                            name};
    if (quantity.is_short()) unmet.push_back("the broker " + quantity.sentence(" free"));
  }
  return unmet;
}

std::string impossible_text(const State& state, std::uint32_t index) {
  const Request& request = state.requests.at(index);
  const std::vector<Unmet> shared = unmet_shared_ever(state, request);
  std::vector<Unmet> nearest;
  const WorkerRecord* nearest_worker = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [id, worker] : state.workers.all()) {
    if (worker.state == WorkerState::kLost) continue;
    // After a restart of the broker: it was not heard yet.
    if (worker.offer.runtimes.empty()) return {};
    if (shared.empty() && worker.can_run(request)) return {};
    std::vector<Unmet> unmet = unmet_ever(worker, request);
    double gap = 0;
    for (const Unmet& one : unmet) gap += one.gap;
    if (gap >= least) continue;
    least = gap;
    nearest = std::move(unmet);
    nearest_worker = &worker;
  }
  if (nearest_worker == nullptr) return {};
  Texts texts;
  Texts changes;
  for (const Unmet& unmet : nearest) {
    texts.push_back(nearest_worker->offer.name + " " + unmet.text);
    changes.push_back(unmet.change);
  }
  for (const Unmet& unmet : shared) {
    texts.push_back("the broker " + unmet.text);
    changes.push_back(unmet.change);
  }
  return "no known worker can ever run what asks for " + request_text(request) +
         "; nearest: " + joined(texts, "; ") +
         ". The smallest change: " + joined(changes, ", and ");
}

}  // namespace landseer::broker
