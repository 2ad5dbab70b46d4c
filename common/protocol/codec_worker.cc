#include "common/protocol/codec.h"
#include "common/protocol/describe.h"
#include "common/protocol/fields.h"

namespace landseer::protocol {

std::string encode(const FromWorker& message, std::uint64_t number) {
  return encode_frame(message, number);
}

std::string encode(const ToWorker& message, std::uint64_t number) {
  return encode_frame(message, number);
}

Result<Envelope<FromWorker>> decode_from_worker(std::string_view frame) {
  return decode_request<FromWorker>(frame);
}

Result<Envelope<ToWorker>> decode_to_worker(std::string_view frame) {
  return decode_frame<ToWorker>(frame);
}

std::string describe(const FromWorker& message) { return describe_message(message); }
std::string describe(const ToWorker& message) { return describe_message(message); }

}  // namespace landseer::protocol
