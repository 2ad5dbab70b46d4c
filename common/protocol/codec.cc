#include "common/protocol/codec.h"

#include "common/base/check.h"
#include "common/protocol/fields.h"

namespace landseer::protocol {

std::string encode(const BulkRequest& message, std::uint64_t number) {
  return encode_frame(message, number);
}

std::string encode(const BulkReply& message, std::uint64_t number) {
  return encode_frame(message, number);
}

Result<Envelope<BulkRequest>> decode_bulk_request(std::string_view frame) {
  return decode_request<BulkRequest>(frame);
}

Result<Envelope<BulkReply>> decode_bulk_reply(std::string_view frame) {
  return decode_frame<BulkReply>(frame);
}

namespace {

/// `out` ends with an empty text of bytes and `tail`; in its place comes the head of a longer one.
std::string cut_before_bytes(std::string out, const std::string& tail, std::size_t bytes) {
  const std::string end = std::string("\xc4\x00", 2) + tail;  // msgpack: a `bin 8` of length 0
  CHECK(out.ends_with(end), "the data stands before the frame's known end");
  out.resize(out.size() - end.size());
  StringSink sink{out};
  msgpack::packer<StringSink>(sink).pack_bin(static_cast<std::uint32_t>(bytes));
  return out;
}

}  // namespace

std::string encode_blob_head(const BlobData& head, std::size_t bytes, std::uint64_t number) {
  return cut_before_bytes(encode(BulkReply(head), number), "", bytes);
}

LogFrameParts encode_around_log(const LogData& reply, std::size_t bytes, std::uint64_t number) {
  LogFrameParts parts;
  Packer(parts.tail).put(reply.times);
  parts.head = cut_before_bytes(encode(BulkReply(reply), number), parts.tail, bytes);
  return parts;
}

std::string encode_submission(const Submission& submission) {
  std::string out;
  Packer(out).put(submission);
  return out;
}

Result<Envelope<BulkReplyView>> decode_bulk_reply_view(std::string_view frame) {
  return decode_frame<BulkReplyView>(frame);
}

Result<Submission> decode_submission(std::string_view body) {
  return read_whole<Submission>(body, kSubmissionBytesMax, "submission, ");
}

}  // namespace landseer::protocol
