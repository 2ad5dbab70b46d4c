/// Takes msgpack values off a frame, one after the other, without making anything of them: for a
/// message of known form that is a fifth of the work of parsing it into objects first. Strict:
/// nothing is read beyond the end, and a list or text that says it is longer than what is left is
/// refused before anybody makes room for it. Source: the msgpack specification,
/// https://github.com/msgpack/msgpack/blob/master/spec.md. One thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace landseer::protocol {

class Reader {
 public:
  /// `frame` must outlive what is read: texts refer to it.
  explicit Reader(std::string_view frame) : at_(frame.data()), end_(at_ + frame.size()) {}

  /// Each is false, and what was read so far means nothing, if the next value is another one.
  bool boolean(bool& value);
  /// A whole number: `magnitude`, or with `negative` that number below zero, from 1 to 2^63.
  bool integer(std::uint64_t& magnitude, bool& negative);
  bool text(std::string_view& value);
  bool bytes(std::string_view& value);
  /// The heads of lists and of maps: so many values, or pairs of them, follow.
  bool array(std::uint32_t& count);
  bool map(std::uint32_t& count);
  /// Takes a nil, if the next value is one.
  bool take_nil();
  /// Any value with all that is in it, at most `depth` lists and maps deep.
  bool skip(std::uint32_t depth);

  bool at_end() const { return at_ == end_; }
  /// For messages to people.
  const char* position() const { return at_; }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(*at_++); }
  bool number(std::size_t size, std::uint64_t& value);
  bool take(std::uint64_t size, std::string_view& value);
  bool skip_many(std::uint64_t count, std::uint32_t depth);

  const char* at_;
  const char* end_;
};

}  // namespace landseer::protocol
