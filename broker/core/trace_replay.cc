#include "broker/core/trace_replay.h"

#include "broker/core/state_digest.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorCode::kInvalid, "the trace makes no sense: " + what, "trace",
              "it is damaged, or of another version");
}

}  // namespace

Result<void> TraceReplay::step(const TraceStep& step) {
  ++steps_;
  if (step.kind == TraceKind::kSettings) return start(step);
  if (!core_) return wrong("it does not begin with settings");
  const Now now{Instant{step.instant_ns}, WallTime{step.wall_ms}};
  if (auto fed = feed(step, now); !fed) return fed;
  if (step.kind == TraceKind::kSettle) emit();
  return {};
}

/// A trace may hold several starts of a broker, one after the other.
Result<void> TraceReplay::start(const TraceStep& step) {
  const auto settings = settings_of(step);
  if (!settings) return tl::make_unexpected(settings.error());
  end();
  core_ = std::make_unique<Broker>(*settings);
  return {};
}

Result<void> TraceReplay::feed(const TraceStep& step, const Now& now) {
  switch (step.kind) {
    case TraceKind::kSettings:
      return {};
    case TraceKind::kItem: {
      auto item = decode_item(step.bytes);
      if (!item) return tl::make_unexpected(item.error());
      if (auto* pipeline = std::get_if<PipelineItem>(&*item)) pipeline->body = step.body;
      return core_->load(*item, now);
    }
    case TraceKind::kLoaded:
      return core_->end_load(now);
    case TraceKind::kRecord: {
      auto record = decode_record(step.bytes);
      if (!record) return tl::make_unexpected(record.error());
      if (auto* added = std::get_if<PipelineAdded>(&*record)) added->body = step.body;
      return core_->replay(*record, now);
    }
    case TraceKind::kReplayed:
      core_->end_replay(now);
      return {};
    case TraceKind::kArchived:
      core_->archived(PipelineId{step.peer});
      return {};
    case TraceKind::kSnapshotBegun:
      if (core_->snapshot_active()) return wrong("two snapshots at once");
      core_->begin_snapshot();
      return {};
    case TraceKind::kSnapshotPart:
      if (!core_->snapshot_active()) return wrong("a part of no snapshot");
      decide("snapshot_part", 0, core_->next_snapshot_part(step.peer));
      return {};
    case TraceKind::kWorker:
    case TraceKind::kClient:
    case TraceKind::kUnreachable:
    case TraceKind::kDisk: {
      const auto event = event_of(step);
      if (!event) return tl::make_unexpected(event.error());
      core_->handle(*event, now, out_);
      return {};
    }
    case TraceKind::kSettle:
      core_->settle(now, out_);
      return {};
    case TraceKind::kBuilt:
      return take_built(step, now);
  }
  return wrong("an unknown step");
}

Result<void> TraceReplay::take_built(const TraceStep& step, const Now& now) {
  auto asked = builds_.extract(step.peer);
  if (asked.empty()) return wrong("built what was not asked for");
  if (step.bytes.empty()) {
    core_->take_built(build(std::move(asked.mapped())), now, out_);
    return {};
  }
  asked.mapped().arrival.built = tl::make_unexpected(refusal_of(step));
  core_->take_built(std::move(asked.mapped().arrival), now, out_);
  return {};
}

void TraceReplay::emit() {
  for (const Blob& blob : out_.blobs) decide("blob", 0, blob.digest.hex());
  for (const Record& record : out_.records) decide("record", 0, encode_record(record));
  for (const Digest& blob : out_.unneeded_blobs) decide("unneeded_blob", 0, blob.hex());
  for (const WorkerMail& mail : out_.to_workers) {
    decide("to_worker", number(mail.peer), protocol::encode(mail.message));
  }
  for (const ClientMail& mail : out_.to_clients) {
    decide("to_client", number(mail.peer), protocol::encode(mail.message, mail.number));
  }
  for (const std::string& notice : out_.notices) decide("notice", 0, notice);
  for (const Audit& audit : out_.audits) {
    decide("audit", 0, audit.key + " " + audit.role + " " + audit.verb + " " + audit.target);
  }
  for (BuildRequest& request : out_.builds) {
    const std::uint64_t number = request.arrival.build;
    decide("build", number, request.arrival.body);
    builds_.emplace(number, std::move(request));
  }
  out_.clear();
}

void TraceReplay::decide(std::string_view kind, std::uint64_t peer, std::string_view bytes) {
  ++decisions_;
  hasher_.update(kind);
  hasher_.update(" " + std::to_string(peer) + " " + std::to_string(bytes.size()) + " ");
  hasher_.update(bytes);
  if (sink_) sink_({kind, peer, bytes});
}

/// What was handled and not settled, and what was there.
void TraceReplay::end() {
  if (!core_) return;
  emit();
  decide("state", core_->fingerprint(), state_digest(core_->state()).hex());
  core_.reset();
  builds_.clear();
}

Digest TraceReplay::finish() {
  end();
  return hasher_.finish();
}

}  // namespace landseer::broker
