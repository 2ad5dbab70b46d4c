/// Holding parts of a pipeline back. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/protocol/selection.h"

namespace landseer::protocol {

/// Pause for any part of a pipeline. A broker that does not know it refuses it, and so does not
/// hold back more than was meant.
struct PausePart {
  Selection what;           ///< `pruned` has no meaning here
  bool paused = true;       ///< false: resume
  bool everything = false;  ///< to resume a whole pipeline: whatever of it is paused, too
  bool operator==(const PausePart&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("what", m.what);
    visit("paused", m.paused);
    visit("everything", m.everything);
  }
};

struct PartPaused {
  PipelineId pipeline{};
  bool changed = false;            ///< false: it was so already
  std::uint64_t tasks = 0;         ///< pending ones of the part that do not start, or again may
  std::uint64_t running = 0;       ///< of the part: they go on, whatever was asked for
  std::uint64_t shared = 0;        ///< pending ones that workflows want which are not paused
  std::uint64_t still_paused = 0;  ///< after a resume: pending ones that something else holds back
  std::vector<std::string> why{};  ///< by what, for people; at most a few
  bool pipeline_paused = false;    ///< as a whole: nothing of it starts before that is resumed
  bool operator==(const PartPaused&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("changed", m.changed);
    visit("tasks", m.tasks);
    visit("running", m.running);
    visit("shared", m.shared);
    visit("still_paused", m.still_paused);
    visit("why", m.why);
    visit("pipeline_paused", m.pipeline_paused);
  }
};

}  // namespace landseer::protocol
