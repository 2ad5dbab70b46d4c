#include "common/domain/ready_queue.h"

#include <algorithm>

namespace landseer::domain {
namespace {

/// Up to so many requests, looking through them is faster than a table.
constexpr std::size_t kSearchedMax = 8;

}  // namespace

std::set<ReadyQueue::Entry>* ReadyQueue::find(std::uint32_t request) {
  if (requests_.size() > kSearchedMax) {
    const auto found = positions_.find(request);
    return found != positions_.end() ? &queues_[found->second] : nullptr;
  }
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i] == request) return &queues_[i];
  }
  return nullptr;
}

const std::set<ReadyQueue::Entry>* ReadyQueue::find(std::uint32_t request) const {
  return const_cast<ReadyQueue*>(this)->find(request);
}

void ReadyQueue::add(std::uint32_t request, Entry entry) {
  auto* queue = find(request);
  if (queue == nullptr) {
    positions_.emplace(request, requests_.size());
    requests_.push_back(request);
    queue = &queues_.emplace_back();
  }
  // Most come in order, when a pipeline is built: then the end is the place.
  const std::size_t before = queue->size();
  queue->insert(queue->end(), entry);
  size_ += queue->size() - before;
}

void ReadyQueue::remove(std::uint32_t request, Entry entry) {
  auto* queue = find(request);
  if (queue != nullptr) size_ -= queue->erase(entry);
}

void ReadyQueue::rename(std::span<const std::uint32_t> names) {
  positions_.clear();
  for (std::uint32_t& request : requests_) {
    request = names[request];
    positions_.emplace(request, positions_.size());
  }
}

std::optional<ReadyQueue::Entry> ReadyQueue::best(std::uint32_t request) const {
  const auto* queue = find(request);
  if (queue == nullptr || queue->empty()) return std::nullopt;
  return *queue->begin();
}

const std::set<ReadyQueue::Entry>& ReadyQueue::of(std::uint32_t request) const {
  static const std::set<Entry> kNone;
  const auto* queue = find(request);
  return queue != nullptr ? *queue : kNone;
}

std::optional<ReadyQueue::Entry> ReadyQueue::best() const {
  std::optional<Entry> best;
  for (const auto& queue : queues_) {
    if (!queue.empty() && (!best || *queue.begin() < *best)) best = *queue.begin();
  }
  return best;
}

std::vector<ReadyQueue::Entry> ReadyQueue::entries() const {
  std::vector<Entry> all;
  all.reserve(size_);
  for (const auto& queue : queues_) all.insert(all.end(), queue.begin(), queue.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace landseer::domain
