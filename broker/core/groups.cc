#include "broker/core/groups.h"

#include <cstddef>
#include <cstdint>

namespace landseer::broker {

void append_entry(std::string& group, std::string_view entry) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    group.push_back(static_cast<char>(entry.size() >> shift & 0xFF));
  }
  group += entry;
}

bool take_entry(std::string_view& group, std::string_view& entry) {
  if (group.size() < 8) return false;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < 8; ++i) size = size << 8 | static_cast<unsigned char>(group[i]);
  group.remove_prefix(8);
  if (size > group.size()) return false;
  entry = group.substr(0, static_cast<std::size_t>(size));
  group.remove_prefix(static_cast<std::size_t>(size));
  return true;
}

}  // namespace landseer::broker
