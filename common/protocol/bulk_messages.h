/// Fetching content by digest: from a worker's data port, or attachments from the broker's bulk
/// port. docs/protocol.md, "Bulk messages".
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/base/digest.h"
#include "common/protocol/bytes.h"

namespace landseer::protocol {

/// Asks for at most kBlobChunkBytesMax bytes of a blob from `offset`.
struct GetBlob {
  Digest blob;
  std::uint64_t offset = 0;
  std::uint32_t limit = 0;
  bool operator==(const GetBlob&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("blob", m.blob);
    visit("offset", m.offset);
    visit("limit", m.limit);
  }
};

/// `found` false: this peer does not have it. The end is where offset + data reaches `size`.
struct BlobData {
  Digest blob;
  bool found = false;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string data;
  bool operator==(const BlobData&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("blob", m.blob);
    visit("found", m.found);
    visit("offset", m.offset);
    visit("size", m.size);
    visit("data", as_bytes(m.data));
  }
};

/// Order gives the type number on the wire (index + 1): append only.
using BulkRequest = std::variant<GetBlob>;
using BulkReply = std::variant<BlobData>;

}  // namespace landseer::protocol
