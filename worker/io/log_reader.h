/// Reads pieces of a log while it is being written. Any thread.
#pragma once

#include <filesystem>

#include "common/protocol/bulk_messages.h"

namespace landseer::worker {

/// A piece ends early where its bytes do not stand side by side in the file. `offset` counts in
/// what the tool wrote: bytes that the ring gave up are skipped, and so the reply begins later.
protocol::LogData read_log(const std::filesystem::path& path, const protocol::GetLog& request);

}  // namespace landseer::worker
