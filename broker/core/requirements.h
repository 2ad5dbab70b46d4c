/// Why a worker cannot run a task, in words and numbers: what it does not offer at all, and what
/// others use of it now. For people; placement itself asks WorkerRecord.
#pragma once

#include <string>
#include <vector>

#include "broker/core/state.h"

namespace landseer::broker {

/// One condition that a worker cannot meet: as it is, or with what is in use of it.
struct Unmet {
  std::string text;    ///< `has 4 GPUs, it asks for 8`
  std::string change;  ///< of the request, that would do: `ask for 4 GPUs`
  double gap = 1;      ///< above 0, at most 1: how far it is from being met
  std::string kind{};  ///< `gpus`, see docs/protocol.md, "Part: Condition"
};

/// Empty exactly if `worker.can_run(request)`.
std::vector<Unmet> unmet_ever(const WorkerRecord& worker, const Request& request);
/// What others have of it now, when it could run the request otherwise. Empty exactly if it has
/// room.
std::vector<Unmet> unmet_now(const WorkerRecord& worker, const Request& request);
/// Of the broker's own resources: what it never has, or has not now.
std::vector<Unmet> unmet_shared_ever(const State& state, const Request& request);
std::vector<Unmet> unmet_shared_now(const State& state, const Request& request);

/// Why no known worker can ever run this request, and the smallest change that would let one; empty
/// if one can, or may: there is none yet, or one has not said yet what it offers. O(workers).
std::string impossible_text(const State& state, std::uint32_t request);
/// Of that, the change alone.
std::string smallest_change(const State& state, std::uint32_t request);

}  // namespace landseer::broker
