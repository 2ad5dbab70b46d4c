/// Prints a message's fields with their names: the third use of fields().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/protocol/fields.h"

namespace landseer::protocol {

/// Longer texts and lists are cut here: a log line is read by people.
inline constexpr std::size_t kDescribedTextMax = 60;
inline constexpr std::size_t kDescribedItemsMax = 4;

class Describer {
 public:
  std::string take() { return std::move(out_); }

  template <class T>
  void put(const T& value) {
    if constexpr (HasFields<T>) {
      const char* separator = "";
      out_ += "{";
      T::fields(value, [&](const char* name, auto&& field) {
        out_ += separator;
        out_ += name;
        out_ += "=";
        put(field);
        separator = " ";
      });
      out_ += "}";
    } else if constexpr (std::is_enum_v<T>) {
      out_ += std::to_string(static_cast<std::uint64_t>(value));
    } else {
      out_ += std::to_string(value);
    }
  }

  void put(const std::string& text) {
    out_ += "'" + strip_control(text.substr(0, kDescribedTextMax), false) +
            (text.size() > kDescribedTextMax ? "...'" : "'");
  }
  void put(const Digest& digest) { out_ += digest.empty() ? "none" : digest.hex().substr(0, 12); }
  template <class S>
  void put(const BytesRef<S>& bytes) {
    out_ += std::to_string(bytes.bytes.size()) + " bytes";
  }
  template <class T>
  void put(const AtMostRef<T>& field) {
    put(field.list);
  }
  template <class T>
  void put(const AddedRef<T>& field) {
    put(field.value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    out_ += "[";
    for (std::size_t i = 0; i < values.size() && i < kDescribedItemsMax; ++i) {
      if (i > 0) out_ += ", ";
      put(values[i]);
    }
    if (values.size() > kDescribedItemsMax) out_ += ", ... " + std::to_string(values.size());
    out_ += "]";
  }
  template <class T>
  void put(const std::optional<T>& value) {
    if (value)
      put(*value);
    else
      out_ += "none";
  }
  void put(const std::map<std::string, std::string>& values) {
    std::size_t shown = 0;
    for (const auto& [key, value] : values) {
      if (shown++ == kDescribedItemsMax) break;
      put(key);
      out_ += ":";
      put(value);
      out_ += ",";
    }
    if (values.size() > kDescribedItemsMax) out_ += " ... " + std::to_string(values.size());
  }

 private:
  std::string out_;
};

template <class Variant>
std::string describe_message(const Variant& message) {
  Describer describer;
  std::visit([&](const auto& body) { describer.put(body); }, message);
  return "type " + std::to_string(message.index() + 1) + " " + describer.take();
}

}  // namespace landseer::protocol
