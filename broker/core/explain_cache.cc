#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "broker/core/explain.h"
#include "broker/core/rights.h"
#include "common/domain/task_key.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using Ingredients = std::map<std::string, std::string>;

/// Earlier tasks of the same tool that are compared, the newest first: a millisecond's worth.
constexpr std::size_t kCandidatesMax = 1000;
/// Tasks looked at to find them.
constexpr std::size_t kLooksMax = 20'000;
constexpr std::size_t kDifferencesMax = 64;
constexpr std::size_t kValueBytesMax = 512;

std::string key_text(const PipelineRecord& record, const domain::Task& task) {
  return domain::key_ingredients(*task.tool, task.config.view(), *task.options, record.key_context,
                                 {});
}

/// Flat: `config/epochs` to `10`. Without the dependencies, which are compared as tasks.
Ingredients ingredients(const PipelineRecord& record, const domain::Task& task) {
  Ingredients flat;
  auto json = nlohmann::json::parse(key_text(record, task), nullptr, false);
  if (!json.is_object()) return flat;
  json.erase("dependencies");
  const nlohmann::json paths = json.flatten();
  for (const auto& [path, value] : paths.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.size() > kValueBytesMax) text.resize(kValueBytesMax);
    flat[path.substr(1)] = std::move(text);
  }
  return flat;
}

void add(protocol::Explanation& out, std::string what, std::string here, std::string there) {
  if (out.differences.size() >= kDifferencesMax) return;
  out.differences.push_back({std::move(what), std::move(here), std::move(there)});
}

void add_differences(const FoundTask& here, const FoundTask& there, protocol::Explanation& out) {
  const Ingredients ours = ingredients(*here.record, *here.task);
  Ingredients theirs = ingredients(*there.record, *there.task);
  for (const auto& [name, value] : ours) {
    const auto other = theirs.find(name);
    if (other == theirs.end()) {
      add(out, name, value, "");
    } else if (other->second != value) {
      add(out, name, value, other->second);
    }
    if (other != theirs.end()) theirs.erase(other);
  }
  for (const auto& [name, value] : theirs) add(out, name, "", value);
}

std::string hex(const Digest& digest) { return digest.empty() ? "" : digest.hex(); }

/// Names of the tools above, oldest first: where in the combination a task stands.
std::string chain_of(const PipelineRecord& record, const domain::Task& task) {
  std::string text;
  for (const TaskId id : record.ancestors(task)) {
    text += record.scheduler->find_task(id)->tool->name + "\n";
  }
  return text;
}

/// Smaller: more alike. Equal keys first; then the same place in the combination; then few
/// ingredients that differ.
auto distance(const FoundTask& here, const FoundTask& there, const std::string& chain) {
  const domain::Task& a = *here.task;
  const domain::Task& b = *there.task;
  const int own = (a.tool->container == b.tool->container ? 0 : 1) +
                  (a.config.view() == b.config.view() ? 0 : 1) +
                  (a.options->env == b.options->env ? 0 : 1) + (a.type == b.type ? 0 : 4);
  const bool same_place = chain_of(*there.record, b) == chain;
  return std::tuple{a.key != b.key, !same_place, own, -static_cast<std::int64_t>(number(b.id))};
}

std::optional<FoundTask> most_alike(const State& state, const FoundTask& found,
                                    const Caller& caller) {
  std::optional<FoundTask> best;
  const std::string chain = chain_of(*found.record, *found.task);
  std::size_t candidates = 0;
  std::size_t looks = 0;
  const auto& all = state.pipelines.all();
  for (auto it = std::make_reverse_iterator(all.lower_bound(found.record->id())); it != all.rend();
       ++it) {
    // What is another owner's is nobody else's business, commands and environments above all.
    if (!sees(caller, *it->second)) continue;
    for (const domain::TaskPtr& task : it->second->pipeline->tasks) {
      if (++looks > kLooksMax || candidates >= kCandidatesMax) return best;
      if (task->tool->name != found.task->tool->name) continue;
      ++candidates;
      const FoundTask other{it->second.get(), task};
      if (!best || distance(found, other, chain) < distance(found, *best, chain)) best = other;
    }
  }
  return best;
}

/// The dependency of `there` that stands where `id` stands above `here`.
std::optional<FoundTask> counterpart(const FoundTask& above, const FoundTask& there) {
  for (const TaskId id : there.task->dependencies) {
    const domain::TaskPtr other = there.record->scheduler->find_task(id);
    if (other->tool->name == above.task->tool->name) return FoundTask{there.record, other};
  }
  return std::nullopt;
}

/// Up from a pair with different keys to the first pair that differs by itself.
std::pair<FoundTask, FoundTask> origin(FoundTask here, FoundTask there) {
  for (;;) {
    bool moved = false;
    for (const TaskId id : here.task->dependencies) {
      const FoundTask above{here.record, here.record->scheduler->find_task(id)};
      const auto other = counterpart(above, there);
      if (!other || other->task->key == above.task->key) continue;
      here = above;
      there = *other;
      moved = true;
      break;
    }
    if (!moved) return {here, there};
  }
}

/// Equal keys: it was something that the key does not say.
void explain_equal_key(const State& state, const FoundTask& here, const FoundTask& there,
                       protocol::Explanation& out) {
  if (!here.record->use_cache) return;
  if (there.task->status != TaskStatus::kCompleted) {
    out.reasons.push_back(to_string(there.task->id) + " has the same key, but is " +
                          std::string(to_string(there.task->status)));
    return;
  }
  const TaskRun* theirs = there.record->find_run(there.task->id);
  if (theirs == nullptr) return;
  const TaskRun* ours = here.record->find_run(here.task->id);
  const Digest image = ours != nullptr && !ours->image_content.empty()
                           ? ours->image_content
                           : here.record->image_content(*here.task);
  const Digest& dataset = here.record->dataset_content;
  const Digest inputs = ours != nullptr ? ours->inputs : here.record->inputs_of(*here.task);
  if (image != theirs->image_content) {
    add(out, "image content", hex(image), hex(theirs->image_content));
  }
  if (dataset != theirs->dataset_content) {
    add(out, "data set content", hex(dataset), hex(theirs->dataset_content));
  }
  if (inputs != theirs->inputs) add(out, "inputs", hex(inputs), hex(theirs->inputs));
  out.differs_at = out.differences.empty() ? TaskId{} : here.task->id;
  if (!theirs->artifact.empty() && state.artifacts.holders(theirs->artifact).empty()) {
    out.reasons.push_back("the artifact of " + to_string(there.task->id) +
                          ", which has the same key, is on no worker any more");
  }
}

}  // namespace

void explain_miss(const State& state, const FoundTask& found, const Caller& caller,
                  protocol::Explanation& out) {
  if (!found.record->use_cache) {
    out.reasons.push_back(to_string(found.record->id()) +
                          " was submitted with --no-cache: it shares nothing");
  }
  const auto alike = most_alike(state, found, caller);
  if (!alike) {
    out.reasons.push_back("no earlier pipeline that is kept has a task of this tool");
    return;
  }
  out.compared_with = alike->task->id;
  if (alike->task->key == found.task->key) {
    explain_equal_key(state, found, *alike, out);
    return;
  }
  const auto [here, there] = origin(found, *alike);
  out.differs_at = here.task->id;
  add_differences(here, there, out);
  if (out.differences.empty()) {
    add(out, "dependencies", std::to_string(here.task->dependencies.size()) + " tasks above it",
        std::to_string(there.task->dependencies.size()) + ", others");
  }
}

}  // namespace landseer::broker
