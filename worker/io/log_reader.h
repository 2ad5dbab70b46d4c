/// Pieces of an attempt's log for whoever asks.
#pragma once

#include <filesystem>

#include "common/protocol/worker_messages.h"

namespace landseer::worker {

/// At most `request.limit` bytes (and kLogChunkBytesMax) from `request.offset`, or counted back
/// from the end. `found` is false without a readable log; an offset behind the end gives an empty
/// piece.
protocol::LogReply read_log(const std::filesystem::path& path, const protocol::LogRequest& request);

}  // namespace landseer::worker
