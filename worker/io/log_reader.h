/// Reads pieces of a log while it is being written. Any thread.
#pragma once

#include <filesystem>
#include <string>

#include "common/protocol/bulk_messages.h"

namespace landseer::worker {

/// A piece ends early where its bytes do not stand side by side in the file. `offset` counts in
/// what the tool wrote: bytes that the ring gave up are skipped, and so the reply begins later.
protocol::LogData read_log(const std::filesystem::path& path, const protocol::GetLog& request);

/// The same as the frame that answers the request, read from the file into its place.
struct LogFrame {
  protocol::LogData reply;  ///< without the data
  std::size_t bytes = 0;    ///< of data
  std::string frame;
};
LogFrame read_log_frame(const std::filesystem::path& path, const protocol::GetLog& request,
                        std::uint64_t number);

}  // namespace landseer::worker
