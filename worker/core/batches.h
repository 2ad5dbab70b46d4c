/// Lists that are longer than what the broker takes in one message. docs/protocol.md, "Limits".
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "common/protocol/limits.h"

namespace landseer::worker {

/// Calls `send` with parts of at most kBatchMax items, in order, and leaves `items` empty.
template <class Item, class Send>
void in_batches(std::vector<Item>& items, Send&& send) {
  for (auto from = items.begin(); from != items.end();) {
    const auto rest = std::distance(from, items.end());
    const auto to = from + std::min<std::ptrdiff_t>(rest, protocol::kBatchMax);
    send(std::vector<Item>(std::make_move_iterator(from), std::make_move_iterator(to)));
    from = to;
  }
  items.clear();
}

}  // namespace landseer::worker
