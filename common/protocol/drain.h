/// Taking workers out of use. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace landseer::protocol {

/// A user wants workers to get no new attempts, or to get some again. Exactly one of `worker` and
/// `label_key` is not empty.
struct Drain {
  std::string worker;  ///< its name, or its id as `worker_3`
  std::string label_key;
  std::string label_value;
  bool drained = true;  ///< false: undrain
  bool now = false;     ///< what they have is given back; else they finish it
  bool operator==(const Drain&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("label_key", m.label_key);
    visit("label_value", m.label_value);
    visit("drained", m.drained);
    visit("now", m.now);
  }
};

struct DrainedWorker {
  WorkerId worker{};
  std::string name;
  bool changed = false;       ///< false: it was so already
  std::uint64_t running = 0;  ///< attempts it still has
  bool operator==(const DrainedWorker&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("name", m.name);
    visit("changed", m.changed);
    visit("running", m.running);
  }
};

struct Drained {
  std::vector<DrainedWorker> workers;
  bool operator==(const Drained&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("workers", m.workers);
  }
};

}  // namespace landseer::protocol
