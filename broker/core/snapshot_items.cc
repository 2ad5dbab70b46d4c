#include "broker/core/snapshot_items.h"

#include "common/protocol/fields.h"

namespace landseer::broker {
namespace {

/// The largest item is a task with all its attempts, each with the last lines of its log.
constexpr std::size_t kItemBytesMax = 64 * 1024 * 1024;

}  // namespace

std::string encode_item(const SnapshotItem& item) { return protocol::encode_frame(item, 0); }

Result<SnapshotItem> decode_item(std::string_view bytes) {
  auto envelope = protocol::decode_frame<SnapshotItem>(bytes, kItemBytesMax);
  if (!envelope) return tl::make_unexpected(envelope.error());
  return std::move(envelope->message);
}

}  // namespace landseer::broker
