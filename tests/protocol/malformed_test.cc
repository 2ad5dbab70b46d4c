/// Bytes that are no message: always an error, never an exception, never much memory.
#include <gtest/gtest.h>

#include <random>

#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "tests/protocol/examples.h"

namespace landseer::protocol {
namespace {

bool any_decodes(std::string_view frame) {
  return decode_from_worker(frame) || decode_to_worker(frame) || decode_from_client(frame) ||
         decode_to_client(frame) || decode_bulk_request(frame) || decode_bulk_reply(frame) ||
         decode_submission(frame);
}

TEST(Malformed, EveryTruncationOfEveryMessageIsAnError) {
  for (const Example& example : examples()) {
    ASSERT_TRUE(example.decodes(example.frame)) << example.name;
    for (std::size_t size = 0; size < example.frame.size(); ++size) {
      EXPECT_FALSE(example.decodes(std::string_view(example.frame).substr(0, size)))
          << example.name << " cut at " << size;
    }
    EXPECT_FALSE(example.decodes(example.frame + '\0')) << example.name << " with a byte more";
  }
}

TEST(Malformed, DamagedBytesNeverCrash) {
  std::minstd_rand random(1);
  for (const Example& example : examples()) {
    for (int i = 0; i < 2000; ++i) {
      std::string damaged = example.frame;
      for (int j = 0; j < 3; ++j) {
        damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
      }
      any_decodes(damaged);
    }
  }
}

TEST(Malformed, RandomBytesNeverCrash) {
  std::minstd_rand random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 256);
    any_decodes(bytes);
  }
}

TEST(Malformed, SmallFramesCannotAskForMuchMemory) {
  using namespace std::string_literals;
  for (const std::string& bomb :
       {"\xdd\xff\xff\xff\xff"s, "\xdf\xff\xff\xff\xff"s, "\xdb\xff\xff\xff\xff"s,
        "\xc6\xff\xff\xff\xff"s, "\xc9\xff\xff\xff\xff\x01"s, std::string(100'000, '\x91'),
        "\x93\x01\x00\xdd\x00\x10\x00\x00"s}) {
    EXPECT_FALSE(any_decodes(bomb));
  }
}

/// A heartbeat with a field of a later version, which is looked at all the same.
std::string beat_with(const std::string& field) {
  return std::string("\x93\x02\x00\x93\x07\x08", 6) + field;
}

std::string head(char kind, std::size_t count) {
  std::string bytes(1, kind);
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(count >> shift);
  return bytes;
}

TEST(Malformed, EachLimitHoldsAndNoneIsSmaller) {
  const auto list = [](std::size_t count) {
    return beat_with(head('\xdd', count) + std::string(count, '\x00'));
  };
  EXPECT_TRUE(decode_from_worker(list(kArrayMax)));
  EXPECT_FALSE(decode_from_worker(list(kArrayMax + 1)));
  // The message itself is two levels deep.
  const auto nested = [](std::size_t depth) {
    return beat_with(std::string(depth - 2, '\x91') + '\x00');
  };
  EXPECT_TRUE(decode_from_worker(nested(kDepthMax)));
  EXPECT_FALSE(decode_from_worker(nested(kDepthMax + 1)));
  const auto labels = [](int count) {
    Hello hello;
    for (int i = 0; i < count; ++i) hello.labels["key" + std::to_string(i)] = "value";
    return encode(FromWorker(hello));
  };
  EXPECT_TRUE(decode_from_worker(labels(256)));
  EXPECT_FALSE(decode_from_worker(labels(257)));
  // A text is as long as its frame allows, and no longer.
  const auto text = [](std::size_t bytes) {
    return beat_with(head('\xdb', bytes) + std::string(bytes, 'x'));
  };
  const std::size_t most = kFrameBytesMax - text(0).size();
  EXPECT_TRUE(decode_from_worker(text(most)));
  EXPECT_FALSE(decode_from_worker(text(most + 1)));
  EXPECT_FALSE(decode_from_worker(text(100).substr(0, 100)));
}

TEST(Malformed, TooLargeAFrameIsRefusedUnread) {
  const std::string large(kFrameBytesMax + 1, '\x90');
  const auto decoded = decode_from_client(large);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("too large"), std::string::npos);
}

TEST(Malformed, NamesTheTypeAndFieldThatIsWrong) {
  // Heartbeat with a text where its number belongs.
  const std::string frame = std::string("\x93\x02\x00\x92\x01\xa1x", 7);
  const auto decoded = decode_from_worker(frame);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("type 2, field 'number'"), std::string::npos);
  EXPECT_NE(decode_from_worker(std::string("\x93\x63\x00\x90", 4))
                .error()
                .message.find("unknown type 99"),
            std::string::npos);
}

TEST(Malformed, TextThatIsNotUtf8IsRefusedBytesAreNot) {
  ListTasks request;
  request.tool = "\xff";
  EXPECT_FALSE(decode_from_client(encode(FromClient(request))));
  SubmitChunk chunk{"id", 0, true, "\xff\x00\xfe"};
  EXPECT_TRUE(decode_from_client(encode(FromClient(chunk))));
}

TEST(Malformed, FieldsOfALaterVersionAreIgnored) {
  // Heartbeat [session, number] with a third field.
  const auto decoded = decode_from_worker(std::string("\x93\x02\x00\x93\x07\x08\xa3new", 10));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Heartbeat>(decoded->message).session, 7u);
}

TEST(Malformed, NumbersOutOfRangeAreRefused) {
  // StartedAttempt.attempt is 32 bits wide; this one is not.
  const std::string frame(
      "\x93\x03\x00\x92\x01\x91\x92\x93\x05\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x00", 20);
  const auto decoded = decode_from_worker(frame);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("field 'attempt'"), std::string::npos);
  // A result with outcome 0, which is none.
  Results results{1, {{}}};
  results.results[0].outcome = Outcome{0};
  EXPECT_FALSE(decode_from_worker(encode(FromWorker(results))));
}

}  // namespace
}  // namespace landseer::protocol
