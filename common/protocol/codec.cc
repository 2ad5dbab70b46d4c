#include "common/protocol/codec.h"

#include "common/protocol/fields.h"

namespace landseer::protocol {

std::string encode(const BulkRequest& message, std::uint64_t number) {
  return encode_frame(message, number);
}

std::string encode(const BulkReply& message, std::uint64_t number) {
  return encode_frame(message, number);
}

Result<Envelope<BulkRequest>> decode_bulk_request(std::string_view frame) {
  return decode_frame<BulkRequest>(frame);
}

Result<Envelope<BulkReply>> decode_bulk_reply(std::string_view frame) {
  return decode_frame<BulkReply>(frame);
}

std::string encode_submission(const Submission& submission) {
  std::string out;
  Packer(out).put(submission);
  return out;
}

Result<Submission> decode_submission(std::string_view body) {
  auto handle = parse_frame(body, kSubmissionBytesMax);
  if (!handle) return tl::make_unexpected(handle.error());
  Unpacker unpacker;
  Submission submission;
  if (!unpacker.get(handle->get(), submission)) {
    return tl::make_unexpected(bad_frame("submission, field '" + unpacker.failed_field() + "'"));
  }
  return submission;
}

}  // namespace landseer::protocol
