/// The heart of the simulator: virtual time, the events to come, the trace, and what was counted.
/// One thread; the same seed gives the same events in the same order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "tests/simulation/random.h"

namespace landseer::simulation {

/// A broken promise. The message says which, with names a reader can look for in the trace.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What goes wrong on purpose. Names are in faults.cc, in this order.
enum class Fault : std::uint8_t {
  kBrokerCrash,
  kBrokerPause,
  kPartition,
  kPartitionToWorker,
  kPartitionToBroker,
  kIsolation,
  kConnectionReset,
  kLossBurst,
  kDuplicateBurst,
  kAgentCrash,
  kAgentHang,
  kExecutorCrash,
  kSuspend,
  kReboot,
  kDiskLoss,
  kClockJump,
  kDrain,
  kOutOfMemory,
  kSickHost,
  kArtifactLoss,
  kOperator,
};
inline constexpr std::size_t kFaultKinds = 21;
const char* to_string(Fault fault);

/// Sums over schedules.
struct Counters {
  std::array<std::uint64_t, kFaultKinds> faults{};
  std::uint64_t schedules = 0;
  std::uint64_t events = 0;
  std::uint64_t steps = 0;  ///< turns of the broker
  std::uint64_t messages = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t garbled = 0;
  std::uint64_t refused_sends = 0;
  std::uint64_t encoded = 0;  ///< messages that went through the codec
  std::uint64_t tasks = 0;
  std::uint64_t attempts = 0;
  std::uint64_t runs = 0;  ///< of tools
  std::uint64_t bad_runs = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t full_checks = 0;
  std::uint64_t hits = 0;      ///< tasks that got a known result
  std::uint64_t joins = 0;     ///< tasks that waited for the work of another pipeline
  std::uint64_t handed = 0;    ///< attempts that outlived who asked for them
  std::uint64_t parts = 0;     ///< of pipelines that were cancelled, and changes of their order
  std::uint64_t pauses = 0;    ///< of parts, and their ends
  std::uint64_t pruned = 0;    ///< tasks that a rule ended
  std::uint64_t released = 0;  ///< artifacts that a worker was allowed to remove
  std::uint64_t virtual_ms = 0;

  void add(const Counters& other);
  std::uint64_t planned_faults() const;
};

class Kernel {
 public:
  Kernel(std::uint64_t seed, bool tracing) : random(mix(seed, 1)), tracing_(tracing) {
    heap_.reserve(512);
  }

  /// True time, which no process of the simulated world can read.
  Instant now() const { return now_; }

  /// Events at one time run in the order they were scheduled.
  template <class Work>
  void at(Instant when, Work work) {
    heap_.push_back(
        {std::max(when, now_), next_sequence_++, std::make_unique<Holder<Work>>(std::move(work))});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  template <class Work>
  void after(Duration delay, Work work) {
    at(now_ + delay, std::move(work));
  }

  /// Runs the next event. False: there is none.
  bool step() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.when;
    ++counters.events;
    event.work->run();
    return true;
  }

  /// Part of the trace: `what` names the place in the simulator, the numbers what happened there.
  template <class... Numbers>
  void note(std::uint64_t what, Numbers... numbers) {
    stir(static_cast<std::uint64_t>(now_.nanoseconds));
    stir(what);
    (stir(static_cast<std::uint64_t>(numbers)), ...);
  }
  std::uint64_t trace_hash() const { return hash_; }
  bool tracing() const { return tracing_; }
  /// A line of the trace for people; call only while tracing.
  void say(const std::string& text) const;

  void count(Fault fault) { ++counters.faults[static_cast<std::size_t>(fault)]; }

  Random random;
  Counters counters;

 private:
  void stir(std::uint64_t number) {
    hash_ = (hash_ ^ number) * 0x9E3779B97F4A7C15ull;
    hash_ ^= hash_ >> 29;
  }
  struct Work {
    virtual ~Work() = default;
    virtual void run() = 0;
  };
  template <class Body>
  struct Holder final : Work {
    explicit Holder(Body given) : body(std::move(given)) {}
    void run() override { body(); }
    Body body;
  };
  struct Event {
    Instant when;
    std::uint64_t sequence = 0;
    std::unique_ptr<Work> work;
  };
  static bool later(const Event& a, const Event& b) {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  Instant now_{};
  std::uint64_t next_sequence_ = 0;
  std::uint64_t hash_ = 0;
  bool tracing_ = false;
  std::vector<Event> heap_;
};

/// A machine's clocks. The boot clock runs a little fast or slow and goes on in suspend; the wall
/// clock jumps.
class Clock {
 public:
  Clock(Instant base, std::int64_t drift_ppm) : base_(base), drift_ppm_(drift_ppm) {}

  Instant boot(Instant truth) const {
    return base_ + Duration(truth.nanoseconds + truth.nanoseconds / 1'000'000 * drift_ppm_);
  }
  /// The first moment at which the boot clock shows `shown` or more.
  Instant when(Instant shown) const;
  Now now(Instant truth) const {
    return {boot(truth), WallTime{kWallBaseMs + boot(truth).nanoseconds / 1'000'000 + jump_ms_}};
  }
  void jump(std::int64_t milliseconds) { jump_ms_ += milliseconds; }

 private:
  static constexpr std::int64_t kWallBaseMs = 1'700'000'000'000;
  Instant base_;
  std::int64_t drift_ppm_;
  std::int64_t jump_ms_ = 0;
};

}  // namespace landseer::simulation
