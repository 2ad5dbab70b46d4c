/// Many byte strings in one: the records of a group and the items of a snapshot's part, each behind
/// its length (8 bytes, big endian).
#pragma once

#include <string>
#include <string_view>

namespace landseer::broker {

void append_entry(std::string& group, std::string_view entry);

/// Takes the first entry off the group. False if the group does not begin with a whole one.
bool take_entry(std::string_view& group, std::string_view& entry);

}  // namespace landseer::broker
