/// Before a submission is accepted, workers look whether what they offer is what they said: it
/// would be taken for what the names in it mean.
#include <algorithm>

#include "broker/core/broker.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

/// Those that said of anything that the submission names what its content is.
std::set<WorkerId> relied_on(const WorkerTable& workers, const PipelineRecord& record) {
  std::set<WorkerId> found;
  const auto add = [&](WorkerId id, const Digest& content) {
    const WorkerRecord& worker = *workers.find(id);
    const bool is_here = worker.state == WorkerState::kConnected && worker.session != 0;
    if (is_here && !content.empty()) found.insert(id);
  };
  const auto& dataset = record.pipeline->dataset;
  for (const WorkerId id : workers.with_dataset(dataset.name)) {
    add(id, workers.find(id)->dataset_content(dataset.name, dataset.variant));
  }
  std::set<std::string_view> images;
  for (const ToolLeft& each : record.tools) {
    const std::string& image = each.tool->container.image;
    if (!images.insert(image).second) continue;
    for (const WorkerId id : workers.with_image(image)) {
      add(id, workers.find(id)->image_content(image));
    }
  }
  return found;
}

protocol::CheckContents question(const Arrival& arrival, const WorkerRecord& worker) {
  const auto& dataset = arrival.built->record->pipeline->dataset;
  return {worker.session, arrival.check, dataset.name, dataset.variant};
}

}  // namespace

/// Leaves `unanswered` empty if there is nobody to ask.
void Broker::ask_workers(Arrival& arrival, const Now& now, Outbox& out) {
  arrival.check = next_check_++;
  arrival.deadline = now.instant + kContentsCheckMax;
  arrival.unanswered = relied_on(state_.workers, *arrival.built->record);
  for (const WorkerId id : arrival.unanswered) {
    const WorkerRecord& worker = *state_.workers.find(id);
    out.to_workers.push_back({worker.peer, question(arrival, worker)});
  }
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

}  // namespace landseer::broker
