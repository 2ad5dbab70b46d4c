/// From the last chunk of a submission to its answer: it is built, here or elsewhere; workers are
/// asked what its names stand for; it is accepted and becomes a pipeline, unless it is only a plan;
/// and results that are known already are looked for, in slices.
#include <algorithm>
#include <tuple>

#include "broker/core/broker.h"
#include "broker/core/trace_step.h"
#include "common/protocol/limits.h"

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

/// The id means another pipeline already.
Error is_another(const Arrival& arrival, const PipelineRecord& known) {
  return {ErrorCode::kConflict,
          "submission id '" + arrival.submission_id + "' was used for another pipeline, " +
              to_string(known.id()),
          arrival.submission_id, "leave --submission-id out, or choose a new one"};
}

/// Different requests of one submission: each is looked at for itself, by every pass of placement.
constexpr std::uint32_t kRequestsMax = 4096;
/// So many are searched for known results at once; each may be large.
constexpr std::size_t kLargeSearchesMax = 2;
constexpr std::size_t kLargeTasks = 10'000;
/// And so many in all wait for their next slice; docs/protocol.md, "Limits".
constexpr std::size_t kSearchesMax = 64;
/// Plans leave the different requests of their tasks behind, until the broker is started again.
constexpr std::uint32_t kRequestsKeptForPlans = 200'000;
constexpr std::uint32_t kBuildRetryMs = 2000;

ClientMail refusal(PeerId peer, std::uint64_t number, const Error& why) {
  const std::uint32_t retry_ms = why.code == ErrorCode::kBusy ? kBuildRetryMs : 0;
  return {peer, number, protocol::ErrorReply{why.code, why.message, why.where, why.hint, retry_ms}};
}

}  // namespace

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
  if (searches_.size() >= kSearchesMax) {
    std::ignore = staging_.take(from.peer, m.submission_id);  // it comes again from its beginning
    out.to_clients.push_back(
        refusal(from.peer, from.number,
                {ErrorCode::kBusy, "too many submissions are searched for known results", "broker",
                 "ask again a little later"}));
    return;
  }
  Arrival arrival{next_build_++,
                  from.peer,
                  from.number,
                  m.submission_id,
                  staging_.take(from.peer, m.submission_id),
                  from.caller,
                  m.plan_only};
  if (arrival.body.size() > settings().built_inline_bytes_max) {
    out.builds.push_back({std::move(arrival), state_.times.expected()});
    return;
  }
  build(arrival, [&](const std::string& tool) { return state_.times.expected(tool); });
  ask_about(std::move(arrival), now, out);
}

void Broker::take_built(Arrival arrival, const Now& now, Outbox& out) {
  if (trace_) trace_(trace_of(arrival, now));
  if (!arrival.digest.empty()) return ask_about(std::move(arrival), now, out);
  out.to_clients.push_back(refusal(arrival.peer, arrival.number, arrival.built.error()));
}

bool Broker::has_room_for_built() const {
  const auto is_large = [&](const Search& search) {
    const PipelineRecord* record =
        search.plan ? search.plan.get() : state_.pipelines.find(search.pipeline);
    return record != nullptr && record->pipeline->tasks.size() > kLargeTasks;
  };
  const auto large = std::count_if(searches_.begin(), searches_.end(), is_large);
  return static_cast<std::size_t>(large) < kLargeSearchesMax &&
         arrivals_.tasks() < protocol::kTasksPerSubmissionMax;
}

void Broker::ask_about(Arrival arrival, const Now& now, Outbox& out) {
  const bool is_known =
      state_.pipelines.find_submission(arrival.submission_id, arrival.caller.acts_for) != nullptr;
  if (arrival.built && !is_known) ask_workers(arrival, now, out);
  if (!arrival.unanswered.empty()) return arrivals_.add(std::move(arrival));
  accept(std::move(arrival), now, out);
}

void Broker::accept(Arrival arrival, const Now& now, Outbox& out) {
  const FromClientPeer from{arrival.peer, arrival.number, {}, arrival.caller};
  const PipelineRecord* known =
      state_.pipelines.find_submission(arrival.submission_id, arrival.caller.acts_for);
  if (known != nullptr) {
    if (known->submission_digest == arrival.digest) {
      reply(from, answer_for(*known, true), out);
    } else {
      reply_error(from, is_another(arrival, *known), out);
    }
    return discard(std::move(arrival), out);
  }
  if (auto may = may_accept(arrival); !may) {
    reply_error(from, may.error(), out);
    return discard(std::move(arrival), out);
  }
  Search search{from, {}, {}, {}};
  if (arrival.plan_only) {
    domain::IdCounters ids = state_.ids;
    search.plan = adopt(std::move(*arrival.built), ids, state_.requests, state_.times, now.wall);
  } else {
    search.pipeline = submit(std::move(arrival), now, out);
  }
  if (!look_further(search, now, out)) searches_.push_back(std::move(search));
}

/// The least of what it would need is known here: so nothing is changed by one that is refused.
Result<void> Broker::may_accept(const Arrival& arrival) const {
  if (!arrival.built) return tl::make_unexpected(arrival.built.error());
  if (const auto requests = arrival.built->requests.size(); requests > kRequestsMax) {
    return fail(ErrorCode::kLimit,
                "the tasks ask for " + std::to_string(requests) +
                    " different things, the limit is " + std::to_string(kRequestsMax),
                "submission", "use fewer images and sets of resources, or submit in parts");
  }
  if (state_.disk.low) return tl::make_unexpected(disk_is_low(state_.disk));
  if (arrival.plan_only && state_.requests.size() > kRequestsKeptForPlans) {
    return fail(ErrorCode::kLimit, "the broker has seen too many different requests to plan more",
                "broker", "submit it, or start the broker again");
  }
  if (arrival.plan_only) return {};
  return has_room_for_more(arrival.caller.acts_for, arrival.built->record->pipeline->tasks.size());
}

PipelineId Broker::submit(Arrival arrival, const Now& now, Outbox& out) {
  make_room(arrival.built->record->pipeline->tasks.size(), now, out);
  auto record =
      adopt(std::move(*arrival.built), state_.ids, state_.requests, state_.times, now.wall);
  record->submission_digest = arrival.digest;
  record->owner = arrival.caller.acts_for;
  if (const Digest& script = record->key_context.model_script; !script.empty()) {
    // The pipeline that made room may have had the same one.
    std::erase(out.unneeded_blobs, script);
    out.blobs.push_back({script, std::move(arrival.model_script)});
  }
  PipelineRecord& added =
      ledger_.commit_pipeline(std::move(record), std::move(arrival.body), now, out);
  reuse_.bind_contents(added, now, out);
  note_change(arrival.caller, "submit", to_string(added.id()), out);
  return added.id();
}

/// One slice; true if it was the last, and the client is answered.
bool Broker::look_further(Search& search, const Now& now, Outbox& out) {
  if (search.plan) {
    reuse_.find_hits(*search.plan, search.hits, settings().hit_looks_max);
    if (!search.hits.done) return false;
    reply(search.from, answer_for_plan(search), out);
    out.discarded.push_back(std::move(search.plan));
    return true;
  }
  PipelineRecord* record = state_.pipelines.find(search.pipeline);
  if (record == nullptr) {  // cancelled and forgotten meanwhile
    reply_error(search.from, no_pipeline(search.pipeline), out);
    return true;
  }
  reuse_.take_hits(*record, search.hits, settings().hit_looks_max, now, out);
  if (search.hits.done) reply(search.from, answer_for(*record, false), out);
  return search.hits.done;
}

/// One slice of one of them a turn.
void Broker::look_further(const Now& now, Outbox& out) {
  if (searches_.empty()) return;
  Search search = std::move(searches_.front());
  searches_.pop_front();
  if (!look_further(search, now, out)) searches_.push_back(std::move(search));
}

void Broker::discard(Arrival arrival, Outbox& out) {
  if (arrival.built && arrival.built->record) {
    out.discarded.push_back(std::move(arrival.built->record));
  }
}

protocol::Submitted Broker::answer_for(const PipelineRecord& record, bool existing) {
  protocol::Submitted submitted = summary_of(record);
  submitted.existing = existing;
  submitted.notices = impossible_requests(record);
  return submitted;
}

protocol::Submitted Broker::answer_for_plan(const Search& search) {
  const PipelineRecord& plan = *search.plan;
  protocol::Submitted planned = answer_for(plan, false);
  planned.pipeline = PipelineId{};
  const std::vector<TaskHit>& hits = search.hits.found;
  planned.cached = hits.size();
  planned.cached_tasks.resize(hits.empty() ? 0 : (planned.tasks + 7) / 8);
  for (const TaskHit& hit : hits) {
    const std::uint64_t i = number(hit.task) - number(plan.first_task);
    char& byte = planned.cached_tasks[i / 8];
    byte = static_cast<char>(byte | 1 << (i % 8));
  }
  return planned;
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

}  // namespace landseer::broker
