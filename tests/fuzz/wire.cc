/// Frames of every direction: a frame is refused, or it is read as exactly one message, which is
/// written and read again as the same. The first byte chooses the direction.
#include <iterator>

#include "common/base/text.h"
#include "common/protocol/codec.h"
#include "tests/fuzz/target.h"
#include "tests/protocol/examples.h"

namespace landseer::fuzz {

// An object of msgpack takes 24 bytes for one of the input, and a decoded row of a listing about
// 500 for the three of an array that is too short for it.
const Budget kBudget{256 * 1024, 1024};

std::vector<std::string> seeds() {
  static constexpr const char* kSides[] = {"from_worker",  "to_worker",  "from_client", "to_client",
                                           "bulk_request", "bulk_reply", "submission"};
  std::vector<std::string> all;
  for (const auto& example : protocol::examples()) {
    for (std::size_t side = 0; side < std::size(kSides); ++side) {
      if (!example.name.starts_with(kSides[side])) continue;
      all.push_back(static_cast<char>(side) + example.frame);
    }
  }
  return all;
}

namespace {

/// The same bytes again; what a later version appended to the frame is not kept.
template <class Decoded, class Decode>
void check_round_trip(const Decoded& decoded, Decode decode) {
  if (!decoded) return check_error(decoded.error());
  const std::string bytes = protocol::encode(decoded->message, decoded->number);
  const auto copy = decode(bytes);
  CHECK(copy.has_value(), "what is encoded can be decoded");
  CHECK(copy->number == decoded->number, "the number is kept");
  CHECK(copy->message == decoded->message, "the message is kept");
  CHECK(protocol::encode(copy->message, copy->number) == bytes, "there is one encoding");
}

template <class Decoded, class Decode>
void check_message(const Decoded& decoded, Decode decode) {
  check_round_trip(decoded, decode);
  if (!decoded) return;
  const std::string line = protocol::describe(decoded->message);
  CHECK(!has_control(line, false), "a described message is one line without control characters");
  CHECK(is_utf8(line), "a described message is UTF-8");
}

void check_bulk_reply(std::string_view frame) {
  const auto decoded = protocol::decode_bulk_reply(frame);
  check_round_trip(decoded, protocol::decode_bulk_reply);
  const auto view = protocol::decode_bulk_reply_view(frame);
  CHECK(decoded.has_value() == view.has_value(), "both ways to read a reply agree");
  if (view) CHECK(view->number == decoded->number, "the number is the same");
}

void check_submission(std::string_view body) {
  const auto decoded = protocol::decode_submission(body);
  if (!decoded) return check_error(decoded.error());
  const std::string bytes = protocol::encode_submission(*decoded);
  const auto copy = protocol::decode_submission(bytes);
  CHECK(copy.has_value(), "what is encoded can be decoded");
  CHECK(*copy == *decoded, "the submission is kept");
  CHECK(protocol::encode_submission(*copy) == bytes, "there is one encoding");
}

}  // namespace
}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  std::string_view frame = fuzz::text_of(data, size);
  switch (fuzz::take_byte(frame) % 7) {
    case 0:
      fuzz::check_message(protocol::decode_from_worker(frame), protocol::decode_from_worker);
      break;
    case 1:
      fuzz::check_message(protocol::decode_to_worker(frame), protocol::decode_to_worker);
      break;
    case 2:
      fuzz::check_message(protocol::decode_from_client(frame), protocol::decode_from_client);
      break;
    case 3:
      fuzz::check_message(protocol::decode_to_client(frame), protocol::decode_to_client);
      break;
    case 4:
      fuzz::check_round_trip(protocol::decode_bulk_request(frame), protocol::decode_bulk_request);
      break;
    case 5:
      fuzz::check_bulk_reply(frame);
      break;
    case 6:
      fuzz::check_submission(frame);
      break;
  }
  return 0;
}
