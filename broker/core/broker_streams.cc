/// Leave to read logs and artifacts: which workers have them, and the tickets. What is read passes
/// through the relay (broker/io/relay.h), never through here.
#include "broker/core/broker.h"

namespace landseer::broker {

void Broker::on_client(const FromClientPeer& from, const protocol::OpenStream& m, const Now& now,
                       Outbox& out) {
  const auto found = state_.pipelines.find_task(m.task);
  if (!found) return reply_error(from, no_task(m.task), out);
  auto opened = m.artifact ? open_artifact(*found, now, out) : open_log(*found, m, now, out);
  if (!opened) return reply_error(from, opened.error(), out);
  opened->bulk_address = settings().bulk_address;
  reply(from, std::move(*opened), out);
}

/// The worker is told each time: saying Attach twice changes nothing, and it may have been missed.
protocol::StreamSource Broker::open_at(const WorkerRecord& worker, Grant grant, const Now& now,
                                       Outbox& out) {
  const Digest& secret = settings().secret;
  grant.session = worker.session;
  grant.expires = now.instant + kTicketLife;
  out.to_workers.push_back(
      {worker.peer, protocol::Attend{worker.session, attach_key(secret, worker.session)}});
  return {worker.offer.name, make_ticket(secret, grant)};
}

Result<protocol::StreamOpened> Broker::open_log(const FoundTask& found,
                                                const protocol::OpenStream& asked, const Now& now,
                                                Outbox& out) {
  const TaskId task = found.task->id;
  const std::string name = to_string(asked.task);  // `found` may be another owner's
  const TaskRun* run = found.record->find_run(task);
  if (run != nullptr && run->attempts.empty()) {
    // It has another task's result, so it has that one's log. Always an older one: this ends.
    const auto source = state_.pipelines.find_task(run->cached_from);
    if (source && source->task->id < task) return open_log(*source, asked, now, out);
  }
  const std::uint32_t last = run != nullptr ? static_cast<std::uint32_t>(run->attempts.size()) : 0;
  const std::uint32_t attempt = asked.attempt == 0 ? last : asked.attempt;
  if (attempt == 0 || attempt > last) {
    return fail(ErrorCode::kNotFound,
                last == 0 ? "the task has not run yet" : "the task has no such attempt", name,
                "`landseer task " + name + "` shows its attempts");
  }
  const protocol::AttemptRow& row = run->attempts[attempt - 1];
  // Rows of an earlier version know the name only.
  const WorkerRecord* worker = number(row.worker_id) != 0 ? state_.workers.find(row.worker_id)
                                                          : state_.workers.find_name(row.worker);
  if (worker == nullptr || worker->session == 0) {
    const std::string& host = worker != nullptr ? worker->offer.name : row.worker;
    return fail(ErrorCode::kUnavailable,
                "the log is on worker '" + host + "', which is not connected", name,
                "start that worker again on the same scratch folder");
  }
  protocol::StreamOpened opened;
  opened.attempt = attempt;
  opened.finished = row.outcome != 0;
  const bool taken_over = number(row.origin_task) != 0;
  Grant grant;
  grant.task = taken_over ? row.origin_task : task;
  grant.attempt = taken_over ? row.origin_attempt : attempt;
  opened.sources.push_back(open_at(*worker, grant, now, out));
  return opened;
}

Result<protocol::StreamOpened> Broker::open_artifact(const FoundTask& found, const Now& now,
                                                     Outbox& out) {
  const std::string name = to_string(found.task->id);
  const TaskRun* run = found.record->find_run(found.task->id);
  if (found.task->status != domain::TaskStatus::kCompleted || run == nullptr) {
    return fail(ErrorCode::kConflict, "the task has not completed, so it has no artifact", name,
                "`landseer wait` waits until its pipeline has ended");
  }
  if (run->artifact.empty()) {
    return fail(ErrorCode::kNotFound, "the task left no files", name,
                "`landseer results` shows its metrics");
  }
  protocol::StreamOpened opened;
  opened.artifact = run->artifact;
  opened.artifact_bytes = run->artifact_bytes;
  for (const WorkerId id : state_.artifacts.holders(run->artifact)) {
    const WorkerRecord* worker = state_.workers.find(id);
    if (worker == nullptr || worker->session == 0) continue;
    Grant grant;
    grant.artifact = run->artifact;
    const auto source = open_at(*worker, grant, now, out);
    // The silent ones last.
    const bool well = worker->state == WorkerState::kConnected;
    opened.sources.insert(well ? opened.sources.begin() : opened.sources.end(), source);
  }
  if (opened.sources.empty()) {
    return fail(ErrorCode::kUnavailable, "no connected worker has the artifact", name,
                "start the worker that had it (`landseer task " + name +
                    "` names it), or run the task again with `landseer retry`");
  }
  return opened;
}

}  // namespace landseer::broker
