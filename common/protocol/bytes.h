/// Marks a std::string or std::string_view field as raw bytes on the wire (msgpack `bin`), not as
/// UTF-8 text (`str`).
#pragma once

#include <string>

namespace landseer::protocol {

template <class String>
struct BytesRef {
  String& bytes;
};

template <class String>
BytesRef<String> as_bytes(String& bytes) {
  return {bytes};
}

}  // namespace landseer::protocol
