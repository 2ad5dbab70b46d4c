#include "broker/core/trace_step.h"

#include "common/protocol/codec.h"
#include "common/protocol/fields.h"

namespace landseer::broker {
namespace {

/// The largest step is a record with the body of a submission.
constexpr std::size_t kStepBytesMax = protocol::kSubmissionBytesMax + 64 * 1024 * 1024;

struct TraceSettings {
  std::uint64_t epoch = 1;
  std::uint64_t seed = 1;
  std::int64_t lease_ns = 0;
  std::string bulk_address;
  bool keeps_history = false;
  std::uint64_t workers_max = 0;
  std::uint64_t pipelines_max = 0;
  std::uint64_t kept_tasks_max = 0;
  std::int64_t heartbeat_max_ns = 0;
  std::vector<protocol::NamedAmount> shared_resources;
  std::uint64_t live_tasks_per_owner_max = protocol::kLiveTasksPerOwnerMax;
  // Traces of before there were these: all at once.
  std::uint64_t built_inline_bytes_max = ~std::uint64_t{0};
  std::uint64_t hit_looks_max = ~std::uint64_t{0};
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("epoch", m.epoch);
    visit("seed", m.seed);
    visit("lease_ns", m.lease_ns);
    visit("bulk_address", m.bulk_address);
    visit("keeps_history", m.keeps_history);
    visit("workers_max", m.workers_max);
    visit("pipelines_max", m.pipelines_max);
    visit("kept_tasks_max", m.kept_tasks_max);
    visit("heartbeat_max_ns", m.heartbeat_max_ns);
    visit("shared_resources", protocol::added(m.shared_resources));
    visit("live_tasks_per_owner_max", protocol::added(m.live_tasks_per_owner_max));
    visit("built_inline_bytes_max", protocol::added(m.built_inline_bytes_max));
    visit("hit_looks_max", protocol::added(m.hit_looks_max));
  }
};

struct TraceDisk {
  bool low = false;
  std::uint64_t free_bytes = 0;
  std::uint64_t needed_bytes = 0;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("low", m.low);
    visit("free_bytes", m.free_bytes);
    visit("needed_bytes", m.needed_bytes);
  }
};

template <class T>
std::string pack(const T& value) {
  std::string out;
  protocol::Packer(out).put(value);
  return out;
}

template <class T>
Result<T> unpack(std::string_view bytes, std::size_t bytes_max) {
  return protocol::read_whole<T>(bytes, bytes_max, "");
}

TraceStep at(TraceKind kind, const Now& now) {
  TraceStep step;
  step.kind = kind;
  step.instant_ns = now.instant.nanoseconds;
  step.wall_ms = now.wall.unix_ms;
  return step;
}

}  // namespace

std::string encode_step(const TraceStep& step) { return pack(step); }

Result<TraceStep> decode_step(std::string_view bytes) {
  return unpack<TraceStep>(bytes, kStepBytesMax);
}

TraceStep trace_of(const Settings& settings) {
  std::vector<protocol::NamedAmount> shared;
  for (const auto& [name, amount] : settings.shared_resources) shared.push_back({name, amount});
  TraceStep step;
  step.bytes = pack(TraceSettings{
      settings.epoch, settings.seed, settings.lease.count(), settings.bulk_address,
      settings.keeps_history, settings.workers_max, settings.pipelines_max, settings.kept_tasks_max,
      settings.heartbeat_max.count(), std::move(shared), settings.live_tasks_per_owner_max,
      settings.built_inline_bytes_max, settings.hit_looks_max});
  return step;
}

TraceStep trace_of(const SnapshotItem& item, const Now& now) {
  TraceStep step = at(TraceKind::kItem, now);
  step.bytes = encode_item(item);
  if (const auto* pipeline = std::get_if<PipelineItem>(&item)) step.body = pipeline->body;
  return step;
}

TraceStep trace_of(const Record& record, const Now& now) {
  TraceStep step = at(TraceKind::kRecord, now);
  step.bytes = encode_record(record);
  if (const auto* added = std::get_if<PipelineAdded>(&record)) step.body = added->body;
  return step;
}

TraceStep trace_of(const Event& event, const Now& now) {
  const auto from = [&](TraceKind kind, const Caller& caller) {
    TraceStep step = at(kind, now);
    step.role = static_cast<std::uint8_t>(static_cast<unsigned>(caller.role) + 1);
    step.caller = caller.name;
    step.acts_for = caller.acts_for;
    step.public_key = caller.public_key;
    return step;
  };
  if (const auto* worker = std::get_if<FromWorkerPeer>(&event)) {
    TraceStep step = from(TraceKind::kWorker, worker->caller);
    step.peer = number(worker->peer);
    step.bytes = protocol::encode(worker->message);
    return step;
  }
  if (const auto* client = std::get_if<FromClientPeer>(&event)) {
    TraceStep step = from(TraceKind::kClient, client->caller);
    step.peer = number(client->peer);
    step.bytes = protocol::encode(client->message, client->number);
    return step;
  }
  if (const auto* gone = std::get_if<WorkerUnreachable>(&event)) {
    TraceStep step = at(TraceKind::kUnreachable, now);
    step.peer = number(gone->peer);
    return step;
  }
  TraceStep step = at(TraceKind::kDisk, now);
  const auto& disk = std::get<DiskSpace>(event);
  step.bytes = pack(TraceDisk{disk.low, disk.free_bytes, disk.needed_bytes});
  return step;
}

TraceStep trace_of(const Arrival& built, const Now& now) {
  TraceStep step = at(TraceKind::kBuilt, now);
  step.peer = built.build;
  if (!built.digest.empty()) return step;
  const Error& why = built.built.error();
  step.bytes = protocol::encode(
      protocol::ToClient(protocol::ErrorReply{why.code, why.message, why.where, why.hint}), 0);
  return step;
}

Error refusal_of(const TraceStep& step) {
  const auto frame = protocol::decode_to_client(step.bytes);
  const auto* why = frame ? std::get_if<protocol::ErrorReply>(&frame->message) : nullptr;
  if (why == nullptr) return {ErrorCode::kInternal, "", "", ""};
  return {why->code, why->message, why->where, why->hint};
}

TraceStep trace_of(TraceKind kind, const Now& now) { return at(kind, now); }

Result<Settings> settings_of(const TraceStep& step) {
  const auto traced = unpack<TraceSettings>(step.bytes, step.bytes.size());
  if (!traced) return tl::make_unexpected(traced.error());
  Settings settings;
  settings.epoch = traced->epoch;
  settings.seed = traced->seed;
  settings.lease = Duration(traced->lease_ns);
  settings.bulk_address = traced->bulk_address;
  settings.keeps_history = traced->keeps_history;
  settings.workers_max = traced->workers_max;
  settings.pipelines_max = traced->pipelines_max;
  settings.kept_tasks_max = traced->kept_tasks_max;
  settings.heartbeat_max = Duration(traced->heartbeat_max_ns);
  for (const auto& [name, amount] : traced->shared_resources) {
    settings.shared_resources[name] = amount;
  }
  settings.live_tasks_per_owner_max = traced->live_tasks_per_owner_max;
  settings.built_inline_bytes_max = traced->built_inline_bytes_max;
  settings.hit_looks_max = traced->hit_looks_max;
  return settings;
}

namespace {

/// Traces of before there were keys say nothing: then everybody was here.
Caller caller_of(const TraceStep& step) {
  if (step.role == 0) return local_caller();
  return {static_cast<keys::Role>(step.role - 1), step.caller, step.public_key, step.acts_for};
}

}  // namespace

Result<Event> event_of(const TraceStep& step) {
  if (step.kind == TraceKind::kUnreachable) return WorkerUnreachable{PeerId{step.peer}};
  if (step.kind == TraceKind::kWorker) {
    auto frame = protocol::decode_from_worker(step.bytes);
    if (!frame) return tl::make_unexpected(frame.error());
    return FromWorkerPeer{PeerId{step.peer}, std::move(frame->message), caller_of(step)};
  }
  if (step.kind == TraceKind::kClient) {
    auto frame = protocol::decode_from_client(step.bytes);
    if (!frame) return tl::make_unexpected(frame.error());
    return FromClientPeer{PeerId{step.peer}, frame->number, std::move(frame->message),
                          caller_of(step)};
  }
  const auto disk = unpack<TraceDisk>(step.bytes, step.bytes.size());
  if (!disk) return tl::make_unexpected(disk.error());
  return DiskSpace{disk->low, disk->free_bytes, disk->needed_bytes};
}

}  // namespace landseer::broker
