// What really ran, what peers were told, and whether the one agrees with the other.
#include <algorithm>

#include "tests/simulation/model.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using domain::TaskStatus;
using protocol::Outcome;

void Model::prepared(const protocol::AttemptRef& key, const Contents& used) {
  attempt(key).used = used;
}

void Model::tool_started(const ToolStart& start) {
  AttemptModel& run = attempt(start.key);
  const TaskModel& owner = task(start.key.task);
  if (world_.workload.work_of(owner.place) != start.place) {
    throw Violation(name(start.key) + " runs the work of another task");
  }
  if (run.ran) throw Violation(name(start.key) + " is run twice");
  if (run.host != start.host) {
    throw Violation(name(start.key) + " runs on host " + std::to_string(start.host) +
                    ", but was assigned to host " + std::to_string(run.host));
  }
  for (const auto& [other_task, other_attempt] : present_) {
    const AttemptModel& other = tasks_[number(other_task) - 1].attempts[other_attempt - 1];
    if (other.served != run.served) continue;
    if (!other.frozen) {
      throw Violation(name(start.key) + " starts on host " + std::to_string(start.host) +
                      " while " + name(other.key) + " still runs on host " +
                      std::to_string(other.host));
    }
  }
  run.ran = true;
  run.present = true;
  run.started = world_.kernel.now();
  run.cpus_milli = start.cpus_milli;
  run.gpus = start.gpus;
  run.gpu_milli_each = std::min(start.gpus_milli, 1000u);
  present_.emplace_back(start.key.task, start.key.attempt);
  ++world_.kernel.counters.runs;
  check_capacity(start.host);
  world_.kernel.note(20, start.host, number(start.key.task), start.key.attempt);
}

/// Processes that are not gone yet count: a GPU is not free before they are.
void Model::check_capacity(std::uint32_t host) const {
  std::uint32_t cpus = 0;
  std::array<std::uint32_t, 8> gpus{};
  for (const auto& [id, index] : present_) {
    const AttemptModel& run = tasks_[number(id) - 1].attempts[index - 1];
    if (run.host != host) continue;
    cpus += run.cpus_milli;
    for (const std::uint32_t gpu : run.gpus) gpus[gpu] += run.gpu_milli_each;
  }
  if (cpus > world_.plan.cpus * 1000) {
    throw Violation("host " + std::to_string(host) + " runs tools for " + std::to_string(cpus) +
                    " milli-CPUs, more than it has");
  }
  for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu) {
    if (gpus[gpu] > 1000) {
      throw Violation("GPU " + std::to_string(gpu) + " of host " + std::to_string(host) +
                      " is given to more than it can serve");
    }
  }
}

void Model::tool_ended(const protocol::AttemptRef& key, ProcessEnd end) {
  attempt(key).end = end;
  if (end != ProcessEnd::kZero) ++world_.kernel.counters.bad_runs;
}

void Model::tool_captured(const protocol::AttemptRef& key) { attempt(key).captured = true; }

void Model::tool_gone(const protocol::AttemptRef& key) {
  attempt(key).present = false;
  std::erase(present_, std::pair{key.task, key.attempt});
  world_.kernel.note(21, number(key.task), key.attempt);
}

void Model::host_frozen(std::uint32_t host) {
  for (const auto& [id, index] : present_) {
    AttemptModel& run = tasks_[number(id) - 1].attempts[index - 1];
    if (run.host == host) run.frozen = true;
  }
}

void Model::host_gone(std::uint32_t host) {
  std::erase_if(present_, [&](const auto& entry) {
    AttemptModel& run = tasks_[number(entry.first) - 1].attempts[entry.second - 1];
    if (run.host != host) return false;
    run.present = false;
    return true;
  });
}

void Model::trouble(std::uint32_t host, Duration length) {
  Trouble& known = troubles_[host];
  const Instant now = world_.kernel.now();
  if (now - known.end > world_.plan.lease) known.sum = Duration{};
  known.sum += length;
  known.end = std::max(known.end, now + length);
}

/// A short interruption must not stop a tool: promise C5.
void Model::lease_over(std::uint32_t host, bool any_tool) {
  const NetworkRates& network = world_.plan.network;
  const bool is_lossy =
      network.loss > 0 || network.full > 0 || network.garbled > 0 || network.reorders;
  if (!any_tool || is_lossy || world_.plan.lease < std::chrono::seconds(20)) return;
  const Trouble& known = troubles_[host];
  const Duration may_last = (world_.plan.lease - world_.plan.margin()) / 100 * 98;
  if (world_.kernel.now() - known.end < world_.plan.lease && known.sum > may_last / 2) return;
  throw Violation("host " + std::to_string(host) +
                  " stops its tools for the end of the lease, though little was in the way of "
                  "renewing it");
}

/// The records may say only what really happened.
void Model::check_outcome(const TaskModel& owner, const AttemptModel& run,
                          const protocol::AttemptResult& result) const {
  const TaskFate& fate = world_.workload.fate(owner.place);
  const std::string who = to_string(result.task) + ", attempt " + std::to_string(result.attempt);
  if (run.present && !run.frozen) {
    throw Violation(who + " is over by the records (" + std::string(to_string(result.outcome)) +
                    "), but its processes still run on host " + std::to_string(run.host));
  }
  switch (result.outcome) {
    case Outcome::kSucceeded: {
      if (fate.noop) break;
      if (result.evaluation_skipped && fate.unmet_requirement && !run.ran) break;
      if (run.end != ProcessEnd::kZero || !run.captured) {
        throw Violation(who + " succeeded by the records, but not in truth");
      }
      if (result.artifact !=
          world_.workload.artifact(world_.workload.work_of(owner.place), run.key)) {
        throw Violation(who + " is recorded with an artifact that it did not make");
      }
      if (result.metrics != world_.workload.metrics(world_.workload.work_of(owner.place))) {
        throw Violation(who + " is recorded with metrics that it did not report");
      }
      break;
    }
    case Outcome::kExitCode:
      if (run.end != ProcessEnd::kExitCode &&
          !(run.end == ProcessEnd::kZero && fate.unfit_output)) {
        throw Violation(who + " failed by the records, but not in truth");
      }
      break;
    case Outcome::kSignal:
      if (run.end != ProcessEnd::kSignal) {
        throw Violation(who + " was killed by a signal by the records, but not in truth");
      }
      break;
    case Outcome::kTimeout:
      if (!run.ran || world_.kernel.now() - run.started < world_.plan.timeout / 100 * 97) {
        throw Violation(who + " was stopped for its time limit too early");
      }
      break;
    case Outcome::kWorkerLost: {
      if (result.reason.find("came back without") != std::string::npos) break;
      broker::Settings settings;
      settings.lease = world_.plan.lease;
      if (world_.kernel.now() - heard_[run.worker] < settings.loss() / 100 * 97) {
        throw Violation(
            who + " is lost by the records, but its worker was heard " +
            std::to_string((world_.kernel.now() - heard_[run.worker]).count() / 1000000) +
            " ms ago");
      }
      break;
    }
    case Outcome::kOutOfMemory:
    case Outcome::kRuntimeError:
    case Outcome::kInputMissing:
    case Outcome::kCancelled:
    case Outcome::kReturned:
      break;
  }
}

void Model::heard(WorkerId worker) {
  if (number(worker) - 1 < heard_.size()) heard_[number(worker) - 1] = world_.kernel.now();
}

void Model::said_hello(std::uint32_t host, std::size_t records) {
  hellos_.emplace_back(records, host);
}

/// Who said Hello is out of quarantine, from that place among the turn's records on.
void Model::forgive_hosts() {
  std::erase_if(hellos_, [&](const auto& hello) {
    if (hello.first > turn_records_) return false;
    for (std::size_t worker = 0; worker < hosts_.size(); ++worker) {
      if (hosts_[worker] == hello.second) host_failures_[worker] = 0;
    }
    return true;
  });
}

void Model::told_worker(std::uint32_t host, const protocol::ToWorker& message) {
  if (const auto* assign = std::get_if<protocol::Assign>(&message)) {
    for (const auto& assignment : assign->attempts) check_assignment(host, *assign, assignment);
  } else if (const auto* ack = std::get_if<protocol::ResultsAck>(&message)) {
    for (const auto& key : ack->attempts) {
      if (number(key.task) == 0 || number(key.task) > tasks_.size()) continue;
      const TaskModel& owner = task(attempt(key).served);
      if (owner.live() && owner.attempts.back().key == key && owner.attempts.back().host == host) {
        throw Violation(name(key) + ": its result is acknowledged, but is not durable");
      }
    }
  } else if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
    if (number(welcome->worker) == 0 || number(welcome->worker) > hosts_.size()) {
      throw Violation("a worker is welcomed that no durable record added");
    }
    for (const auto& verdict : welcome->verdicts) {
      if (!verdict.keep) check_stop(verdict.attempt, host);
    }
  } else if (const auto* stop = std::get_if<protocol::Stop>(&message)) {
    for (const auto& key : stop->attempts) check_stop(key, host);
  }
}

void Model::check_assignment(std::uint32_t host, const protocol::Assign& message,
                             const protocol::Assignment& assignment) {
  const protocol::AttemptRef key{message.epoch, assignment.task, assignment.attempt};
  TaskModel& owner = task(assignment.task);
  // It may have been handed over since, in the same turn.
  const TaskId served = attempt(key).served;
  const AttemptModel& told =
      served == assignment.task ? attempt(key) : task(served).attempts.back();
  if (!told.live || told.host != host) throw Violation(name(key) + " is sent to the wrong worker");
  if (Workload::work_of(assignment.config) != world_.workload.work_of(owner.place)) {
    throw Violation(name(key) + " is sent with the work of another task");
  }
  std::vector<Digest> expected;
  const PlannedSubmission& planned = world_.workload.at(owner.place.submission);
  for (const std::uint32_t index : planned.ancestors[owner.place.index]) {
    const TaskModel& above = neighbour(owner, index);
    if (above.status != TaskStatus::kCompleted) {
      throw Violation(name(key) + " is sent before " + to_string(id_of(above)) +
                      ", an ancestor, is completed");
    }
    if (!above.artifact.empty()) expected.push_back(above.artifact);
  }
  std::vector<Digest> given;
  for (const auto& input : assignment.inputs) given.push_back(input.artifact);
  if (given != expected) {
    throw Violation(name(key) + " is sent with inputs that are not its ancestors' artifacts");
  }
  const auto& options = world_.workload.options(owner.place);
  const auto& spec = message.specs.at(assignment.spec);
  if (!is_noop(owner) && Contents{spec.image_content, spec.dataset_content} != told.bound) {
    throw Violation(name(key) + " is sent with other contents than its pipeline is bound to");
  }
  if (spec.cpus_milli != options.cpus_milli || spec.gpus_milli != options.gpus_milli ||
      spec.timeout_ms != options.timeout_ms) {
    throw Violation(name(key) + " is sent with another task's options");
  }
}

/// What a client is shown must be durable.
void Model::told_client(const protocol::ToClient& message) {
  if (const auto* submitted = std::get_if<protocol::Submitted>(&message)) {
    if (number(submitted->pipeline) > pipelines_.size()) {
      throw Violation(to_string(submitted->pipeline) + " is acknowledged, but is not durable");
    }
  } else if (const auto* status = std::get_if<protocol::PipelineStatus>(&message)) {
    const PipelineModel& pipeline = pipelines_.at(number(status->row.pipeline) - 1);
    const bool shown_over = status->row.pending + status->row.running == 0;
    // A retry in the same turn may come after the answer was made.
    if (shown_over && pipeline.open > 0 && !pipeline.retried) {
      throw Violation(to_string(pipeline.id) + " is shown as over, but by the records " +
                      std::to_string(pipeline.open) + " of its tasks are not");
    }
  }
}

void Model::acknowledged_submission(std::uint32_t submission, PipelineId pipeline) {
  const auto [known, added] = submissions_.emplace(submission, pipeline);
  if (!added && known->second != pipeline) {
    throw Violation("submission " + std::to_string(submission) + " was first " +
                    to_string(known->second) + ", then " + to_string(pipeline));
  }
}

void Model::acknowledged_cancel(PipelineId pipeline, TaskId task) {
  cancels_.emplace_back(pipeline, task);
}

void Model::acknowledged_result(const protocol::AttemptRef& key) { results_.push_back(key); }

void Model::shown_terminal(PipelineId pipeline, protocol::PipelineState state) {
  if (pipelines_.at(number(pipeline) - 1).retried) return;
  const auto [known, added] = terminal_.emplace(pipeline, state);
  if (!added && known->second != state) {
    throw Violation(to_string(pipeline) + " was over as " + std::string(to_string(known->second)) +
                    ", and now as " + std::string(to_string(state)));
  }
}

}  // namespace landseer::simulation
