#include "common/protocol/codec.h"
#include "common/protocol/describe.h"
#include "common/protocol/fields.h"

namespace landseer::protocol {

std::string encode(const FromClient& message, std::uint64_t number) {
  return encode_frame(message, number);
}

std::string encode(const ToClient& message, std::uint64_t number) {
  return encode_frame(message, number);
}

Result<Envelope<FromClient>> decode_from_client(std::string_view frame) {
  return decode_request<FromClient>(frame);
}

Result<Envelope<ToClient>> decode_to_client(std::string_view frame) {
  return decode_frame<ToClient>(frame);
}

std::string describe(const FromClient& message) { return describe_message(message); }
std::string describe(const ToClient& message) { return describe_message(message); }

}  // namespace landseer::protocol
