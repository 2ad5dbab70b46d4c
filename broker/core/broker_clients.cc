/// What clients ask for.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/explain.h"
#include "broker/core/rights.h"
#include "common/protocol/limits.h"
#include "common/protocol/version.h"
#include "landseer_version.h"

namespace landseer::broker {
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
