/// Which workers offer something of a name: an image, or a data set. Whoever asks what a name
/// stands for looks at those, and not at all workers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/ids.h"

namespace landseer::broker {

class NameIndex {
 public:
  /// From now on the worker offers these, and nothing else.
  template <class Offers, class NameOf>
  void set(WorkerId worker, const Offers& offers, NameOf&& name_of) {
    remove(worker);
    for (const auto& offer : offers) {
      const auto named = by_name_.try_emplace(name_of(offer)).first;
      if (named->second.insert(worker).second) by_worker_[worker].push_back(named);
    }
  }

  void remove(WorkerId worker) {
    const auto known = by_worker_.find(worker);
    if (known == by_worker_.end()) return;
    for (const auto& named : known->second) {
      named->second.erase(worker);
      if (named->second.empty()) by_name_.erase(named);
    }
    by_worker_.erase(known);
  }

  /// Connected or not, by id.
  const std::set<WorkerId>& with(const std::string& name) const {
    static const std::set<WorkerId> none;
    const auto named = by_name_.find(name);
    return named != by_name_.end() ? named->second : none;
  }

 private:
  using ByName = std::map<std::string, std::set<WorkerId>>;
  ByName by_name_;
  std::unordered_map<WorkerId, std::vector<ByName::iterator>> by_worker_;
};

}  // namespace landseer::broker
