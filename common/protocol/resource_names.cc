#include "common/protocol/resource_names.h"

#include <algorithm>

#include "common/protocol/limits.h"

namespace landseer::protocol {

bool is_request_key(std::string_view name) {
  return std::find(kRequestKeys.begin(), kRequestKeys.end(), name) != kRequestKeys.end();
}

bool is_resource_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_good = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kNameBytesMax && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), is_good) && !is_request_key(name);
}

}  // namespace landseer::protocol
