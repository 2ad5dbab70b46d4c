#include "broker/core/watchers.h"

namespace landseer::broker {

void Watchers::add(const Watcher& watcher) {
  by_deadline_.emplace(watcher.deadline, by_pipeline_.emplace(watcher.pipeline, watcher));
}

void Watchers::forget(Entries::iterator entry) {
  const auto [begin, end] = by_deadline_.equal_range(entry->second.deadline);
  for (auto it = begin; it != end; ++it) {
    if (it->second != entry) continue;
    by_deadline_.erase(it);
    break;
  }
  by_pipeline_.erase(entry);
}

void Watchers::notify(const PipelineRecord& record, const Answer& answer) {
  auto [it, end] = by_pipeline_.equal_range(record.id());
  while (it != end) {
    const auto entry = it++;
    if (!entry->second.is_due(record)) continue;
    answer(entry->second);
    forget(entry);
  }
}

void Watchers::expire(Instant now, const Answer& answer) {
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    const auto entry = by_deadline_.begin()->second;
    answer(entry->second);
    forget(entry);
  }
}

std::optional<Instant> Watchers::next_deadline() const {
  if (by_deadline_.empty()) return std::nullopt;
  return by_deadline_.begin()->first;
}

}  // namespace landseer::broker
