/// Marks a list that a peer may send: with more items a message is malformed, and nobody makes room
/// for them. Every list in a request to the broker has such a bound; tests/protocol sees to that.
#pragma once

#include <cstdint>

namespace landseer::protocol {

template <class List>
struct AtMostRef {
  List& list;
  std::uint32_t max;
};

template <class List>
AtMostRef<List> at_most(std::uint32_t max, List& list) {
  return {list, max};
}

}  // namespace landseer::protocol
