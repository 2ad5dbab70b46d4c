/// What names of images and data sets stand for, and who must have the same.
#include <algorithm>

#include "broker/core/reuse.h"

namespace landseer::broker {
namespace {

/// Needs an image: everything but the built-in runtime.
bool has_image(const domain::Task& task) {
  return !task.tool->container.image.empty() &&
         task.tool->container.runtime.value_or("") != kNoopRuntime;
}

/// Unknown is no contradiction: the worker will fetch it.
bool compatible(const Digest& bound, const Digest& here) {
  return bound.empty() || here.empty() || bound == here;
}

std::string short_hex(const Digest& digest) { return digest.hex().substr(0, 12); }

}  // namespace

void Reuse::bind_contents(PipelineRecord& record, const Now& now, Outbox& out) {
  std::set<std::string> wanted;
  const domain::ToolDefinition* previous = nullptr;
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    if (task->tool.get() == previous) continue;
    previous = task->tool.get();
    if (has_image(*task) && record.image_content(*task).empty()) {
      wanted.insert(task->tool->container.image);
    }
  }
  const auto& dataset = record.pipeline->dataset;
  Digest content = record.dataset_content;
  for (const auto& [id, worker] : state_.workers.all()) {
    if (worker.state != WorkerState::kConnected) continue;
    for (auto it = wanted.begin(); it != wanted.end();) {
      const Digest offered = worker.image_content(*it);
      if (offered.empty()) {
        ++it;
        continue;
      }
      ledger_.commit(ContentBound{record.id(), *it, offered}, now, out);
      it = wanted.erase(it);
    }
    if (dataset.name.empty() || !content.empty()) continue;
    content = worker.dataset_content(dataset.name, dataset.variant);
    if (!content.empty()) ledger_.commit(ContentBound{record.id(), "", content}, now, out);
  }
}

/// The pipeline means what `run` was made with, if it is not bound yet.
void Reuse::bind_like(PipelineRecord& record, const domain::Task& task, const TaskRun& run,
                      const Now& now, Outbox& out) {
  if (!run.image_content.empty() && record.image_content(task).empty()) {
    const std::string& image = task.tool->container.image;
    ledger_.commit(ContentBound{record.id(), image, run.image_content}, now, out);
  }
  if (!run.dataset_content.empty() && record.dataset_content.empty()) {
    ledger_.commit(ContentBound{record.id(), "", run.dataset_content}, now, out);
  }
}

void Reuse::bind_to(const FoundTask& found, const WorkerRecord& worker, const Now& now,
                    Outbox& out) {
  const auto& dataset = found.record->pipeline->dataset;
  TaskRun here;
  if (has_image(*found.task)) {
    here.image_content = worker.image_content(found.task->tool->container.image);
  }
  if (!dataset.name.empty()) {
    here.dataset_content = worker.dataset_content(dataset.name, dataset.variant);
  }
  bind_like(*found.record, *found.task, here, now, out);
}

bool Reuse::has_contents(const PipelineRecord& record, const domain::Task& task,
                         const WorkerRecord& worker) const {
  const auto& dataset = record.pipeline->dataset;
  if (task.tool->container.runtime.value_or("") == kNoopRuntime) return true;
  if (!dataset.name.empty()) {
    const Digest here = worker.dataset_content(dataset.name, dataset.variant);
    const Digest& bound = record.dataset_content;
    if (here.empty() || (!bound.empty() && here != bound)) return false;
  }
  if (!has_image(task)) return true;
  return compatible(record.image_content(task), worker.image_content(task.tool->container.image));
}

std::string Reuse::contradiction(const PipelineRecord& record, const domain::Task& task,
                                 const WorkerRecord& worker) const {
  if (has_contents(record, task, worker)) return {};
  const auto& dataset = record.pipeline->dataset;
  const auto other = [](const std::string& what, const Digest& here, const Digest& bound) {
    return "has another " + what + " (" + short_hex(here) + ") than the pipeline began with (" +
           short_hex(bound) + ")";
  };
  const Digest data = worker.dataset_content(dataset.name, dataset.variant);
  if (!dataset.name.empty() && data.empty()) {
    return "has not read its data set " + dataset.name + " yet";
  }
  if (!dataset.name.empty() && !compatible(record.dataset_content, data)) {
    return other("data set " + dataset.name, data, record.dataset_content);
  }
  const std::string& image = task.tool->container.image;
  return other("image " + image, worker.image_content(image), record.image_content(task));
}

void Reuse::bind_by_worker(const WorkerRecord& worker, const Now& now, Outbox& out) {
  protocol::Stop stop{worker.session, {}};
  for (const auto& [id, attempt] : worker.attempts) {
    const auto found = *state_.pipelines.find_task(id);
    if (!has_image(*found.task)) continue;
    const std::string& image = found.task->tool->container.image;
    const Digest offered = worker.image_content(image);
    const Digest bound = found.record->image_content(*found.task);
    if (offered.empty() || offered == bound) continue;
    if (bound.empty()) {
      ledger_.commit(ContentBound{found.record->id(), image, offered}, now, out);
    } else {
      stop.attempts.push_back(attempt);
    }
  }
  if (!stop.attempts.empty()) out.to_workers.push_back({worker.peer, std::move(stop)});
}

std::string Reuse::bind_by_result(const FoundTask& found, const protocol::AttemptResult& result,
                                  const Now& now, Outbox& out) {
  if (!has_image(*found.task)) return {};
  PipelineRecord& record = *found.record;
  const std::string& image = found.task->tool->container.image;
  const Digest bound = record.image_content(*found.task);
  if (!bound.empty() && bound != result.image_content) {
    return "the image " + image + " is " + short_hex(result.image_content) +
           " on this worker, but the pipeline began with " + short_hex(bound);
  }
  const Digest data = record.dataset_content;
  if (!data.empty() && !result.dataset_content.empty() && data != result.dataset_content) {
    return "the data set " + record.pipeline->dataset.name + " is " +
           short_hex(result.dataset_content) + " on this worker, but the pipeline began with " +
           short_hex(data);
  }
  TaskRun made;
  made.image_content = result.image_content;
  made.dataset_content = result.dataset_content;
  bind_like(record, *found.task, made, now, out);
  return {};
}

}  // namespace landseer::broker
