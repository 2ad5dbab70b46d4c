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

template <class Item>
class FairQueue {
 public:
  explicit FairQueue(std::size_t each_max) : each_max_(each_max) {}

  /// False if this caller has too many waiting already.
  bool push(const std::string& caller, Item item) {
    Items& items = waiting_[caller];
    if (items.size() >= each_max_) return false;
    if (items.empty()) turns_.push_back(caller);
    items.push_back(std::move(item));
    return true;
  }

  /// The first of whose turn it is.
  std::optional<Item> pop() {
    if (turns_.empty()) return std::nullopt;
    const auto found = waiting_.find(turns_.front());
    std::optional<Item> item(std::move(found->second.front()));
    found->second.pop_front();
    if (found->second.empty()) {
      waiting_.erase(found);
      turns_.pop_front();
    } else {
      turns_.splice(turns_.end(), turns_, turns_.begin());
    }
    return item;
  }

  bool empty() const { return turns_.empty(); }

 private:
  using Items = std::deque<Item>;
  std::size_t each_max_;
  std::unordered_map<std::string, Items> waiting_;  // none of them empty
  std::list<std::string> turns_;                    // the next one first
};

}  // namespace landseer::broker
