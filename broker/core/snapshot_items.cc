#include "broker/core/snapshot_items.h"

#include <bit>

#include "common/protocol/fields.h"

namespace landseer::broker {
namespace {

/// The largest item is a task with all its attempts, each with the last lines of its log.
constexpr std::size_t kItemBytesMax = 64 * 1024 * 1024;

}  // namespace

TimingItem item_of(const std::string& tool, const std::string& device, const ToolTime& time) {
  return {tool,
          std::bit_cast<std::uint64_t>(time.mean_ms),
          time.samples,
          device,
          time.expected_ms,
          std::bit_cast<std::uint64_t>(time.variance_ms2),
          time.variance_samples,
          std::bit_cast<std::uint64_t>(time.mean_bytes),
          time.bytes_samples};
}

ToolTime time_of(const TimingItem& item) {
  return {std::bit_cast<double>(item.mean_ms_bits),
          item.samples,
          item.expected_ms,
          std::bit_cast<double>(item.variance_ms2_bits),
          item.variance_samples,
          std::bit_cast<double>(item.mean_bytes_bits),
          item.bytes_samples};
}

std::string encode_item(const SnapshotItem& item) { return protocol::encode_frame(item, 0); }

Result<SnapshotItem> decode_item(std::string_view bytes) {
  auto envelope = protocol::decode_frame<SnapshotItem>(bytes, kItemBytesMax);
  if (!envelope) return tl::make_unexpected(envelope.error());
  return std::move(envelope->message);
}

}  // namespace landseer::broker
