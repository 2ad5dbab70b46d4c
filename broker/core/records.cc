#include "broker/core/records.h"

#include "common/protocol/fields.h"

namespace landseer::broker {
namespace {

/// The largest record is a submission with a few fields around it.
constexpr std::size_t kRecordBytesMax = protocol::kSubmissionBytesMax + 64 * 1024;

}  // namespace

std::string encode_record(const Record& record) { return protocol::encode_frame(record, 0); }

void encode_record(const Record& record, std::string& out) {
  protocol::encode_frame(record, 0, out);
}

Result<Record> decode_record(std::string_view bytes) {
  auto envelope = protocol::decode_frame<Record>(bytes, kRecordBytesMax);
  if (!envelope) return tl::make_unexpected(envelope.error());
  return std::move(envelope->message);
}

}  // namespace landseer::broker
