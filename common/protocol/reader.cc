#include "common/protocol/reader.h"

#include "common/protocol/limits.h"

namespace landseer::protocol {
namespace {

/// First bytes of values, as the specification names them.
enum Head : std::uint8_t {
  kFixMap = 0x80,
  kFixArray = 0x90,
  kFixText = 0xa0,
  kNil = 0xc0,
  kFalse = 0xc2,
  kTrue = 0xc3,
  kBytes8 = 0xc4,
  kBytes32 = 0xc6,
  kFloat32 = 0xca,
  kFloat64 = 0xcb,
  kUnsigned8 = 0xcc,
  kUnsigned64 = 0xcf,
  kSigned8 = 0xd0,
  kSigned64 = 0xd3,
  kText8 = 0xd9,
  kText32 = 0xdb,
  kArray16 = 0xdc,
  kArray32 = 0xdd,
  kMap16 = 0xde,
  kMap32 = 0xdf,
  kNegativeFix = 0xe0,
};

}  // namespace

/// Big endian.
bool Reader::number(std::size_t size, std::uint64_t& value) {
  if (left() < size) return false;
  value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte();
  return true;
}

bool Reader::take(std::uint64_t size, std::string_view& value) {
  if (left() < size) return false;
  value = {at_, static_cast<std::size_t>(size)};
  at_ += size;
  return true;
}

bool Reader::boolean(bool& value) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  value = head == kTrue;
  return value || head == kFalse;
}

bool Reader::integer(std::uint64_t& magnitude, bool& negative) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  negative = false;
  if (head < kFixMap) {
    magnitude = head;
    return true;
  }
  if (head >= kUnsigned8 && head <= kUnsigned64) {
    return number(std::size_t{1} << (head - kUnsigned8), magnitude);
  }
  if (head >= kNegativeFix) {
    negative = true;
    magnitude = 256u - head;
    return true;
  }
  if (head < kSigned8 || head > kSigned64) return false;
  const std::size_t size = std::size_t{1} << (head - kSigned8);
  if (!number(size, magnitude)) return false;
  const std::uint64_t sign = std::uint64_t{1} << (8 * size - 1);
  negative = (magnitude & sign) != 0;
  // Two's complement of that many bits.
  if (negative) magnitude = sign - (magnitude & (sign - 1));
  return true;
}

bool Reader::text(std::string_view& value) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  if (head >= kFixText && head < kNil) return take(head - kFixText, value);
  std::uint64_t size = 0;
  return head >= kText8 && head <= kText32 && number(std::size_t{1} << (head - kText8), size) &&
         take(size, value);
}

bool Reader::bytes(std::string_view& value) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  std::uint64_t size = 0;
  return head >= kBytes8 && head <= kBytes32 && number(std::size_t{1} << (head - kBytes8), size) &&
         take(size, value);
}

bool Reader::array(std::uint32_t& count) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  std::uint64_t size = head - std::uint64_t{kFixArray};
  if (head < kFixArray || head >= kFixText) {
    if (head != kArray16 && head != kArray32) return false;
    if (!number(head == kArray16 ? 2 : 4, size)) return false;
  }
  count = static_cast<std::uint32_t>(size);
  return size <= kArrayMax && size <= left();  // each value has at least a byte
}

bool Reader::map(std::uint32_t& count) {
  if (at_end()) return false;
  const std::uint8_t head = byte();
  std::uint64_t size = head - std::uint64_t{kFixMap};
  if (head < kFixMap || head >= kFixArray) {
    if (head != kMap16 && head != kMap32) return false;
    if (!number(head == kMap16 ? 2 : 4, size)) return false;
  }
  count = static_cast<std::uint32_t>(size);
  return size <= kMapMax && 2 * size <= left();
}

bool Reader::take_nil() {
  if (at_end() || static_cast<std::uint8_t>(*at_) != kNil) return false;
  ++at_;
  return true;
}

bool Reader::skip_many(std::uint64_t count, std::uint32_t depth) {
  if (depth == 0) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!skip(depth - 1)) return false;
  }
  return true;
}

/// Extensions are no part of the protocol.
bool Reader::skip(std::uint32_t depth) {
  if (at_end()) return false;
  const auto head = static_cast<std::uint8_t>(*at_);
  std::string_view ignored;
  std::uint32_t count = 0;
  if ((head >= kFixArray && head < kFixText) || head == kArray16 || head == kArray32) {
    return array(count) && skip_many(count, depth);
  }
  if ((head >= kFixMap && head < kFixArray) || head == kMap16 || head == kMap32) {
    return map(count) && skip_many(2 * std::uint64_t{count}, depth);
  }
  if ((head >= kFixText && head < kNil) || (head >= kText8 && head <= kText32)) {
    return text(ignored);
  }
  if (head >= kBytes8 && head <= kBytes32) return bytes(ignored);
  std::uint64_t number = 0;
  bool flag = false;
  if (head == kNil) return take_nil();
  if (head == kFalse || head == kTrue) return boolean(flag);
  if (head == kFloat32 || head == kFloat64) {
    ++at_;
    return take(head == kFloat32 ? 4 : 8, ignored);
  }
  return integer(number, flag);
}

}  // namespace landseer::protocol
