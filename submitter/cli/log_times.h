/// Puts the time before each line of a log: `2026-03-01 12:00:00.250 text`. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/protocol/bulk_messages.h"

namespace landseer::cli {

class LogStamps {
 public:
  /// `data` stands at `offset`; `times` as LogData has them. A line that began in an earlier piece
  /// gets no second time.
  std::string add(std::uint64_t offset, std::string_view data,
                  std::span<const protocol::LogTime> times);

 private:
  bool in_line_ = false;
};

}  // namespace landseer::cli
