/// The one walk over a message's fields() that packs, unpacks and prints it. Included by the
/// codec's sources only: it brings in msgpack.
#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/protocol/added.h"
#include "common/protocol/at_most.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "common/protocol/reader.h"

namespace landseer::protocol {

template <class T>
concept HasFields = requires(T& value) {
  T::fields(value, [](const char*, auto&&) {});
};

template <class T>
concept IsId = std::is_enum_v<T> && requires(T id) {
  id_prefix(id);
};

/// Highest value of an enumeration whose values are 1..last without gaps.
constexpr Outcome last_of(Outcome) { return kOutcomeLast; }
constexpr PipelineState last_of(PipelineState) { return kPipelineStateLast; }
constexpr ErrorCode last_of(ErrorCode) { return ErrorCode::kBusy; }

template <class T>
constexpr bool is_added(const T&) {
  return false;
}
template <class T>
constexpr bool is_added(const AddedRef<T>&) {
  return true;
}

// --- Packing ---

struct StringSink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};

class Packer {
 public:
  explicit Packer(std::string& out) : sink_{out}, packer_(sink_) {}

  void array(std::size_t size) { packer_.pack_array(static_cast<std::uint32_t>(size)); }

  template <class T>
  void put(const T& value) {
    if constexpr (HasFields<T>) {
      std::size_t count = 0;
      T::fields(value, [&](const char*, auto&&) { ++count; });
      array(count);
      T::fields(value, [&](const char*, auto&& field) { put(field); });
    } else if constexpr (std::is_enum_v<T>) {
      packer_.pack(static_cast<std::underlying_type_t<T>>(value));
    } else {
      packer_.pack(value);
    }
  }

  template <class S>
  void put(const BytesRef<S>& value) {
    bin(value.bytes);
  }

  template <class T>
  void put(const AtMostRef<T>& field) {
    put(field.list);
  }

  template <class T>
  void put(const AddedRef<T>& field) {
    put(field.value);
  }

  void put(const Digest& digest) {
    const std::string_view bytes(reinterpret_cast<const char*>(digest.bytes.data()), 32);
    bin(digest.empty() ? std::string_view{} : bytes);
  }

  template <class T>
  void put(const std::vector<T>& values) {
    array(values.size());
    for (const T& value : values) put(value);
  }

  template <class T>
  void put(const std::optional<T>& value) {
    if (value) {
      put(*value);
    } else {
      packer_.pack_nil();
    }
  }

 private:
  void bin(std::string_view bytes) {
    packer_.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    packer_.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  }

  StringSink sink_;
  msgpack::packer<StringSink> packer_;
};

// --- Unpacking: false and the field's name on the first thing that is not as it must be ---

class Unpacker {
 public:
  /// `items_max`: of all lists together.
  explicit Unpacker(std::string_view frame,
                    std::uint64_t items_max = std::numeric_limits<std::uint64_t>::max())
      : reader_(frame), items_left_(items_max) {}
  const std::string& failed_field() const { return failed_; }
  Reader& reader() { return reader_; }

  template <class T>
  bool get(T& value) {
    if constexpr (HasFields<T>) {
      return get_fields(value);
    } else if constexpr (IsId<T>) {
      std::uint64_t raw = 0;
      if (!get(raw)) return false;
      value = T{raw};
      return true;
    } else if constexpr (std::is_enum_v<T>) {
      std::uint64_t raw = 0;
      constexpr auto kLast = static_cast<std::uint64_t>(last_of(T{}));
      if (!get(raw) || raw < 1 || raw > kLast) return false;
      value = static_cast<T>(raw);
      return true;
    } else {
      static_assert(std::integral<T>);
      return get_integer(value);
    }
  }

  bool get(bool& value) { return reader_.boolean(value); }

  bool get(std::string& value) {
    std::string_view text;
    if (!reader_.text(text) || !is_utf8(text)) return false;
    value.assign(text);
    return true;
  }

  template <class S>
  bool get(BytesRef<S>& value) {
    std::string_view bytes;
    if (!reader_.bytes(bytes)) return false;
    value.bytes = S(bytes.data(), bytes.size());
    return true;
  }

  template <class T>
  bool get(AddedRef<T>& field) {
    return get(field.value);
  }

  bool get(Digest& value) {
    std::string_view bytes;
    if (!reader_.bytes(bytes)) return false;
    value = {};
    if (bytes.empty()) return true;
    if (bytes.size() != value.bytes.size()) return false;
    std::copy_n(bytes.data(), value.bytes.size(), reinterpret_cast<char*>(value.bytes.data()));
    return true;
  }

  template <class T>
  bool get(std::vector<T>& values) {
    return get_list(values, kArrayMax);
  }

  template <class List>
  bool get(AtMostRef<List>& field) {
    return get_list(field.list, field.max);
  }

  bool get(std::map<std::string, std::string>& values) {
    std::uint32_t count = 0;
    if (!reader_.map(count)) return false;
    values.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string key;
      std::string value;
      if (!get(key) || !get(value)) return false;
      if (!values.emplace(std::move(key), std::move(value)).second) return false;
    }
    return true;
  }

  template <class T>
  bool get(std::optional<T>& value) {
    if (reader_.take_nil()) {
      value.reset();
      return true;
    }
    return get(value.emplace());
  }

  /// Around what is in a list.
  bool enter(std::uint32_t& count) { return ++depth_ <= kDepthMax && reader_.array(count); }
  bool leave() {
    --depth_;
    return true;
  }

 private:
  template <class T>
  bool get_list(std::vector<T>& values, std::uint32_t max) {
    std::uint32_t count = 0;
    if (!enter(count) || count > max || count > items_left_) return false;
    items_left_ -= count;
    values.clear();
    // Beyond that it grows as elements prove good: a list of nothings must not become memory.
    constexpr std::uint32_t kAtOnce = 1024;
    values.reserve(std::min(count, kAtOnce));
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!get(values.emplace_back())) return false;
    }
    return leave();
  }

  template <class T>
  bool get_integer(T& value) {
    std::uint64_t magnitude = 0;
    bool negative = false;
    if (!reader_.integer(magnitude, negative)) return false;
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    if (negative) {
      if constexpr (std::signed_integral<T>) {
        if (magnitude > kMax + 1) return false;
        value = static_cast<T>(std::uint64_t{0} - magnitude);
        return true;
      }
      return false;
    }
    if (magnitude > kMax) return false;
    value = static_cast<T>(magnitude);
    return true;
  }

  /// Fields beyond the known ones are a later version's; added ones may be missing.
  template <class T>
  bool get_fields(T& value) {
    std::uint32_t count = 0;
    if (!enter(count)) return false;
    std::uint32_t index = 0;
    bool ok = true;
    T::fields(value, [&](const char* name, auto&& field) {
      if (!ok) return;
      ok = index < count ? get(field) : is_added(field);
      if (!ok && failed_.empty()) failed_ = name;
      ++index;
    });
    for (; ok && index < count; ++index) ok = reader_.skip(kDepthMax - depth_);
    return ok && leave();
  }

  Reader reader_;
  std::uint64_t items_left_;
  std::uint32_t depth_ = 0;
  std::string failed_;
};

// --- Frames ---

/// Appends to `out`.
template <class Message>
void encode_frame(const Message& message, std::uint64_t number, std::string& out) {
  Packer packer(out);
  packer.array(3);
  packer.put(static_cast<std::uint64_t>(message.index() + 1));
  packer.put(number);
  std::visit([&](const auto& body) { packer.put(body); }, message);
}

template <class Message>
std::string encode_frame(const Message& message, std::uint64_t number) {
  std::string out;
  out.reserve(256);
  encode_frame(message, number, out);
  return out;
}

inline Error bad_frame(std::string why) {
  return {ErrorCode::kInvalid, "malformed message: " + std::move(why), "frame",
          "both sides must run versions with a common protocol"};
}

/// Reads one value that is all of the frame. The error names the field that is wrong, after `what`.
template <class T>
Result<T> read_whole(std::string_view frame, std::size_t bytes_max, const std::string& what) {
  if (frame.size() > bytes_max) return tl::make_unexpected(bad_frame("too large"));
  Unpacker unpacker(frame);
  T value;
  if (!unpacker.get(value)) {
    return tl::make_unexpected(bad_frame(what + "field '" + unpacker.failed_field() + "'"));
  }
  if (!unpacker.reader().at_end()) return tl::make_unexpected(bad_frame("trailing bytes"));
  return value;
}

template <class Variant, std::size_t Index = 0>
bool read_body(std::uint64_t index, Unpacker& unpacker, Variant& out) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (index != Index) return read_body<Variant, Index + 1>(index, unpacker, out);
    return unpacker.get(out.template emplace<Index>());
  } else {
    return false;
  }
}

template <class Variant>
Result<Envelope<Variant>> decode_frame(
    std::string_view frame, std::size_t bytes_max = kFrameBytesMax,
    std::uint64_t items_max = std::numeric_limits<std::uint64_t>::max()) {
  if (frame.size() > bytes_max) return tl::make_unexpected(bad_frame("too large"));
  Unpacker unpacker(frame, items_max);
  Envelope<Variant> envelope;
  std::uint32_t count = 0;
  std::uint64_t type = 0;
  if (!unpacker.enter(count) || count != 3 || !unpacker.get(type) ||
      !unpacker.get(envelope.number)) {
    return tl::make_unexpected(bad_frame("not [type, number, fields]"));
  }
  if (type < 1 || type > std::variant_size_v<Variant>) {
    return tl::make_unexpected(bad_frame("unknown type " + std::to_string(type)));
  }
  if (!read_body(type - 1, unpacker, envelope.message)) {
    return tl::make_unexpected(
        bad_frame("type " + std::to_string(type) + ", field '" + unpacker.failed_field() + "'"));
  }
  if (!unpacker.reader().at_end()) return tl::make_unexpected(bad_frame("trailing bytes"));
  return envelope;
}

/// Of what is sent to the broker, which must not be made to hold much more than came.
template <class Variant>
Result<Envelope<Variant>> decode_request(std::string_view frame) {
  return decode_frame<Variant>(frame, kFrameBytesMax, kRequestItemsMax);
}

}  // namespace landseer::protocol
