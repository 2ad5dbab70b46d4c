#include "broker/core/broker.h"

#include <algorithm>

#include "broker/core/fingerprint.h"
#include "broker/core/trace_step.h"
#include "common/base/check.h"

namespace landseer::broker {
namespace {

void lower(std::optional<Instant>& deadline, std::optional<Instant> other) {
  if (other && (!deadline || *other < *deadline)) deadline = other;
}

}  // namespace

Broker::Broker(const Settings& settings)
    : state_(settings),
      loader_(state_),
      snapshot_(state_),
      ledger_(state_, snapshot_),
      reuse_(state_, ledger_),
      lifecycle_(state_, ledger_, reuse_),
      placement_(state_, lifecycle_, reuse_),
      pruner_(state_, ledger_, lifecycle_),
      quota_(protocol::kRequestsPerSecond, protocol::kRequestsBurst) {
  // Sessions of different starts of the broker never meet.
  next_session_ = (settings.epoch << 32) + 1;
  next_check_ = next_session_;
  state_.requests.set_shared(settings.shared_resources);
  state_.workers.set_shared(settings.shared_resources);
}

void Broker::trace_to(std::function<void(const TraceStep&)> trace) {
  trace_ = std::move(trace);
  trace_(trace_of(state_.settings));
}

Result<void> Broker::load(const SnapshotItem& item, const Now& now) {
  if (trace_) trace_(trace_of(item, now));
  return loader_.add(item, now);
}

Result<void> Broker::end_load(const Now& now) {
  if (trace_) trace_(trace_of(TraceKind::kLoaded, now));
  return loader_.finish(now);
}

Result<void> Broker::replay(const Record& record, const Now& now) {
  if (trace_) trace_(trace_of(record, now));
  return ledger_.replay(record, now);
}

void Broker::end_replay(const Now& now) {
  if (trace_) trace_(trace_of(TraceKind::kReplayed, now));
  ledger_.end_replay(now);
}

void Broker::begin_snapshot() {
  if (trace_) trace_(trace_of(TraceKind::kSnapshotBegun, {}));
  snapshot_.begin();
}

std::string Broker::next_snapshot_part(std::size_t tasks_max) {
  if (trace_) {
    TraceStep step = trace_of(TraceKind::kSnapshotPart, {});
    step.peer = tasks_max;
    trace_(step);
  }
  return snapshot_.next_part(tasks_max);
}

void Broker::archived(PipelineId id) {
  if (trace_) {
    TraceStep step = trace_of(TraceKind::kArchived, {});
    step.peer = number(id);
    trace_(step);
  }
  state_.pipelines.archived(id);
}

void Broker::handle(const Event& event, const Now& now, Outbox& out) {
  if (trace_) trace_(trace_of(event, now));
  if (const auto* worker = std::get_if<FromWorkerPeer>(&event)) {
    if (const auto* hello = std::get_if<protocol::Hello>(&worker->message)) {
      return on_hello(*worker, *hello, now, out);
    }
    std::visit(
        [&]<class Message>(const Message& message) {
          if constexpr (!std::is_same_v<Message, protocol::Hello>) {
            on_worker(worker->peer, message, now, out);
          }
        },
        worker->message);
  } else if (const auto* client = std::get_if<FromClientPeer>(&event)) {
    on_client_peer(*client, now, out);
  } else if (const auto* gone = std::get_if<WorkerUnreachable>(&event)) {
    // Its next message is answered with Rehello, and Hello settles what it holds.
    if (WorkerRecord* found = state_.workers.find_peer(gone->peer)) {
      state_.workers.unbind_peer(*found);
      state_.workers.changed();
    }
  } else {
    state_.disk = std::get<DiskSpace>(event);
  }
}

void Broker::settle(const Now& now, Outbox& out) {
  if (trace_) trace_(trace_of(TraceKind::kSettle, now));
  check_liveness(now, out);
  lifecycle_.release_held(now);
  pruner_.settle(now, out);
  look_further(now, out);
  accept_arrivals(now, out);
  if (state_.placement_due) placement_.place(now, out);
  // What was placed may have turned out to be known already.
  pruner_.settle(now, out);
  answer_watchers(now, out);
  answer_followers(now, out);
  settle_due_ = next_deadline(now);
}

std::optional<Instant> Broker::next_deadline(const Now& now) const {
  std::optional<Instant> deadline = watchers_.next_deadline();
  lower(deadline, arrivals_.next_deadline());
  if (!followers_.empty()) lower(deadline, followers_.begin()->first);
  if (state_.placement_due || !searches_.empty()) lower(deadline, now.instant);
  if (!state_.held.empty()) lower(deadline, state_.held.begin()->first);
  lower(deadline, liveness_deadline());
  return deadline;
}

void Broker::check_invariants() const {
  std::size_t live = 0;
  std::uint64_t sum = 0;
  for (const auto& [id, record] : state_.pipelines.all()) {
    domain::Progress counted;
    std::uint64_t pruned = 0;
    sum += broker::fingerprint(*record) + fingerprint_of_tasks(*record);
    for (const auto& task : record->pipeline->tasks) {
      ++counted.total;
      const TaskRun* run = record->find_run(task->id);
      const bool has_attempt = run != nullptr && run->live();
      CHECK((task->status == domain::TaskStatus::kRunning) == has_attempt,
            "a task runs exactly while it has a live attempt");
      if (has_attempt) {
        ++live;
        const WorkerRecord* worker = state_.workers.find(run->worker);
        const protocol::AttemptRow& row = run->attempts.back();
        const bool is_inherited = number(row.origin_task) != 0;
        CHECK(worker != nullptr && worker->attempts.contains(task->id) &&
                  worker->attempts.at(task->id).attempt ==
                      (is_inherited ? row.origin_attempt : row.attempt),
              "the worker holds the live attempt");
      }
      if (task->status == domain::TaskStatus::kCompleted) ++counted.completed;
      if (task->status == domain::TaskStatus::kCancelled && task->pruned) ++pruned;
    }
    CHECK(pruned == record->pruned, "pruned tasks are counted");
    CHECK(counted.total == record->scheduler->get_progress().total, "no task is lost");
    CHECK(counted.completed == record->scheduler->get_progress().completed, "counts are right");
    CHECK((record->finished_at != 0) == record->terminal(), "a finished pipeline has its time");
    CHECK(record->terminal() ==
              !state_.pipelines.active().contains({-record->priority, record->id()}),
          "active pipelines are the unfinished ones");
    std::uint64_t left = 0;
    for (const ToolLeft& each : record->tools) left += each.left;
    const domain::Progress known = record->scheduler->get_progress();
    CHECK(left == known.pending + known.running, "what is left of each tool is counted");
    const std::uint64_t whole = static_cast<std::uint64_t>(
        std::count(record->workflow_remaining.begin(), record->workflow_remaining.end(), 0u));
    CHECK(whole == record->workflows_completed, "completed workflows are counted");
  }
  std::size_t held = 0;
  for (const auto& [id, worker] : state_.workers.all()) {
    held += worker.attempts.size();
    sum += broker::fingerprint(worker);
    std::int64_t used = 0;
    for (const auto& [task, attempt] : worker.attempts) {
      const auto found = const_cast<PipelineTable&>(state_.pipelines).find_task(task);
      const Request& request = state_.requests.at(worker.request_of(*found->task));
      if (request.runtime != kNoopRuntime) used += request.resources.cpus_milli;
    }
    CHECK(worker.cpus_free_milli + used == std::int64_t{worker.offer.cpus_milli},
          "what is reserved is what the attempts ask for");
    for (const protocol::ImageOffer& image : worker.offer.images) {
      CHECK(state_.workers.with_image(image.image).contains(id), "it is found by its images");
    }
    for (const protocol::DatasetOffer& dataset : worker.offer.datasets) {
      CHECK(state_.workers.with_dataset(dataset.name).contains(id), "and by its data sets");
    }
    CHECK(worker.session == 0 || used <= (1 + kAheadMax) * std::int64_t{worker.offer.cpus_milli},
          "no more is promised than allowed");
  }
  for (const auto& [tool, device, time] : state_.times.rows()) {
    sum += broker::fingerprint(tool, device, time);
  }
  CHECK(sum == state_.fingerprint, "the fingerprint is that of the state");
  CHECK(held == live, "every live attempt is on one worker");
}

}  // namespace landseer::broker
