/// Messages to bytes and back. A frame is a msgpack array [type, number, [field, ...]]; `number`
/// matches replies to requests and is 0 elsewhere. Decoding is strict and bounded before anything
/// is allocated: wrong types, missing fields, trailing bytes, texts that are not UTF-8 and numbers
/// out of range are errors, never exceptions. Fields beyond the known ones are ignored, so that a
/// later version may append. Source: docs/protocol.md, "Encoding". Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/protocol/blob_view.h"
#include "common/protocol/bulk_messages.h"
#include "common/protocol/client_messages.h"
#include "common/protocol/submission.h"
#include "common/protocol/worker_messages.h"

namespace landseer::protocol {

template <class Message>
struct Envelope {
  std::uint64_t number = 0;
  Message message;
};

std::string encode(const FromWorker& message, std::uint64_t number = 0);
std::string encode(const ToWorker& message, std::uint64_t number = 0);
std::string encode(const FromClient& message, std::uint64_t number = 0);
std::string encode(const ToClient& message, std::uint64_t number = 0);
std::string encode(const BulkRequest& message, std::uint64_t number = 0);
std::string encode(const BulkReply& message, std::uint64_t number = 0);
/// The frame of a BlobData without the `bytes` bytes of data that are its end: for who writes those
/// into place without a copy.
std::string encode_blob_head(const BlobData& head, std::size_t bytes, std::uint64_t number);
/// The same for a LogData of `bytes` bytes of data, which stand between the two.
struct LogFrameParts {
  std::string head;
  std::string tail;
};
LogFrameParts encode_around_log(const LogData& reply, std::size_t bytes, std::uint64_t number);
/// The body of a submission, to be cut into chunks.
std::string encode_submission(const Submission& submission);

Result<Envelope<FromWorker>> decode_from_worker(std::string_view frame);
Result<Envelope<ToWorker>> decode_to_worker(std::string_view frame);
Result<Envelope<FromClient>> decode_from_client(std::string_view frame);
Result<Envelope<ToClient>> decode_to_client(std::string_view frame);
Result<Envelope<BulkRequest>> decode_bulk_request(std::string_view frame);
Result<Envelope<BulkReply>> decode_bulk_reply(std::string_view frame);
/// Refers to the frame.
Result<Envelope<BulkReplyView>> decode_bulk_reply_view(std::string_view frame);
Result<Submission> decode_submission(std::string_view body);

/// Name and fields of a message on one line, long texts shortened: for logs and traces.
std::string describe(const FromWorker& message);
std::string describe(const ToWorker& message);
std::string describe(const FromClient& message);
std::string describe(const ToClient& message);

}  // namespace landseer::protocol
