/// What clients ask for.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/explain.h"
#include "broker/core/rights.h"
#include "broker/core/submission_builder.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "common/protocol/version.h"
#include "landseer_version.h"

namespace landseer::broker {
namespace {

constexpr std::size_t kNoticesMax = 10;

Error disk_is_low(const DiskSpace& disk) {
  constexpr std::uint64_t kMebibyte = 1024 * 1024;
  return {ErrorCode::kLimit,
          "the broker's disk has " + std::to_string(disk.free_bytes / kMebibyte) +
              " MiB left, new pipelines need " + std::to_string(disk.needed_bytes / kMebibyte),
          "broker",
          "what was submitted goes on; free some space on the broker's host, then submit "
          "again"};
}

}  // namespace

void Broker::reply(const FromClientPeer& to, protocol::ToClient message, Outbox& out) {
  out.to_clients.push_back({to.peer, to.number, std::move(message)});
}

void Broker::reply_error(const FromClientPeer& to, const Error& error, Outbox& out) {
  reply(to, protocol::ErrorReply{error.code, error.message, error.where, error.hint}, out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::ClientHello& m, const Now&,
                       Outbox& out) {
  if (m.protocol_min > protocol::kProtocolMax || m.protocol_max < protocol::kProtocolMin) {
    reply_error(from,
                {ErrorCode::kVersion,
                 "the client speaks protocol " + std::to_string(m.protocol_min) + " to " +
                     std::to_string(m.protocol_max) + ", this broker " +
                     std::to_string(protocol::kProtocolMin) + " to " +
                     std::to_string(protocol::kProtocolMax),
                 "protocol", "install the same version on both sides"},
                out);
    return;
  }
  reply(from,
        protocol::ClientWelcome{std::min(m.protocol_max, protocol::kProtocolMax),
                                state_.settings.epoch, kProgramVersion},
        out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::SubmitChunk& m, const Now& now,
                       Outbox& out) {
  if (auto staged = staging_.add(from.peer, m); !staged) {
    reply_error(from, staged.error(), out);
    return;
  }
  if (!m.last) {
    reply(from, protocol::ChunkTaken{m.index}, out);
    return;
  }
  Arrival arrival{from.peer,       from.number,
                  m.submission_id, staging_.take(from.peer, m.submission_id),
                  from.caller,     m.plan_only};
  if (auto asked = ask_workers(arrival, now, out); !asked) {
    reply_error(from, asked.error(), out);
  } else if (arrival.unanswered.empty()) {
    accept(std::move(arrival), now, out);
  } else {
    arrivals_.add(std::move(arrival));
  }
}

Result<protocol::Submitted> Broker::submit(Arrival arrival, const Now& now, Outbox& out) {
  const std::string& submission_id = arrival.submission_id;
  const std::string& owner = arrival.caller.acts_for;
  const Digest digest = sha256(arrival.body);
  PipelineRecord* record = state_.pipelines.find_submission(submission_id, owner);
  const bool existing = record != nullptr;
  if (existing && record->submission_digest != digest) {
    return fail(ErrorCode::kConflict,
                "submission id '" + submission_id + "' was used for another pipeline, " +
                    to_string(record->id()),
                submission_id, "leave --submission-id out, or choose a new one");
  }
  if (!existing) {
    if (state_.disk.low) return tl::make_unexpected(disk_is_low(state_.disk));
    const auto& submission = arrival.submission;
    if (submission->submission_id != submission_id) {
      return fail(ErrorCode::kInvalid, "the chunks and their content name different submission ids",
                  submission_id, "check the client");
    }
    domain::IdCounters ids = state_.ids;
    auto built = build_pipeline(*submission, ids, state_.requests, state_.times, now.wall);
    if (!built) return tl::make_unexpected(built.error());
    if (arrival.plan_only) {
      protocol::Submitted planned = summary_of(**built);
      planned.notices = impossible_requests(**built);
      planned.pipeline = PipelineId{};
      const std::vector<TaskHit> hits = reuse_.find_hits(**built);
      planned.cached = hits.size();
      planned.cached_tasks.resize(hits.empty() ? 0 : (planned.tasks + 7) / 8);
      for (const TaskHit& hit : hits) {
        const std::uint64_t i = number(hit.task) - number((*built)->first_task);
        char& byte = planned.cached_tasks[i / 8];
        byte = static_cast<char>(byte | 1 << (i % 8));
      }
      return planned;
    }
    const std::uint64_t tasks = (*built)->pipeline->tasks.size();
    if (auto room = has_room_for_more(owner, tasks); !room) {
      return tl::make_unexpected(room.error());
    }
    make_room(tasks, now, out);
    state_.ids = ids;
    (*built)->submission_digest = digest;
    (*built)->owner = owner;
    if (!submission->model_name.empty()) {
      // The pipeline that made room may have had the same one.
      std::erase(out.unneeded_blobs, (*built)->key_context.model_script);
      out.blobs.push_back({(*built)->key_context.model_script, submission->model_script});
    }
    record = &ledger_.commit_pipeline(std::move(*built), arrival.body, now, out);
    reuse_.bind_contents(*record, now, out);
    reuse_.take_hits(*record, now, out);
  }
  protocol::Submitted submitted = summary_of(*record);
  submitted.existing = existing;
  submitted.notices = impossible_requests(*record);
  return submitted;
}

/// One sentence for each request that no known worker can ever run.
std::vector<std::string> Broker::impossible_requests(const PipelineRecord& record) {
  std::vector<std::string> notices;
  for (const auto& [request, tasks] : record.open_requests) {
    if (notices.size() >= kNoticesMax) break;
    if (tasks == 0 || placement_.impossible(request).empty()) continue;
    notices.push_back(placement_.impossible(request));
  }
  return notices;
}

protocol::Submitted Broker::summary_of(const PipelineRecord& record) const {
  return {record.id(),
          record.pipeline->name,
          record.pipeline->workflows.size(),
          record.task_instances,
          record.pipeline->tasks.size(),
          record.evaluations,
          record.cached,
          false,
          {}};
}

Result<void> Broker::has_room_for_more(const std::string& owner, std::uint64_t tasks) const {
  const char* const hint = "wait until some have finished, then submit again";
  if (!has_room_for(tasks)) {
    return fail(ErrorCode::kLimit, "the broker holds its limit of unfinished tasks or pipelines",
                "broker", hint);
  }
  if (!owner.empty() &&
      state_.pipelines.live_tasks_of(owner) + tasks > settings().live_tasks_per_owner_max) {
    return fail(ErrorCode::kLimit,
                "'" + owner + "' has as many unfinished tasks as one owner may have", owner, hint);
  }
  return {};
}

bool Broker::has_room_for(std::uint64_t tasks) const {
  return state_.pipelines.active().size() < settings().pipelines_max &&
         state_.pipelines.live_tasks() + tasks <= protocol::kLiveTasksMax;
}

/// Finished pipelines are kept as long as there is room, the newest longest.
void Broker::make_room(std::uint64_t new_tasks, const Now& now, Outbox& out) {
  while (state_.pipelines.all().size() >= settings().pipelines_max ||
         state_.pipelines.tasks() + new_tasks > settings().kept_tasks_max) {
    const auto oldest = state_.pipelines.oldest_finished();
    // A snapshot or the history that still has to show it goes first; the limit waits so long.
    if (!oldest || !snapshot_.is_done_with(*oldest)) return;
    const bool far_over = state_.pipelines.tasks() > 2 * settings().kept_tasks_max;
    const bool unarchived = state_.pipelines.unarchived().contains(*oldest);
    if (settings().keeps_history && unarchived && !far_over) return;
    const Digest script = state_.pipelines.find(*oldest)->key_context.model_script;
    ledger_.commit(PipelineForgotten{*oldest}, now, out);
    if (!script.empty() && !state_.pipelines.uses_script(script)) {
      out.unneeded_blobs.push_back(script);
    }
  }
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListPipelines& m, const Now&,
                       Outbox& out) {
  reply(from, pipeline_list(state_, from.caller, m.after), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::WatchPipeline& m, const Now& now,
                       Outbox& out) {
  const PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  const Watcher watcher{from.peer,
                        from.number,
                        m.pipeline,
                        m.known_version,
                        m.until_terminal,
                        now.instant + kWatchReplyMax,
                        sees_all(from.caller)};
  if (watcher.is_due(*record) || watchers_.size() >= protocol::kClientsMax) {
    reply(from, pipeline_status(state_, *record, placement_, watcher.tells_all), out);
  } else {
    watchers_.add(watcher);
  }
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListTasks& m, const Now&,
                       Outbox& out) {
  const PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  reply(from, task_list(state_, *record, m, from.caller), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::GetTask& m, const Now&,
                       Outbox& out) {
  const auto found = state_.pipelines.find_task(m.task);
  if (!found) return reply_error(from, no_task(m.task), out);
  reply(from, task_detail(state_, *found->record, *found->task, from.caller), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListWorkflows& m, const Now&,
                       Outbox& out) {
  const PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  reply(from, workflow_list(*record, m), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListWorkers& m, const Now&,
                       Outbox& out) {
  reply(from, worker_list(state_, placement_.reservations(), from.caller, m.after), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::GetExplanation& m,
                       const Now& now, Outbox& out) {
  const auto found = state_.pipelines.find_task(m.task);
  if (!found) return reply_error(from, no_task(m.task), out);
  reply(from, explain(state_, reuse_, placement_, *found, from.caller, now), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::GetToolTimes& m, const Now&,
                       Outbox& out) {
  if (m.tools.size() > protocol::kToolsAskedMax) {
    return reply_error(from,
                       {ErrorCode::kLimit, "too many tools at once", "tools",
                        "ask for at most " + std::to_string(protocol::kToolsAskedMax)},
                       out);
  }
  reply(from, tool_times(state_, m), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListOffers& m, const Now&,
                       Outbox& out) {
  reply(from, offer_list(state_, m.after), out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::GetGraph& m, const Now& now,
                       Outbox& out) {
  const PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  reply(from, graph_page(*record, m.offset, now.wall), out);
}

void Broker::answer_watchers(const Now& now, Outbox& out) {
  const auto answer = [&](const Watcher& watcher) {
    const PipelineRecord* record = state_.pipelines.find(watcher.pipeline);
    if (record == nullptr) {  // over, and forgotten in the same turn
      const Error gone = no_pipeline(watcher.pipeline);
      out.to_clients.push_back(
          {watcher.peer, watcher.number,
           protocol::ErrorReply{gone.code, gone.message, gone.where, gone.hint}});
      return;
    }
    out.to_clients.push_back({watcher.peer, watcher.number,
                              pipeline_status(state_, *record, placement_, watcher.tells_all)});
  };
  for (const PipelineId id : state_.touched) {
    watchers_.notify(*state_.pipelines.find(id), answer);
  }
  state_.touched.clear();
  watchers_.expire(now.instant, answer);
}

}  // namespace landseer::broker
