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
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

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
  const std::string& failed_field() const { return failed_; }

  template <class T>
  bool get(const msgpack::object& from, T& value) {
    if constexpr (HasFields<T>) {
      return get_fields(from, value);
    } else if constexpr (IsId<T>) {
      std::uint64_t raw = 0;
      if (!get(from, raw)) return false;
      value = T{raw};
      return true;
    } else if constexpr (std::is_enum_v<T>) {
      std::uint64_t raw = 0;
      constexpr auto kLast = static_cast<std::uint64_t>(last_of(T{}));
      if (!get(from, raw) || raw < 1 || raw > kLast) return false;
      value = static_cast<T>(raw);
      return true;
    } else {
      static_assert(std::integral<T>);
      return get_integer(from, value);
    }
  }

  bool get(const msgpack::object& from, bool& value) {
    if (from.type != msgpack::type::BOOLEAN) return false;
    value = from.via.boolean;
    return true;
  }

  bool get(const msgpack::object& from, std::string& value) {
    if (from.type != msgpack::type::STR) return false;
    value.assign(from.via.str.ptr, from.via.str.size);
    return is_utf8(value);
  }

  template <class S>
  bool get(const msgpack::object& from, BytesRef<S>& value) {
    if (from.type != msgpack::type::BIN) return false;
    value.bytes = S(from.via.bin.ptr, from.via.bin.size);
    return true;
  }

  template <class T>
  bool get(const msgpack::object& from, AddedRef<T>& field) {
    return get(from, field.value);
  }

  bool get(const msgpack::object& from, Digest& value) {
    if (from.type != msgpack::type::BIN) return false;
    value = {};
    if (from.via.bin.size == 0) return true;
    if (from.via.bin.size != value.bytes.size()) return false;
    std::copy_n(from.via.bin.ptr, value.bytes.size(), reinterpret_cast<char*>(value.bytes.data()));
    return true;
  }

  template <class T>
  bool get(const msgpack::object& from, std::vector<T>& values) {
    if (from.type != msgpack::type::ARRAY) return false;
    values.clear();
    // Beyond that it grows as elements prove good: a list of nothings must not become memory.
    constexpr std::uint32_t kAtOnce = 1024;
    values.reserve(std::min(from.via.array.size, kAtOnce));
    for (std::uint32_t i = 0; i < from.via.array.size; ++i) {
      if (!get(from.via.array.ptr[i], values.emplace_back())) return false;
    }
    return true;
  }

  bool get(const msgpack::object& from, std::map<std::string, std::string>& values) {
    if (from.type != msgpack::type::MAP) return false;
    for (std::uint32_t i = 0; i < from.via.map.size; ++i) {
      std::string key;
      std::string value;
      if (!get(from.via.map.ptr[i].key, key) || !get(from.via.map.ptr[i].val, value)) return false;
      if (!values.emplace(std::move(key), std::move(value)).second) return false;
    }
    return true;
  }

  template <class T>
  bool get(const msgpack::object& from, std::optional<T>& value) {
    if (from.type == msgpack::type::NIL) {
      value.reset();
      return true;
    }
    return get(from, value.emplace());
  }

 private:
  template <class T>
  bool get_integer(const msgpack::object& from, T& value) {
    if (from.type == msgpack::type::POSITIVE_INTEGER) {
      if (from.via.u64 > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
      value = static_cast<T>(from.via.u64);
      return true;
    }
    if constexpr (std::signed_integral<T>) {
      if (from.type != msgpack::type::NEGATIVE_INTEGER) return false;
      if (from.via.i64 < std::int64_t{std::numeric_limits<T>::min()}) return false;
      value = static_cast<T>(from.via.i64);
      return true;
    }
    return false;
  }

  template <class T>
  bool get_fields(const msgpack::object& from, T& value) {
    if (from.type != msgpack::type::ARRAY) return false;
    std::uint32_t index = 0;
    bool ok = true;
    T::fields(value, [&](const char* name, auto&& field) {
      if (!ok) return;
      ok = index < from.via.array.size ? get(from.via.array.ptr[index], field) : is_added(field);
      if (!ok && failed_.empty()) failed_ = name;
      ++index;
    });
    return ok;
  }

  std::string failed_;
};

// --- Frames ---

template <class Message>
std::string encode_frame(const Message& message, std::uint64_t number) {
  std::string out;
  out.reserve(256);
  Packer packer(out);
  packer.array(3);
  packer.put(static_cast<std::uint64_t>(message.index() + 1));
  packer.put(number);
  std::visit([&](const auto& body) { packer.put(body); }, message);
  return out;
}

inline Error bad_frame(std::string why) {
  return {ErrorCode::kInvalid, "malformed message: " + std::move(why), "frame",
          "both sides must run versions with a common protocol"};
}

/// Parses exactly one msgpack value. The limits keep a small frame from asking for much memory: an
/// array or map has at most as many elements as the frame has bytes. The result lives in the zone,
/// and refers to the frame.
inline Result<msgpack::object> parse_frame(std::string_view frame, std::size_t bytes_max,
                                           msgpack::zone& zone) {
  if (frame.size() > bytes_max) return tl::make_unexpected(bad_frame("too large"));
  const std::size_t elements = std::min<std::size_t>(frame.size(), kArrayMax);
  const msgpack::unpack_limit limit(elements, 256, frame.size(), frame.size(), 0, kDepthMax);
  try {
    std::size_t used = 0;
    const msgpack::object root = msgpack::unpack(
        zone, frame.data(), frame.size(), used,
        [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr, limit);
    if (used != frame.size()) return tl::make_unexpected(bad_frame("trailing bytes"));
    return root;
  } catch (const std::exception& error) {
    return tl::make_unexpected(bad_frame(error.what()));
  }
}

template <class Variant, std::size_t Index = 0>
bool read_body(std::uint64_t index, const msgpack::object& from, Unpacker& unpacker, Variant& out) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (index != Index) return read_body<Variant, Index + 1>(index, from, unpacker, out);
    return unpacker.get(from, out.template emplace<Index>());
  } else {
    return false;
  }
}

class ZoneUse {
 public:
  explicit ZoneUse(msgpack::zone& zone) : zone_(zone) {}
  ~ZoneUse() { zone_.clear(); }
  ZoneUse(const ZoneUse&) = delete;
  ZoneUse& operator=(const ZoneUse&) = delete;

 private:
  msgpack::zone& zone_;
};

template <class Variant>
Result<Envelope<Variant>> decode_frame(std::string_view frame,
                                       std::size_t bytes_max = kFrameBytesMax) {
  // Its first piece is kept: most frames need no other.
  thread_local msgpack::zone zone;
  const ZoneUse use(zone);
  const auto parsed = parse_frame(frame, bytes_max, zone);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const msgpack::object& root = *parsed;
  Unpacker unpacker;
  Envelope<Variant> envelope;
  std::uint64_t type = 0;
  if (root.type != msgpack::type::ARRAY || root.via.array.size != 3 ||
      !unpacker.get(root.via.array.ptr[0], type) ||
      !unpacker.get(root.via.array.ptr[1], envelope.number)) {
    return tl::make_unexpected(bad_frame("not [type, number, fields]"));
  }
  if (type < 1 || type > std::variant_size_v<Variant>) {
    return tl::make_unexpected(bad_frame("unknown type " + std::to_string(type)));
  }
  if (!read_body(type - 1, root.via.array.ptr[2], unpacker, envelope.message)) {
    return tl::make_unexpected(
        bad_frame("type " + std::to_string(type) + ", field '" + unpacker.failed_field() + "'"));
  }
  return envelope;
}

}  // namespace landseer::protocol
