#include "tests/simulation/client.h"

#include <algorithm>

#include "common/domain/types.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"

namespace landseer::simulation {

using namespace std::chrono_literals;

namespace {

constexpr Duration kAnswerMax = 5s;
constexpr Duration kWatchMax = 15s;

}  // namespace

void Client::ask(const Request& request, protocol::FromClient message) {
  const std::uint64_t number = next_number_++;
  requests_.emplace(number, request);
  static_cast<void>(world_.network->client_to_broker(index_, number, std::move(message)));
  world_.kernel.after(request.kind == Kind::kWatch ? kWatchMax : kAnswerMax,
                      [this, number] { on_timeout(number); });
}

void Client::submit(std::uint32_t submission) {
  Submitting& state = submissions_[submission];
  if (state.open) return;
  state.open = true;
  state.next = 0;
  const auto chunks = static_cast<std::uint32_t>(world_.kernel.random.between(1, 3));
  if (state.chunks == 0) state.chunks = chunks;
  ++waiting_for_answers_;
  send_chunk(submission);
}

void Client::send_chunk(std::uint32_t submission) {
  const Submitting& state = submissions_[submission];
  const PlannedSubmission& planned = world_.workload.at(submission);
  const std::size_t part = planned.body.size() / state.chunks + 1;
  protocol::SubmitChunk chunk;
  chunk.submission_id = planned.content.submission_id;
  chunk.index = state.next;
  chunk.last = state.next + 1 == state.chunks;
  chunk.data = planned.body.substr(state.next * part, part);
  ask({Kind::kSubmit, submission, {}, {}, false}, std::move(chunk));
}

void Client::watch(std::uint32_t submission) {
  Submitting& state = submissions_[submission];
  if (state.over || state.watched) return;
  state.watched = true;
  const bool closely = world_.kernel.random.chance(0.05);
  ask({Kind::kWatch, submission, {}, state.pipeline, false},
      protocol::WatchPipeline{state.pipeline, closely ? 1u : 0u, !closely});
}

/// One at a time for each pipeline, so that it is known which came last.
void Client::pause(std::uint32_t submission, bool paused) {
  Submitting& state = submissions_[submission];
  if (state.over || state.pauses > 0) return;
  ++state.pauses;
  world_.model->asked_to_pause(state.pipeline);
  const Request request{Kind::kPause, submission, {}, state.pipeline, paused};
  if (!world_.healed) return ask(request, protocol::Pause{state.pipeline, paused});
  protocol::Selection what;
  what.pipeline = state.pipeline;
  ask(request, protocol::PausePart{what, paused, true});
}

/// A task, workflows or a tool of it. In turn with pausing the whole.
void Client::pause_part(std::uint32_t submission) {
  Submitting& state = submissions_[submission];
  if (state.over || state.pauses > 0) return;
  Random& random = world_.kernel.random;
  const auto& content = world_.workload.at(submission).content;
  protocol::Selection what;
  what.pipeline = state.pipeline;
  const double dice = random.unit();
  if (dice < 0.35) {
    what.tool = random.pick(content.tools).name;
  } else if (dice < 0.7) {
    const std::uint64_t last = content.workflows.size() - 1;
    const std::uint64_t first = random.below(last + 1);
    const std::uint64_t base = number(world_.model->first_workflow(state.pipeline));
    what.workflows = {
        {WorkflowId{base + first}, WorkflowId{base + std::min(last, first + random.below(5))}}};
  } else {
    what.task = TaskId{number(world_.model->first_task(state.pipeline)) +
                       random.below(content.tasks.size())};
  }
  ++state.pauses;
  Request request{Kind::kPause, submission, {}, state.pipeline, random.chance(0.7)};
  request.part = true;
  ask(request, protocol::PausePart{what, request.paused, false});
}

/// Whatever is paused late is resumed once the trouble is over.
void Client::paused(const Request& request) {
  --submissions_[request.submission].pauses;
  if (world_.healed && (request.paused || request.part)) pause(request.submission, false);
}

void Client::on(const Request& request, const protocol::PartPaused&) {
  paused(request);
  if (!request.part && !world_.plan.repeats()) {
    world_.model->acknowledged_pause(request.pipeline, request.paused);
  }
}

void Client::resume_all() {
  for (const auto& [submission, state] : submissions_) {
    if (number(state.pipeline) != 0) pause(submission, false);
  }
  for (std::uint32_t host = 0; host < world_.plan.hosts; ++host) drain(host, false, false);
}

/// One that is said twice, or late, does what it says: at the end, none is to be drained.
void Client::drain(std::uint32_t host, bool drained, bool now) {
  ask({Kind::kQuery, 0, {}, {}, false},
      protocol::Drain{"host" + std::to_string(host), "", "", drained, now});
}

void Client::on(const Request& request, const protocol::Paused&) {
  paused(request);
  // One that is repeated later undoes this one: then nothing is known.
  if (!world_.plan.repeats()) {
    world_.model->acknowledged_pause(request.pipeline, request.paused);
  }
}

void Client::on_timeout(std::uint64_t number) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return;
  const Request request = found->second;
  requests_.erase(found);
  if (request.kind == Kind::kSubmit) {
    submissions_[request.submission].next = 0;
    send_chunk(request.submission);
  } else if (request.kind == Kind::kWatch) {
    submissions_[request.submission].watched = false;
    watch(request.submission);
  } else if (request.kind == Kind::kPause) {
    // Insisting: what is asked for at last is what must be.
    --submissions_[request.submission].pauses;
    if (!request.part || world_.healed) {
      pause(request.submission, world_.healed ? false : request.paused);
    }
  }
}

void Client::receive(std::uint64_t number, protocol::ToClient message) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return;  // too late, or said twice
  const Request request = found->second;
  requests_.erase(found);
  world_.kernel.note(50, index_, number, message.index());
  std::visit([&](const auto& m) { on(request, m); }, message);
}

void Client::on(const Request& request, const protocol::ChunkTaken&) {
  ++submissions_[request.submission].next;
  send_chunk(request.submission);
}

void Client::on(const Request& request, const protocol::Submitted& m) {
  Submitting& state = submissions_[request.submission];
  const bool known = number(state.pipeline) != 0;
  if (known && !m.existing) {
    throw Violation("submission " + std::to_string(request.submission) +
                    " was acknowledged before, and is now new to the broker");
  }
  world_.model->acknowledged_submission(request.submission, m.pipeline);
  const PlannedSubmission& planned = world_.workload.at(request.submission);
  if (m.tasks != planned.content.tasks.size() || m.workflows != planned.content.workflows.size()) {
    throw Violation("submission " + std::to_string(request.submission) +
                    " is acknowledged with other numbers than it has");
  }
  state.pipeline = m.pipeline;
  state.open = false;
  --waiting_for_answers_;
  if (!known && world_.plan.control.parts > 0) plan_parts(request.submission);
  watch(request.submission);
}

void Client::on(const Request& request, const protocol::PipelineStatus& m) {
  Submitting& state = submissions_[request.submission];
  state.watched = false;
  if (m.row.pipeline != request.pipeline) throw Violation("a client is shown another's pipeline");
  const bool goes_on = m.row.state == protocol::PipelineState::kRunning ||
                       m.row.state == protocol::PipelineState::kPaused;
  if (!goes_on) {
    state.over = true;
    world_.model->shown_terminal(m.row.pipeline, m.row.state);
  } else if (state.over) {
    throw Violation(to_string(m.row.pipeline) + " was over, and runs again");
  }
  watch(request.submission);
}

void Client::on(const Request& request, const protocol::Cancelled&) {
  if (request.kind == Kind::kPart) return;
  world_.model->acknowledged_cancel(request.pipeline, request.task);
}

/// It runs again: what was over is not any more.
void Client::on(const Request&, const protocol::Retried&) {
  for (auto& [submission, state] : submissions_) {
    if (!state.over) continue;
    state.over = false;
    watch(submission);
  }
}

void Client::on(const Request& request, const protocol::ErrorReply& m) {
  switch (request.kind) {
    case Kind::kSubmit:
      // The chunks before it are lost, with the broker or on their way.
      if (m.code != ErrorCode::kConflict || m.message.find("was used") != std::string::npos) {
        throw Violation("a good submission is refused: " + m.message);
      }
      world_.kernel.after(200ms, [this, submission = request.submission] {
        submissions_[submission].next = 0;
        send_chunk(submission);
      });
      break;
    case Kind::kWatch:
      throw Violation(to_string(request.pipeline) +
                      " was acknowledged, and cannot be watched: " + m.message);
    case Kind::kPart:
      if (m.code != ErrorCode::kConflict && m.code != ErrorCode::kNotFound &&
          m.code != ErrorCode::kInvalid && m.code != ErrorCode::kLimit) {
        throw Violation("a part of " + to_string(request.pipeline) + ": " + m.message);
      }
      break;
    case Kind::kCancel:
    case Kind::kRetry:
      if (m.code == ErrorCode::kNotFound && number(request.pipeline) != 0) {
        throw Violation(to_string(request.pipeline) + " was acknowledged, and cannot be found");
      }
      break;
    case Kind::kPause:
      paused(request);
      // A tool may be listed that no task has.
      if (m.code != ErrorCode::kConflict && !(request.part && m.code == ErrorCode::kNotFound)) {
        throw Violation(to_string(request.pipeline) + " cannot be paused: " + m.message);
      }
      break;
    case Kind::kQuery:
      if (m.code == ErrorCode::kInternal || m.code == ErrorCode::kInvalid) {
        throw Violation("a query is refused: " + m.message);
      }
      break;
  }
}

void Client::on(const Request&, const protocol::PipelineList& m) {
  for (const auto& [submission, state] : submissions_) {
    if (number(state.pipeline) == 0) continue;
    const bool listed = std::any_of(m.rows.begin(), m.rows.end(), [&](const auto& row) {
      return row.pipeline == state.pipeline;
    });
    if (!listed) throw Violation(to_string(state.pipeline) + " is not in the list of pipelines");
  }
}

void Client::on(const Request& request, const protocol::TaskList& m) {
  const std::size_t tasks = world_.workload.at(request.submission).content.tasks.size();
  if (m.rows.size() != tasks) {
    throw Violation(to_string(request.pipeline) + " lists " + std::to_string(m.rows.size()) +
                    " tasks of " + std::to_string(tasks));
  }
}

void Client::on(const Request& request, const protocol::TaskDetail& m) {
  if (m.row.task != request.task) throw Violation("a client is shown another task");
}

/// Cancels a task that waits for another pipeline's attempt, or the one that has it, or retries
/// what was cancelled: seldom met by chance. False: there is none.
bool Client::meddle(std::uint32_t submission) {
  Random& random = world_.kernel.random;
  if (!cancelled_.empty() && random.chance(0.4)) {
    const TaskId task = random.pick(cancelled_);
    ask({Kind::kRetry, submission, task, {}, false}, protocol::Retry{{}, task});
    return true;
  }
  const auto joined = world_.model->some_joined(random);
  if (!joined) return false;
  const TaskId task = random.chance(0.3) ? joined->first : joined->second;
  // Who is paused does not go on with what is cancelled now.
  const auto own = submissions_.find(world_.model->submission_of(joined->first));
  const bool can_pause = own != submissions_.end() && number(own->second.pipeline) != 0;
  if (can_pause && random.chance(0.3)) pause(own->first, true);
  cancelled_.push_back(task);
  ask({Kind::kCancel, submission, task, {}, false}, protocol::Cancel{{}, task});
  return true;
}

/// While it runs, and perhaps for a while after it.
void Client::plan_parts(std::uint32_t submission) {
  Random& random = world_.kernel.random;
  const auto count = static_cast<std::int64_t>(world_.plan.control.parts * 12);
  for (std::int64_t i = random.between(0, count); i > 0; --i) {
    world_.kernel.after(random.uniform(Duration{1}, world_.plan.trouble), [this, submission] {
      if (!world_.healed) take_part(submission);
    });
  }
}

void Client::take_part(std::uint32_t submission) {
  Random& random = world_.kernel.random;
  const PipelineId pipeline = submissions_[submission].pipeline;
  if (random.chance(0.3)) return pause_part(submission);
  const Request request{Kind::kPart, submission, {}, pipeline, false};
  const auto& content = world_.workload.at(submission).content;
  if (random.chance(world_.plan.control.priorities)) {
    return ask(request, protocol::SetPriority{pipeline, random.between(-3, 3)});
  }
  protocol::Selection what;
  const double dice = random.unit();
  if (dice < 0.6) {
    const std::uint64_t first =
        number(world_.model->first_workflow(pipeline)) + random.below(content.workflows.size());
    // Now and then beyond the pipeline's own.
    const std::uint64_t last = first + random.below(random.chance(0.3) ? 8 : 2);
    what.workflows = {{WorkflowId{first}, WorkflowId{last}}};
  } else if (dice < 0.95) {
    what.pipeline = pipeline;
    what.tool = random.pick(content.tools).name;
  } else {
    what.pipeline = pipeline;
    what.pruned = true;
    return ask(request, protocol::RetryPart{what});
  }
  if (random.chance(0.45)) return ask(request, protocol::RetryPart{what});
  ask(request, protocol::CancelPart{what, random.chance(0.2)});
}

bool Client::operate() {
  std::vector<std::uint32_t> known;
  for (const auto& [submission, state] : submissions_) {
    if (number(state.pipeline) != 0) known.push_back(submission);
  }
  if (known.empty()) return false;
  Random& random = world_.kernel.random;
  const std::uint32_t submission = random.pick(known);
  const PipelineId pipeline = submissions_[submission].pipeline;
  const auto& tasks = world_.workload.at(submission).content.tasks;
  const TaskId task{1 + random.below(world_.workload.tasks())};
  const Request query{Kind::kQuery, submission, task, pipeline, false};
  if (world_.plan.reuse.copies > 0 && random.chance(0.4) && meddle(submission)) return true;
  if (world_.plan.control.parts > 0 && random.chance(world_.plan.control.parts)) {
    take_part(submission);
    return true;
  }
  const double dice = random.unit();
  if (dice < 0.03) {
    ask({Kind::kCancel, submission, {}, pipeline, false}, protocol::Cancel{pipeline, {}});
  } else if (dice < 0.3) {
    ask({Kind::kCancel, submission, task, {}, false}, protocol::Cancel{{}, task});
  } else if (dice < 0.4) {
    pause(submission, random.chance(0.6));
  } else if (dice < 0.5) {
    ask({Kind::kRetry, submission, {}, pipeline, false}, protocol::Retry{pipeline, {}});
  } else if (dice < 0.55) {
    ask({Kind::kRetry, submission, task, {}, false}, protocol::Retry{{}, task});
  } else if (dice < 0.62) {
    submit(submission);
  } else if (dice < 0.67) {
    ask(query, protocol::ListTasks{pipeline, 0, "", 0, 1000});
  } else if (dice < 0.7) {
    ask(query, protocol::GetTask{task});
  } else if (dice < 0.8) {
    ask(query, protocol::ListPipelines{});
  } else if (dice < 0.825) {
    drain(static_cast<std::uint32_t>(random.below(world_.plan.hosts)), random.chance(0.5),
          random.chance(0.4));
  } else if (dice < 0.85) {
    ask(query, protocol::ListWorkers{});
  } else if (dice < 0.9) {
    ask(query, protocol::ListWorkflows{pipeline, 0, 1000});
  } else {
    ask(query, protocol::OpenStream{task, 0, dice < 0.95});
  }
  static_cast<void>(tasks);
  return true;
}

void Client::submit_all_again() {
  for (const auto& [submission, state] : submissions_) submit(submission);
}

}  // namespace landseer::simulation
