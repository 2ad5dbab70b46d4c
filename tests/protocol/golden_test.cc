/// The bytes of protocol version 1, one file a message. A change here is a change of the contract:
/// it needs a new version and a line in docs/protocol.md.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/protocol/examples.h"

namespace landseer::protocol {
namespace {

std::string golden_path(const std::string& name) {
  return std::string(LANDSEER_SOURCE_DIR) + "/tests/protocol/golden/v1/" + name + ".hex";
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += kDigits[static_cast<unsigned char>(bytes[i]) >> 4];
    text += kDigits[bytes[i] & 15];
    text += i % 40 == 39 ? "\n" : "";
  }
  return text + "\n";
}

TEST(Golden, EveryMessageHasItsRecordedBytes) {
  for (const Example& example : examples()) {
    if (std::getenv("LANDSEER_WRITE_GOLDEN") != nullptr) {
      std::ofstream(golden_path(example.name)) << to_hex(example.frame);
    }
    std::ifstream file(golden_path(example.name));
    ASSERT_TRUE(file) << "no golden bytes for " << example.name;
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_EQ(text.str(), to_hex(example.frame)) << example.name;
  }
}

TEST(Golden, EveryMessageOfEveryVariantHasAnExample) {
  EXPECT_EQ(from_worker_examples().size(), std::variant_size_v<FromWorker>);
  EXPECT_EQ(to_worker_examples().size(), std::variant_size_v<ToWorker>);
  EXPECT_EQ(from_client_examples().size(), std::variant_size_v<FromClient>);
  EXPECT_EQ(to_client_examples().size(), std::variant_size_v<ToClient>);
}

template <class Messages, class Decode>
void expect_round_trip(const Messages& messages, Decode decode) {
  for (const auto& message : messages) {
    const auto copy = decode(encode(message, 42));
    ASSERT_TRUE(copy) << copy.error().to_string();
    EXPECT_EQ(copy->number, 42u);
    EXPECT_EQ(copy->message, message);
  }
}

TEST(Golden, WhatIsEncodedIsDecodedAgain) {
  expect_round_trip(from_worker_examples(), decode_from_worker);
  expect_round_trip(to_worker_examples(), decode_to_worker);
  expect_round_trip(from_client_examples(), decode_from_client);
  expect_round_trip(to_client_examples(), decode_to_client);
  const auto copy = decode_submission(encode_submission(submission_example()));
  ASSERT_TRUE(copy);
  EXPECT_EQ(*copy, submission_example());
}

TEST(Describe, NamesFieldsShortensTextsAndHidesBytes) {
  EXPECT_EQ(describe(FromWorker(Heartbeat{11, 4})), "type 2 {session=11 number=4}");
  const std::string chunk = describe(FromClient(SubmitChunk{"id", 0, true, "secret"}));
  EXPECT_NE(chunk.find("data=6 bytes"), std::string::npos);
  Hello hello;
  hello.labels = {
      {"r\x05"
       "ck\x1b[2J",
       "3\n"}};
  const std::string labels = describe(FromWorker(hello));
  EXPECT_NE(labels.find("labels='rck':'3',"), std::string::npos) << labels;
  const std::string error = describe(
      ToClient(ErrorReply{ErrorCode::kInvalid, std::string(100, 'x') + "\x1b[2J", "", ""}));
  EXPECT_NE(error.find("...'"), std::string::npos);
}

}  // namespace
}  // namespace landseer::protocol
