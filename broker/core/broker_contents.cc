/// Before a submission is accepted, workers look whether what they offer is what they said: it
/// would be taken for what the names in it mean.
#include <algorithm>

#include "broker/core/broker.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

/// Whether it said of anything that the submission names what its content is.
bool is_relied_on(const WorkerRecord& worker, const protocol::Submission& submission) {
  if (worker.state != WorkerState::kConnected || worker.session == 0) return false;
  if (!worker.dataset_content(submission.dataset_name, submission.dataset_variant).empty()) {
    return true;
  }
  const auto& tools = submission.tools;
  return std::any_of(tools.begin(), tools.end(), [&](const protocol::ToolEntry& tool) {
    return !worker.image_content(tool.image).empty();
  });
}

protocol::CheckContents question(const Arrival& arrival, const WorkerRecord& worker) {
  const protocol::Submission& submission = *arrival.submission;
  return {worker.session, arrival.check, submission.dataset_name, submission.dataset_variant};
}

}  // namespace

/// Leaves `unanswered` empty if there is nobody to ask.
Result<void> Broker::ask_workers(Arrival& arrival, const Now& now, Outbox& out) {
  if (state_.pipelines.find_submission(arrival.submission_id, arrival.caller.acts_for) != nullptr)
    return {};
  auto submission = protocol::decode_submission(arrival.body);
  if (!submission) return tl::make_unexpected(submission.error());
  arrival.submission = std::move(*submission);
  arrival.check = next_check_++;
  arrival.deadline = now.instant + kContentsCheckMax;
  for (const auto& [id, worker] : state_.workers.all()) {
    if (!is_relied_on(worker, *arrival.submission)) continue;
    arrival.unanswered.insert(id);
    out.to_workers.push_back({worker.peer, question(arrival, worker)});
  }
  return {};
}

/// Its conversation is a new one: what it was asked in the one before may be lost.
void Broker::ask_again(const WorkerRecord& worker, Outbox& out) {
  arrivals_.for_each([&](const Arrival& arrival) {
    if (!arrival.unanswered.contains(worker.id)) return;
    out.to_workers.push_back({worker.peer, question(arrival, worker)});
  });
  if (worker.unchecked == 0) return;
  protocol::CheckContents again = worker.unanswered;
  again.session = worker.session;
  out.to_workers.push_back({worker.peer, std::move(again)});
}

void Broker::on_worker(PeerId peer, const protocol::ContentsChecked& m, const Now& now,
                       Outbox& out) {
  WorkerRecord* worker = require_session(peer, m.session, now, out);
  if (worker == nullptr) return;
  if (worker->unchecked != 0 && m.number >= worker->unchecked) {
    worker->unchecked = 0;
    reuse_.bind_by_worker(*worker, now, out);
    state_.workers.changed();
    state_.placement_due = true;
  }
  arrivals_.answered(worker->id, m.number);
}

void Broker::accept_arrivals(const Now& now, Outbox& out) {
  while (auto arrival = arrivals_.take(now.instant)) {
    for (const WorkerId id : arrival->unanswered) {
      WorkerRecord* worker = state_.workers.find(id);
      if (worker == nullptr) continue;
      worker->unchecked = arrival->check;
      worker->unanswered = question(*arrival, *worker);
    }
    if (!arrival->unanswered.empty()) state_.workers.changed();
    accept(std::move(*arrival), now, out);
  }
}

void Broker::accept(Arrival arrival, const Now& now, Outbox& out) {
  const Caller caller = arrival.caller;
  const FromClientPeer from{arrival.peer, arrival.number, {}, caller};
  if (auto submitted = submit(std::move(arrival), now, out)) {
    const bool is_new = number(submitted->pipeline) != 0 && !submitted->existing;
    if (is_new) note_change(caller, "submit", to_string(submitted->pipeline), out);
    reply(from, *submitted, out);
  } else {
    reply_error(from, submitted.error(), out);
  }
}

}  // namespace landseer::broker
