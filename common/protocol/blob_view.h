/// A BlobData read without copying its bytes: large artifacts go through here.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "common/base/digest.h"
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

/// Of the bulk replies, the first: the others are errors here.
using BulkReplyView = std::variant<BlobDataView>;

}  // namespace landseer::protocol
