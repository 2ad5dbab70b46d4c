/// What names of images and data sets stand for, and who must have the same.
#include <algorithm>

#include "broker/core/reuse.h"

namespace landseer::broker {
namespace {

std::string short_hex(const Digest& digest) { return digest.hex().substr(0, 12); }

}  // namespace

Reuse::ImageMeaning Reuse::meaning_of(const PipelineRecord& record,
                                      const domain::Task& task) const {
  ImageMeaning meaning{record.image_content(task), false};
  if (!has_image(task) || !meaning.content.empty()) return meaning;
  const std::string& image = task.tool->container.image;
  for (const WorkerId id : state_.workers.with_image(image)) {
    const WorkerRecord& worker = *state_.workers.find(id);
    if (worker.state != WorkerState::kConnected) continue;
    const Digest offered = worker.image_content(image);
    const bool differs = !offered.empty() && !meaning.content.empty() && offered != meaning.content;
    const bool is_late = worker.unchecked != 0 && !offered.empty();
    if (worker.doubts(image) || is_late || differs) return {Digest{}, true};
    if (meaning.content.empty()) meaning.content = offered;
  }
  return meaning;
}

/// The pipeline is bound to nothing yet, and a worker has the data set that reads it anew just now,
/// or may be out of date. Then no result of before is what it means.
bool Reuse::is_dataset_doubtful(const PipelineRecord& record) const {
  const auto& dataset = record.pipeline->dataset;
  if (dataset.name.empty() || !record.dataset_content.empty()) return false;
  const auto& workers = state_.workers.with_dataset(dataset.name);
  return std::any_of(workers.begin(), workers.end(), [&](WorkerId id) {
    const WorkerRecord& worker = *state_.workers.find(id);
    if (worker.state != WorkerState::kConnected) return false;
    const auto* offered = worker.find_dataset(dataset.name, dataset.variant);
    return offered != nullptr && (worker.unchecked != 0 || offered->content.empty());
  });
}

void Reuse::bind_contents(PipelineRecord& record, const Now& now, Outbox& out) {
  std::set<std::string> looked_at;
  const domain::ToolDefinition* previous = nullptr;
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    if (task->tool == previous) continue;
    previous = task->tool;
    const std::string& image = task->tool->container.image;
    if (!has_image(*task) || !record.image_content(*task).empty()) continue;
    if (!looked_at.insert(image).second) continue;
    const Digest content = meaning_of(record, *task).content;
    if (!content.empty()) ledger_.commit(ContentBound{record.id(), image, content}, now, out);
  }
  bind_dataset(record, now, out);
}

/// To what the first worker has that is sure of it.
void Reuse::bind_dataset(PipelineRecord& record, const Now& now, Outbox& out) {
  const auto& dataset = record.pipeline->dataset;
  if (dataset.name.empty() || !record.dataset_content.empty()) return;
  for (const WorkerId id : state_.workers.with_dataset(dataset.name)) {
    const WorkerRecord& worker = *state_.workers.find(id);
    if (worker.state != WorkerState::kConnected || worker.unchecked != 0) continue;
    const Digest content = worker.dataset_content(dataset.name, dataset.variant);
    if (content.empty()) continue;
    ledger_.commit(ContentBound{record.id(), "", content}, now, out);
    return;
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

bool Reuse::bind_to(const FoundTask& found, const WorkerRecord& worker, const Now& now,
                    Outbox& out) {
  const bool was_bound = !found.record->image_content(*found.task).empty();
  const auto& dataset = found.record->pipeline->dataset;
  const bool knew_dataset = dataset.name.empty() || !found.record->dataset_content.empty();
  TaskRun here;
  if (has_image(*found.task)) {
    const std::string& image = found.task->tool->container.image;
    here.image_content = worker.image_content(image);
    // It has none yet, and is to get what others have, if they differ the first one's.
    for (const WorkerId id : state_.workers.with_image(image)) {
      if (was_bound || !here.image_content.empty()) break;
      const WorkerRecord& other = *state_.workers.find(id);
      if (other.state != WorkerState::kConnected || other.unchecked != 0) continue;
      here.image_content = other.image_content(image);
    }
  }
  if (!dataset.name.empty()) {
    here.dataset_content = worker.dataset_content(dataset.name, dataset.variant);
  }
  bind_like(*found.record, *found.task, here, now, out);
  // While workers differed, or one looked at what it has, no result of before was taken.
  const bool knows_more = (!was_bound && !here.image_content.empty()) ||
                          (!knew_dataset && !here.dataset_content.empty());
  return knows_more && settle(found, now, out);
}

void Reuse::bind_heir(const FoundTask& leader, TaskId heir, const Now& now, Outbox& out) {
  const auto to = *state_.pipelines.find_task(heir);
  TaskRun begun;
  begun.image_content = leader.record->image_content(*leader.task);
  begun.dataset_content = leader.record->dataset_content;
  bind_like(*to.record, *to.task, begun, now, out);
}

bool Reuse::has_contents(const PipelineRecord& record, const domain::Task& task,
                         const WorkerRecord& worker) const {
  const auto& dataset = record.pipeline->dataset;
  if (task.tool->container.runtime.value_or("") == kNoopRuntime) return true;
  if (!dataset.name.empty()) {
    const Digest here = worker.dataset_content(dataset.name, dataset.variant);
    const Digest& bound = record.dataset_content;
    if (here.empty() || (bound.empty() ? worker.unchecked != 0 : here != bound)) return false;
  }
  if (!has_image(task)) return true;
  const std::string& image = task.tool->container.image;
  const Digest bound = record.image_content(task);
  if (bound.empty() && worker.unchecked != 0 && !worker.image_content(image).empty()) return false;
  return worker.can_run(image, bound);
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
  if (!dataset.name.empty() && !record.dataset_content.empty() && record.dataset_content != data) {
    return other("data set " + dataset.name, data, record.dataset_content);
  }
  const std::string& image = task.tool->container.image;
  if (worker.unchecked != 0) return "takes long to look whether what it has is still the same";
  if (worker.doubts(image)) return "looks at its image " + image + ", which changed just now";
  return other("image " + image, worker.image_content(image), record.image_content(task));
}

/// What runs goes on also if its image is another by now: it began with the right one, and its
/// result says with which.
void Reuse::bind_by_worker(const WorkerRecord& worker, const Now& now, Outbox& out) {
  if (worker.unchecked != 0) return;
  for (const auto& [id, attempt] : worker.attempts) {
    const auto found = *state_.pipelines.find_task(id);
    if (!has_image(*found.task)) continue;
    const std::string& image = found.task->tool->container.image;
    const Digest offered = worker.image_content(image);
    if (offered.empty() || !found.record->image_content(*found.task).empty()) continue;
    ledger_.commit(ContentBound{found.record->id(), image, offered}, now, out);
  }
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
