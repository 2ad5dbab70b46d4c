/// Which GPUs a worker offers.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/worker_messages.h"

namespace landseer::worker {

/// `choice` is `auto`, `none` or a list of indices and UUIDs (or beginnings of them), `visible` the
/// worker's own CUDA_VISIBLE_DEVICES or null, `present` what the driver knows; `is_known`: there is
/// a driver to ask. What is named is taken as given when there is none, and so are MIG instances.
/// kInvalid, kNotFound: the choice is no list, or names what is not there.
Result<std::vector<protocol::GpuOffer>> choose_gpus(const std::string& choice, const char* visible,
                                                    const std::vector<protocol::GpuOffer>& present,
                                                    bool is_known);

/// What a tool is told: `GPU-...`, or the index where the UUID is not known; joined by commas.
std::string visible_devices(const std::vector<protocol::GpuOffer>& gpus);

}  // namespace landseer::worker
