/// What workers say. What their silence says is in broker_liveness.cc.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/offers.h"
#include "common/base/text.h"
#include "common/protocol/limits.h"

namespace landseer::broker {

using protocol::Outcome;

namespace {

/// What a peer may put into tables and answers, cut to its limits.
protocol::AttemptResult bounded(protocol::AttemptResult result) {
  if (result.reason.size() > protocol::kReasonBytesMax) {
    result.reason.resize(protocol::kReasonBytesMax);
    while (!is_utf8(result.reason)) result.reason.pop_back();
  }
  if (result.log_tail.size() > protocol::kLogTailBytesMax) result.log_tail.clear();
  if (result.metrics.size() > protocol::kMetricsBytesMax) result.metrics.clear();
  if (result.outcome == Outcome::kWorkerLost) result.outcome = Outcome::kReturned;
  return result;
}

}  // namespace

WorkerRecord* Broker::require_session(PeerId peer, std::uint64_t session, const Now& now,
                                      Outbox& out) {
  WorkerRecord* worker = state_.workers.find_peer(peer);
  if (worker == nullptr || worker->session != session) {
    ++state_.stale_messages;
    out.to_workers.push_back({peer, protocol::Rehello{}});
    return nullptr;
  }
  worker->hears = true;
  if (state_.workers.heard(*worker, now)) {
    state_.workers.changed();
    state_.placement_due = true;
  }
  return worker;
}

std::optional<Error> Broker::refuse(const FromWorkerPeer& from, const protocol::Hello& hello) {
  const Caller& caller = from.caller;
  if (hello.protocol_min > protocol::kProtocolMax || hello.protocol_max < protocol::kProtocolMin) {
    return Error{ErrorCode::kVersion,
                 "the worker speaks protocol " + std::to_string(hello.protocol_min) + " to " +
                     std::to_string(hello.protocol_max) + ", this broker " +
                     std::to_string(protocol::kProtocolMin) + " to " +
                     std::to_string(protocol::kProtocolMax),
                 hello.name, "install the same version on both sides"};
  }
  if (hello.name.empty() || hello.name.size() > protocol::kNameBytesMax ||
      strip_control(hello.name, false) != hello.name || hello.uid.empty() ||
      hello.uid.size() > protocol::kNameBytesMax) {
    return Error{ErrorCode::kInvalid,
                 "the worker's name or identity is empty, too long or not printable", "",
                 "choose another with --name"};
  }
  if (!is_modest(hello)) {
    return Error{ErrorCode::kLimit, "the worker offers more, or longer, things than allowed",
                 hello.name, "docs/protocol.md, \"Limits\", has the numbers"};
  }
  const WorkerRecord* namesake = state_.workers.find_name(hello.name);
  if (namesake != nullptr && namesake->offer.uid != hello.uid &&
      namesake->state == WorkerState::kConnected) {
    return Error{ErrorCode::kConflict,
                 "a connected worker already has the name '" + hello.name + "'", hello.name,
                 "choose another with --name"};
  }
  const bool may_return = namesake != nullptr && (namesake->state == WorkerState::kConnected ||
                                                  namesake->state == WorkerState::kSilent);
  if (may_return && namesake->offer.uid != hello.uid && !namesake->key.empty() &&
      !caller.name.empty() && namesake->key != caller.name) {
    return Error{
        ErrorCode::kNotAllowed,
        "the name '" + hello.name + "' is that of a worker with another key, which may come back",
        hello.name, "choose another with --name, or wait until that one is lost"};
  }
  const WorkerRecord* known = state_.workers.find_uid(hello.uid);
  if (known != nullptr && !known->key.empty() && !caller.name.empty() &&
      known->key != caller.name) {
    return Error{ErrorCode::kNotAllowed,
                 "a worker with another key, '" + known->key + "', has this identity", hello.name,
                 "use that key, or another --scratch folder"};
  }
  const WorkerRecord* bound = state_.workers.find_peer(from.peer);
  if (bound != nullptr && bound->offer.uid != hello.uid) {
    return Error{ErrorCode::kConflict,
                 "this connection is that of the worker '" + bound->offer.name + "'", hello.name,
                 "each worker needs one of its own"};
  }
  if (!state_.workers.has_room_for_offer(known, bytes_of(hello),
                                         state_.settings.offers_bytes_max)) {
    return Error{ErrorCode::kLimit, "workers together offer more than the broker can hold",
                 hello.name, "docs/protocol.md, \"Limits\", has the numbers"};
  }
  if (known == nullptr && state_.workers.size() >= state_.settings.workers_max &&
      !state_.workers.find_gone()) {
    return Error{ErrorCode::kLimit, "the broker knows its limit of workers, and all may come back",
                 hello.name, "stop a worker, or wait until one that is away is lost"};
  }
  return std::nullopt;
}

void Broker::on_hello(const FromWorkerPeer& from, const protocol::Hello& hello, const Now& now,
                      Outbox& out) {
  const PeerId peer = from.peer;
  if (const auto error = refuse(from, hello)) {
    out.to_workers.push_back({peer, protocol::Refused{error->code, error->message, error->hint}});
    return;
  }
  WorkerRecord* worker = state_.workers.find_uid(hello.uid);
  const bool same_instance = worker != nullptr && worker->offer.instance == hello.instance;
  if (same_instance && hello.number != 0 && hello.number <= worker->offer.number) {
    // Overtaken or said twice: what the worker held then is not what it holds now.
    ++state_.stale_messages;
    return;
  }
  if (worker == nullptr) {
    if (state_.workers.size() >= state_.settings.workers_max) {
      ledger_.commit(WorkerForgotten{*state_.workers.find_gone()}, now, out);
    }
    ledger_.commit(WorkerAdded{hello.uid, hello.name, from.caller.name}, now, out);
    worker = state_.workers.find_uid(hello.uid);
  } else if (worker->key.empty() && !from.caller.name.empty()) {
    ledger_.commit(WorkerBound{worker->id, from.caller.name}, now,
                   out);  // from before there were any
  }
  // Hello again, although it was welcomed: nothing reaches it. It gets no work before it shows that
  // it hears, else every task would be given to it in vain, again and again.
  const bool deaf = same_instance && worker->session != 0 && !worker->hears;
  const auto verdicts = reconcile(*worker, hello, same_instance, now, out);
  worker->offer = hello;
  worker->offer.held.clear();
  worker->public_key = from.caller.public_key;
  // A worker that only lost its connection is as sick as before.
  if (!same_instance) worker->host_failures = 0;
  worker->leaving = false;
  worker->hears = false;
  adopt_offer(*worker, state_);
  state_.workers.bind_peer(*worker, peer);
  worker->session = next_session_++;
  if (deaf) {
    state_.workers.await(*worker, now);
  } else {
    state_.workers.heard(*worker, now);
  }
  state_.workers.changed();
  state_.placement_due = true;
  const auto milliseconds = [](Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  out.to_workers.push_back(
      {peer, protocol::Welcome{std::min(hello.protocol_max, protocol::kProtocolMax),
                               state_.settings.epoch, worker->id, worker->session,
                               milliseconds(state_.settings.heartbeat()),
                               milliseconds(state_.settings.lease), state_.settings.bulk_address,
                               verdicts, hello.number}});
  if (worker->recalled) recall_attempts(*worker, out);
  if (!same_instance) worker->unchecked = 0;  // it has looked at everything anew
  ask_again(*worker, out);
  // Cancelled while the worker was away.
  for (const auto& [task, attempt] : worker->attempts) {
    const auto found = state_.pipelines.find_task(task);
    if (found->record->runs[task].cancel_requested) {
      out.to_workers.push_back({peer, protocol::Stop{worker->session, {attempt}}});
    }
  }
}

/// Compares what the worker says it holds with what the broker thinks. What the worker no longer
/// has is taken back; what the broker gave away meanwhile must be stopped.
std::vector<protocol::Verdict> Broker::reconcile(WorkerRecord& worker, const protocol::Hello& hello,
                                                 bool same_instance, const Now& now, Outbox& out) {
  std::vector<protocol::Verdict> verdicts;
  std::set<TaskId> kept;
  for (const auto& held : hello.held) {
    const auto known = worker.attempts.find(owner_of(held));
    const bool keep = known != worker.attempts.end() && known->second == held;
    if (keep) kept.insert(known->first);
    verdicts.push_back({held, keep});
  }
  const std::string& boot_before = worker.offer.boot_id;
  const bool rebooted =
      !boot_before.empty() && !hello.boot_id.empty() && boot_before != hello.boot_id;
  const auto attempts = worker.attempts;  // take_back changes the original
  for (const auto& [task, attempt] : attempts) {
    if (kept.contains(task)) continue;
    const auto found = *state_.pipelines.find_task(task);
    const bool ran = found.record->find_run(task)->attempts.back().started_at != 0;
    lifecycle_.take_back(
        found, same_instance || !ran ? Outcome::kReturned : Outcome::kWorkerLost,
        worker.offer.name + (rebooted ? "'s host was restarted" : " came back without it"), now,
        out);
  }
  return verdicts;
}

void Broker::on_worker(PeerId peer, const protocol::Heartbeat& beat, const Now& now, Outbox& out) {
  const WorkerRecord* worker = require_session(peer, beat.session, now, out);
  if (worker == nullptr) return;
  out.to_workers.push_back({peer, protocol::HeartbeatReply{beat.session, beat.number}});
}

void Broker::on_worker(PeerId peer, const protocol::Started& started, const Now& now, Outbox& out) {
  const WorkerRecord* worker = require_session(peer, started.session, now, out);
  if (worker == nullptr) return;
  for (const auto& [attempt, started_at, gpus] : started.attempts) {
    const TaskId owner = owner_of(attempt);
    const auto known = worker->attempts.find(owner);
    if (known == worker->attempts.end() || known->second != attempt) {
      ++state_.stale_messages;
      continue;
    }
    const auto found = state_.pipelines.find_task(owner);
    protocol::AttemptRow& row = found->record->runs[owner].attempts.back();
    row.started_at = started_at;
    row.gpus = gpus;
    state_.touch(*found->record);
    state_.changes.note(found->record->id(), owner);
  }
}

void Broker::on_worker(PeerId peer, const protocol::Results& results, const Now& now, Outbox& out) {
  WorkerRecord* worker = require_session(peer, results.session, now, out);
  if (worker == nullptr) return;
  protocol::ResultsAck ack;
  ack.session = worker->session;
  for (const auto& result : results.results) {
    const protocol::AttemptRef attempt{result.epoch, result.task, result.attempt};
    ack.attempts.push_back(attempt);
    const auto known = worker->attempts.find(owner_of(attempt));
    if (known == worker->attempts.end() || known->second != attempt) {
      ++state_.stale_messages;
      continue;
    }
    take_result(*state_.pipelines.find_task(known->first), bounded(result), now, out);
  }
  out.to_workers.push_back({peer, std::move(ack)});
}

/// The task that an attempt serves, which may not be the one it was started for.
TaskId Broker::owner_of(const protocol::AttemptRef& attempt) const {
  const auto found = state_.handed_over.find(attempt);
  return found != state_.handed_over.end() ? found->second : attempt.task;
}

void Broker::take_result(const FoundTask& found, protocol::AttemptResult result, const Now& now,
                         Outbox& out) {
  result.task = found.task->id;
  result.attempt = found.record->find_run(found.task->id)->attempts.back().attempt;
  if (result.outcome == Outcome::kSucceeded) {
    std::string contradiction = reuse_.bind_by_result(found, result, now, out);
    if (!contradiction.empty()) {
      result.outcome = Outcome::kRuntimeError;
      result.host_is_well = true;
      result.reason = std::move(contradiction);
      result.artifact = {};
      result.metrics.clear();
    }
  }
  lifecycle_.end_attempt(found, result, now, out);
}

void Broker::on_worker(PeerId peer, const protocol::Leaving& leaving, const Now& now, Outbox& out) {
  WorkerRecord* worker = require_session(peer, leaving.session, now, out);
  if (worker == nullptr) return;
  worker->leaving = true;
  state_.workers.changed();
}

void Broker::on_worker(PeerId peer, const protocol::Goodbye& goodbye, const Now& now, Outbox& out) {
  WorkerRecord* worker = require_session(peer, goodbye.session, now, out);
  if (worker == nullptr) return;
  state_.workers.left(*worker);
  state_.workers.unbind_peer(*worker);
  state_.workers.changed();
  take_back_all(*worker, Outcome::kReturned, worker->offer.name + " left", now, out);
}

void Broker::take_back_all(WorkerRecord& worker, Outcome outcome, const std::string& reason,
                           const Now& now, Outbox& out) {
  const auto attempts = worker.attempts;  // take_back changes the original
  for (const auto& [task, attempt] : attempts) {
    lifecycle_.take_back(*state_.pipelines.find_task(task), outcome, reason, now, out);
  }
}

}  // namespace landseer::broker
