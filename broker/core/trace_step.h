/// Everything that a core was given, in order, as bytes: from a trace it can be run again, on
/// another machine or another build, and decides the same. What a core was *told* is traced, not
/// what it decided; a journal has the latter. docs/operations.md, "Traces".
/// Pure; the file is broker/io/trace_file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/arrivals.h"
#include "broker/core/events.h"
#include "broker/core/records.h"
#include "broker/core/settings.h"
#include "broker/core/snapshot_items.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/protocol/bytes.h"

namespace landseer::broker {

/// How a trace file begins; steps follow, each as append_entry() writes it.
inline constexpr std::string_view kTraceMagic = "landseer trace 1\n";

/// Numbers are in trace files: append only.
enum class TraceKind : std::uint8_t {
  kSettings = 1,  ///< the first of each start
  kItem,          ///< of a snapshot
  kLoaded,
  kRecord,  ///< of the journal
  kReplayed,
  kWorker,  ///< a frame from a worker
  kClient,
  kUnreachable,
  kDisk,
  kSettle,
  kArchived,
  kSnapshotBegun,
  kSnapshotPart,
  kBuilt,  ///< what was built elsewhere came back; or only an error did
};
constexpr TraceKind last_of(TraceKind) { return TraceKind::kBuilt; }

struct TraceStep {
  TraceKind kind = TraceKind::kSettings;
  std::int64_t instant_ns = 0;
  std::int64_t wall_ms = 0;
  /// Or the pipeline that is archived, the tasks of a part, the number of what was built.
  std::uint64_t peer = 0;
  std::string bytes;
  std::string body;  ///< with an item or a record: what is kept beside it
  // With a frame: who it came from. Role 0: nobody had a key.
  std::uint8_t role = 0;
  std::string caller{};
  std::string acts_for{};
  std::string public_key{};
  bool operator==(const TraceStep&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("kind", m.kind);
    visit("instant_ns", m.instant_ns);
    visit("wall_ms", m.wall_ms);
    visit("peer", m.peer);
    visit("bytes", protocol::as_bytes(m.bytes));
    visit("body", protocol::as_bytes(m.body));
    visit("role", protocol::added(m.role));
    visit("caller", protocol::added(m.caller));
    visit("acts_for", protocol::added(m.acts_for));
    visit("public_key", protocol::added(protocol::as_bytes(m.public_key)));
  }
};

std::string encode_step(const TraceStep& step);
Result<TraceStep> decode_step(std::string_view bytes);

// What each of a core's inputs is in a trace. The secret of the settings stays out of it.
TraceStep trace_of(const Settings& settings);
TraceStep trace_of(const SnapshotItem& item, const Now& now);
TraceStep trace_of(const Record& record, const Now& now);
TraceStep trace_of(const Event& event, const Now& now);
TraceStep trace_of(const Arrival& built, const Now& now);
TraceStep trace_of(TraceKind kind, const Now& now);

// And back. Errors name what is wrong with the step.
Result<Settings> settings_of(const TraceStep& step);
Result<Event> event_of(const TraceStep& step);
/// What an arrival was not built for; kInternal: it was.
Error refusal_of(const TraceStep& step);

}  // namespace landseer::broker
