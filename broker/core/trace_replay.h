/// Runs the core by a trace, see trace_step.h. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "broker/core/broker.h"
#include "broker/core/trace_step.h"
#include "common/base/digest.h"

namespace landseer::broker {

/// What a core decides goes to the sink: records, blobs, messages and notices,
/// in the order of its outbox.
class TraceReplay {
 public:
  struct Decision {
    /// `record`, `blob`, `unneeded_blob`, `to_worker`, `to_client`, `notice`, `build`,
    /// `snapshot_part` or `state`.
    std::string_view kind;
    std::uint64_t peer = 0;
    std::string_view bytes;
  };
  using Sink = std::function<void(const Decision&)>;

  explicit TraceReplay(Sink sink = {}) : sink_(std::move(sink)) {}

  /// An error names what is wrong with the trace; the replay must not go on then.
  Result<void> step(const TraceStep& step);

  std::uint64_t steps() const { return steps_; }
  std::uint64_t decisions() const { return decisions_; }
  /// Of all decisions and the state at the end of each start. Call once.
  Digest finish();

 private:
  Result<void> start(const TraceStep& step);
  void end();
  Result<void> feed(const TraceStep& step, const Now& now);
  Result<void> take_built(const TraceStep& step, const Now& now);
  void emit();
  void decide(std::string_view kind, std::uint64_t peer, std::string_view bytes);

  Sink sink_;
  std::unique_ptr<Broker> core_;
  Outbox out_;
  std::map<std::uint64_t, BuildRequest> builds_;  // asked for, and not back yet
  Hasher hasher_;
  std::uint64_t steps_ = 0;
  std::uint64_t decisions_ = 0;
};

}  // namespace landseer::broker
