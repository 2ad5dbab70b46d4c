/// What a worker is told of the attempts it gets.
#include <algorithm>

#include "broker/core/placement.h"
#include "common/protocol/fetch_pass.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// Far below the frame limit, so that one message never has to be taken apart again.
constexpr std::size_t kAssignBytesMax = 512 * 1024;
/// What it costs to tell a worker of a tool that it was told nothing of in this pass, in looks.
constexpr std::uint64_t kLooksPerSpec = 43;

/// About what a spec takes on the wire.
std::size_t spec_bytes(const domain::Task& task) {
  const domain::TaskOptions& options = *task.options;
  std::size_t bytes = 256 + task.tool->name.size() + task.tool->container.image.size() +
                      task.tool->container.command.size() + options.env.size();
  for (const auto* list :
       {&options.required_artifacts, &options.artifact_roots, &options.metrics}) {
    for (const std::string& text : *list) bytes += 8 + text.size();
  }
  return bytes;
}

protocol::WorkSpec spec_of(const PipelineRecord& record, const domain::Task& task,
                           const Request& request) {
  const domain::TaskOptions& options = *task.options;
  const domain::ContainerConfig& container = task.tool->container;
  protocol::WorkSpec spec;
  spec.tool = task.tool->name;
  spec.image = container.image;
  spec.command = container.command;
  spec.runtime = container.runtime.value_or("");
  spec.type = static_cast<std::uint8_t>(task.type);
  spec.env = options.env;
  spec.timeout_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
  spec.cpus_milli = options.resources.cpus_milli;
  spec.gpus_milli = options.resources.gpus_milli;
  spec.memory_bytes = options.resources.memory_bytes;
  spec.gpu_memory_bytes = options.resources.gpu_memory_bytes;
  spec.gpu_model = options.resources.gpu_model;
  spec.scratch_bytes = options.resources.scratch_bytes;
  for (const auto& [name, amount] : request.resources.named) spec.named.push_back({name, amount});
  spec.network = options.network;
  spec.required_artifacts = options.required_artifacts;
  spec.artifact_roots = options.artifact_roots;
  spec.metrics = options.metrics;
  spec.dataset_name = record.pipeline->dataset.name;
  spec.dataset_variant = record.pipeline->dataset.variant;
  spec.model_script = record.key_context.model_script;
  spec.image_content = record.image_content(task);
  spec.dataset_content = record.dataset_content;
  return spec;
}

}  // namespace

/// False if an input cannot be had now: then the task is not ready any more. Its producer was made
/// to run again, or, while a worker that has the input may come back within its lease, it waits.
bool Placement::gather_inputs(const FoundTask& found, const WorkerRecord& worker,
                              std::vector<protocol::InputArtifact>& inputs, const Now& now,
                              Outbox& out) {
  for (const TaskId id : found.record->ancestors(*found.task)) {
    const domain::TaskPtr ancestor = found.record->scheduler->find_task(id);
    const TaskRun* run = found.record->find_run(id);
    if (ancestor->status != domain::TaskStatus::kCompleted && is_terminal(ancestor->status)) {
      lifecycle_.fail_for_input(found, *ancestor, now, out);
      return false;
    }
    if (ancestor->status != domain::TaskStatus::kCompleted) {
      // Running again, for another consumer; this one must wait for it too.
      lifecycle_.rerun_producer({found.record, ancestor}, found, now, out);
      return false;
    }
    if (run == nullptr || run->artifact.empty()) continue;
    protocol::InputArtifact input{run->artifact, {}};
    bool here = false;
    bool may_come_back = false;
    for (const WorkerId holder_id : state_.artifacts.holders(run->artifact)) {
      const WorkerRecord* known = state_.workers.find(holder_id);
      if (known == nullptr) continue;  // forgotten
      const WorkerRecord& holder = *known;
      here = here || holder_id == worker.id || share_store(holder, worker);
      if (holder.session != 0 && holder.state == WorkerState::kConnected) {
        if (holder_id != worker.id) add_source(input, holder, worker, now);
      } else if (holder.state != WorkerState::kLost) {
        may_come_back = true;
      }
    }
    if (!here && input.sources.empty()) {
      if (may_come_back) {
        lifecycle_.wait_for_input(found, now);
      } else {
        lifecycle_.rerun_producer({found.record, ancestor}, found, now, out);
      }
      return false;
    }
    inputs.push_back(std::move(input));
  }
  return true;
}

/// With what the holder's data port asks for, if it asks for something.
void Placement::add_source(protocol::InputArtifact& input, const WorkerRecord& holder,
                           const WorkerRecord& fetcher, const Now& now) {
  input.sources.push_back(holder.offer.data_address);
  if (holder.offer.fetch_secret.empty() || fetcher.public_key.empty()) return;
  input.passes.resize(input.sources.size());
  input.passes.back() = {holder.public_key,
                         protocol::make_fetch_pass(holder.offer.fetch_secret,
                                                   {input.artifact, fetcher.public_key}, now.wall)};
}

protocol::InputArtifact Placement::checkpoint_for(const TaskRun& run, const WorkerRecord& worker,
                                                  const Now& now) const {
  protocol::InputArtifact checkpoint{run.checkpoint, {}};
  for (const WorkerId id : state_.artifacts.holders(run.checkpoint)) {
    const WorkerRecord* holder = state_.workers.find(id);
    if (holder == nullptr || holder->session == 0 || id == worker.id) continue;
    add_source(checkpoint, *holder, worker, now);
  }
  return checkpoint;
}

void Placement::draft(const FoundTask& found, WorkerRecord& worker,
                      std::vector<protocol::InputArtifact> inputs, const Now& now, Outbox& out) {
  Draft& draft = drafts_[worker.id];
  const domain::Task& task = *found.task;
  const auto key = std::pair<const void*, const void*>(task.tool, task.options);
  const auto [spec, added] =
      draft.specs.emplace(key, static_cast<std::uint32_t>(draft.message.specs.size()));
  if (added) {
    looks_ += kLooksPerSpec;
    draft.bytes += spec_bytes(task);
    draft.message.specs.push_back(spec_of(*found.record, task, state_.requests.at(task.request)));
  }
  draft.bytes += 64 + task.config.view().size();
  for (const auto& input : inputs) {
    draft.bytes += 40;
    for (const std::string& source : input.sources) draft.bytes += 8 + source.size();
    draft.bytes += 96 * input.passes.size();
  }
  draft.message.attempts.push_back({task.id, worker.attempts.at(task.id).attempt,
                                    found.record->id(), spec->second,
                                    std::string(task.config.view()), std::move(inputs),
                                    checkpoint_for(*found.record->find_run(task.id), worker, now)});
  if (draft.message.attempts.size() >= protocol::kBatchMax || draft.bytes >= kAssignBytesMax) {
    flush(worker.id, draft, out);
  }
}

void Placement::flush(WorkerId id, Draft& draft, Outbox& out) {
  if (draft.message.attempts.empty()) return;
  const WorkerRecord& worker = *state_.workers.find(id);
  draft.message.session = worker.session;
  draft.message.epoch = state_.settings.epoch;
  out.to_workers.push_back({worker.peer, std::move(draft.message)});
  draft = Draft{};
}

}  // namespace landseer::broker
