/// The ready tasks of one pipeline, by what they ask for. One ordered queue per request index, so
/// that a request no worker can meet costs nothing when another is served.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

namespace landseer::domain {

/// Lower rank first, then lower index (insertion order). Not thread-safe.
class ReadyQueue {
 public:
  struct Entry {
    std::int64_t rank = 0;
    std::uint32_t index = 0;
    auto operator<=>(const Entry&) const = default;
  };

  /// O(log n). Adding an entry twice or removing an absent one does nothing.
  void add(std::uint32_t request, Entry entry);
  void remove(std::uint32_t request, Entry entry);

  /// Requests have other numbers from now on: what was `i` is `names[i]`. O(requests).
  void rename(std::span<const std::uint32_t> names);

  /// The best entry of one request, or of all. O(1), or O(number of requests).
  std::optional<Entry> best(std::uint32_t request) const;
  std::optional<Entry> best() const;

  /// The entries of one request, best first.
  const std::set<Entry>& of(std::uint32_t request) const;

  /// Requests that have or had entries, in order of first use.
  std::span<const std::uint32_t> requests() const { return requests_; }
  std::size_t size() const { return size_; }
  /// All entries in order; a listing, O(n log n).
  std::vector<Entry> entries() const;

 private:
  std::set<Entry>* find(std::uint32_t request);
  const std::set<Entry>* find(std::uint32_t request) const;

  std::vector<std::uint32_t> requests_;
  std::vector<std::set<Entry>> queues_;  // parallel to requests_
  std::unordered_map<std::uint32_t, std::size_t> positions_;
  std::size_t size_ = 0;
};

}  // namespace landseer::domain
