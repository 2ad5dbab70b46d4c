/// BlobData and LogData read without copying their bytes: large artifacts and logs go through here.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/protocol/bulk_messages.h"
#include "common/protocol/bytes.h"

namespace landseer::protocol {

/// BlobData as it lies in a frame: nothing is copied.
struct BlobDataView {
  Digest blob;
  bool found = false;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string_view data;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("blob", m.blob);
    visit("found", m.found);
    visit("offset", m.offset);
    visit("size", m.size);
    visit("data", as_bytes(m.data));
  }
};

/// LogData as it lies in a frame.
struct LogDataView {
  bool found = false;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool finished = false;
  std::string_view data;
  std::vector<LogTime> times;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("found", m.found);
    visit("offset", m.offset);
    visit("size", m.size);
    visit("finished", m.finished);
    visit("data", as_bytes(m.data));
    visit("times", m.times);
  }
};

/// As BulkReply, in the same order.
using BulkReplyView = std::variant<BlobDataView, LogDataView, StreamError>;

}  // namespace landseer::protocol
