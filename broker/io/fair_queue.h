/// What several callers want, in turns: who asks for much waits for itself, not others for him. Of
/// one caller the order stays. Values only; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace landseer::broker {

struct FairLimits {
  std::size_t each_items = 0;           ///< of one caller
  std::size_t each_bytes = 0;           ///< the same
  std::size_t bytes = 0;                ///< of all callers
  std::size_t items = ~std::size_t{0};  ///< the same
};

template <class Item>
class FairQueue {
 public:
  explicit FairQueue(const FairLimits& limits) : limits_(limits) {}

  /// False if this caller, or all together, have too much waiting already: then the item is as it
  /// was. `bytes`: that it holds.
  bool push(const std::string& caller, Item&& item, std::size_t bytes) {
    const auto found = waiting_.find(caller);
    const std::size_t own = found != waiting_.end() ? found->second.bytes : 0;
    if (items_ >= limits_.items || bytes > limits_.bytes - bytes_ ||
        bytes > limits_.each_bytes - own)
      return false;
    if (found != waiting_.end() && found->second.items.size() >= limits_.each_items) return false;
    Waiting& waiting = waiting_[caller];
    if (waiting.items.empty()) turns_.push_back(caller);
    waiting.items.emplace_back(std::move(item), bytes);
    waiting.bytes += bytes;
    bytes_ += bytes;
    ++items_;
    return true;
  }

  /// The first of whose turn it is.
  std::optional<Item> pop() {
    if (turns_.empty()) return std::nullopt;
    const auto found = waiting_.find(turns_.front());
    Waiting& waiting = found->second;
    std::optional<Item> item(std::move(waiting.items.front().first));
    waiting.bytes -= waiting.items.front().second;
    bytes_ -= waiting.items.front().second;
    --items_;
    waiting.items.pop_front();
    if (waiting.items.empty()) {
      waiting_.erase(found);
      turns_.pop_front();
    } else {
      turns_.splice(turns_.end(), turns_, turns_.begin());
    }
    return item;
  }

  bool empty() const { return turns_.empty(); }

 private:
  struct Waiting {
    std::deque<std::pair<Item, std::size_t>> items;  // never none; each with its bytes
    std::size_t bytes = 0;
  };
  FairLimits limits_;
  std::size_t bytes_ = 0;
  std::size_t items_ = 0;
  std::unordered_map<std::string, Waiting> waiting_;
  std::list<std::string> turns_;  // the next one first
};

}  // namespace landseer::broker
