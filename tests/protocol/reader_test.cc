/// The reader against the library that writes what it reads: they agree on every value, and on what
/// is none.
#include "common/protocol/reader.h"

#include <gtest/gtest.h>

#include <msgpack.hpp>
#include <random>

#include "common/protocol/limits.h"

namespace landseer::protocol {
namespace {

using Random = std::minstd_rand;

std::uint64_t any_number(Random& random) {
  const std::uint64_t wide =
      std::uint64_t{random()} << 40 ^ std::uint64_t{random()} << 20 ^ random();
  return wide >> random() % 64;
}

struct Sink {
  std::string bytes;
  void write(const char* data, std::size_t size) { bytes.append(data, size); }
};

void pack_any(msgpack::packer<Sink>& packer, Random& random, int depth) {
  const auto size = static_cast<std::uint32_t>(random() % 8 == 0 ? random() % 300 : random() % 4);
  switch (random() % (depth > 0 ? 9 : 7)) {
    case 0:
      packer.pack(any_number(random));
      break;
    case 1:
      packer.pack(-static_cast<std::int64_t>(any_number(random) >> 1));
      break;
    case 2:
      packer.pack(std::string(size, 'x'));
      break;
    case 3:
      packer.pack_bin(size), packer.pack_bin_body(std::string(size, '\xff').data(), size);
      break;
    case 4:
      packer.pack(random() % 2 == 0);
      break;
    case 5:
      packer.pack_nil();
      break;
    case 6:
      packer.pack(0.5 * static_cast<double>(random()));
      break;
    case 7:
      packer.pack_array(size);
      for (std::uint32_t i = 0; i < size; ++i) pack_any(packer, random, depth - 1);
      break;
    default:
      packer.pack_map(size % 20);
      for (std::uint32_t i = 0; i < 2 * (size % 20); ++i) pack_any(packer, random, depth - 1);
  }
}

/// Reads with the reader what the library made of it.
void expect_reads(Reader& reader, const msgpack::object& value) {
  std::uint64_t magnitude = 0;
  bool flag = false;
  std::string_view text;
  std::uint32_t count = 0;
  switch (value.type) {
    case msgpack::type::POSITIVE_INTEGER:
      ASSERT_TRUE(reader.integer(magnitude, flag));
      EXPECT_FALSE(flag);
      EXPECT_EQ(magnitude, value.via.u64);
      break;
    case msgpack::type::NEGATIVE_INTEGER:
      ASSERT_TRUE(reader.integer(magnitude, flag));
      EXPECT_TRUE(flag);
      EXPECT_EQ(static_cast<std::int64_t>(0 - magnitude), value.via.i64);
      break;
    case msgpack::type::STR:
      ASSERT_TRUE(reader.text(text));
      EXPECT_EQ(text, std::string_view(value.via.str.ptr, value.via.str.size));
      break;
    case msgpack::type::BIN:
      ASSERT_TRUE(reader.bytes(text));
      EXPECT_EQ(text, std::string_view(value.via.bin.ptr, value.via.bin.size));
      break;
    case msgpack::type::BOOLEAN:
      ASSERT_TRUE(reader.boolean(flag));
      EXPECT_EQ(flag, value.via.boolean);
      break;
    case msgpack::type::NIL:
      ASSERT_TRUE(reader.take_nil());
      break;
    case msgpack::type::ARRAY:
      ASSERT_TRUE(reader.array(count));
      ASSERT_EQ(count, value.via.array.size);
      for (std::uint32_t i = 0; i < count; ++i) expect_reads(reader, value.via.array.ptr[i]);
      break;
    case msgpack::type::MAP:
      ASSERT_TRUE(reader.map(count));
      ASSERT_EQ(count, value.via.map.size);
      for (std::uint32_t i = 0; i < count; ++i) {
        expect_reads(reader, value.via.map.ptr[i].key);
        expect_reads(reader, value.via.map.ptr[i].val);
      }
      break;
    default:
      ASSERT_TRUE(reader.skip(1));  // a number with a fraction: no message has one
  }
}

std::string any_value(Random& random) {
  Sink sink;
  msgpack::packer<Sink> packer(sink);
  pack_any(packer, random, 4);
  return sink.bytes;
}

TEST(Reader, ReadsWhatTheLibraryWrites) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::string bytes = any_value(random);
    const auto expected = msgpack::unpack(bytes.data(), bytes.size());
    Reader reader(bytes);
    ASSERT_NO_FATAL_FAILURE(expect_reads(reader, expected.get()));
    EXPECT_TRUE(reader.at_end());
    Reader skipping(bytes);
    EXPECT_TRUE(skipping.skip(6));
    EXPECT_TRUE(skipping.at_end());
  }
}

/// How many bytes the library takes for a value; 0: it is none, within the protocol's limits.
std::size_t taken_by_library(const std::string& bytes) {
  const std::size_t most = std::min<std::size_t>(bytes.size(), kArrayMax);
  const msgpack::unpack_limit limit(most, 256, bytes.size(), bytes.size(), 0, kDepthMax);
  std::size_t used = 0;
  try {
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, nullptr, nullptr, limit);
    return handle.get().type == msgpack::type::EXT ? 0 : used;
  } catch (const std::exception&) {
    return 0;
  }
}

TEST(Reader, TakesWhatIsAValueAndNothingElse) {
  Random random(2);
  std::size_t good = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string bytes = any_value(random);
    for (std::uint32_t j = 0; j < random() % 3; ++j) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    Reader reader(bytes);
    const bool is_value = reader.skip(kDepthMax);
    const std::size_t taken = taken_by_library(bytes);
    // An empty extension is a value for the library, inside of others.
    const bool has_extension = bytes.find_first_of("\xc7\xc8\xc9") != std::string::npos;
    if (has_extension) continue;
    ASSERT_EQ(is_value, taken != 0) << testing::PrintToString(bytes);
    if (is_value) {
      ASSERT_EQ(reader.position() - bytes.data(), static_cast<std::ptrdiff_t>(taken));
    }
    good += is_value ? 1 : 0;
  }
  EXPECT_GT(good, 5000u);
}

TEST(Reader, NothingIsReadBehindTheEnd) {
  Random random(3);
  for (int i = 0; i < 500; ++i) {
    const std::string bytes = any_value(random);
    for (std::size_t size = 0; size < std::min<std::size_t>(bytes.size(), 200); ++size) {
      const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      Reader reader({cut.data(), cut.size()});
      EXPECT_FALSE(reader.skip(kDepthMax));
    }
  }
}

TEST(Reader, TheLeastNumberIsRead) {
  using namespace std::string_literals;
  std::uint64_t magnitude = 0;
  bool negative = false;
  const std::string least = "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s;
  EXPECT_TRUE(Reader(least).integer(magnitude, negative));
  EXPECT_TRUE(negative);
  EXPECT_EQ(magnitude, std::uint64_t{1} << 63);
}

}  // namespace
}  // namespace landseer::protocol
