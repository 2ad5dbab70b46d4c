/// What a fuzz target is: one function that must hold up against any bytes, and the inputs that
/// mutations begin with. Each target is one file; driver.cc runs it with any compiler, libFuzzer
/// with clang. docs/testing.md, "Fuzzing".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/base/result.h"

namespace landseer::fuzz {

/// Well-formed inputs, besides the files in tests/fuzz/corpus/TARGET. Defined by each target.
std::vector<std::string> seeds();

/// What one input may make the process hold at once: this, and so much per byte of it. Defined by
/// each target, measured by the driver.
struct Budget {
  std::size_t fixed = 0;
  std::size_t per_byte = 0;
};
extern const Budget kBudget;

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes a byte off the front; 0 from an empty text.
inline std::uint8_t take_byte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(text[0]);
  text.remove_prefix(1);
  return byte;
}

/// Takes a part off the front: its length (2 bytes, big endian), then itself; what is there of it.
inline std::string_view take_part(std::string_view& text) {
  const std::size_t high = take_byte(text);
  const std::size_t size = high << 8 | take_byte(text);
  const std::string_view part = text.substr(0, size);
  text.remove_prefix(part.size());
  return part;
}

inline std::string part_of(std::string_view text) {
  std::string part{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xFF)};
  return part.append(text);
}

inline bool has_control(std::string_view text, bool lines_allowed) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_layout = lines_allowed && (c == '\n' || c == '\t');
    if ((byte < 0x20 && !is_layout) || byte == 0x7F) return true;
  }
  return false;
}

/// A refusal says what is wrong, in one line that any terminal can show, however long the input.
inline void check_error(const Error& error) {
  CHECK(!error.message.empty(), "an error has words");
  CHECK(error.message.size() < 4096, "an error is short");
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
