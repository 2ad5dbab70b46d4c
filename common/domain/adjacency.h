/// The edges of a graph as two arrays: 8 bytes a node and 4 an edge.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace landseer::domain {

/// The lists of all nodes behind one another.
struct Adjacency {
  std::vector<std::uint32_t> begins{0};
  std::vector<std::uint32_t> edges;

  std::span<const std::uint32_t> operator[](std::uint32_t node) const {
    return std::span(edges).subspan(begins[node], begins[node + 1] - begins[node]);
  }
};

}  // namespace landseer::domain
