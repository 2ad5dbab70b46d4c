#include "broker/core/key_index.h"

#include <cstring>
#include <utility>

namespace landseer::broker {

/// Keys are SHA-256 sums: any part of one is as good as a hash of it.
std::uint64_t KeyIndex::prefix_of(const Digest& key) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, key.bytes.data(), sizeof prefix);
  return prefix;
}

void KeyIndex::add(const Digest& key, TaskId task) {
  if (3 * (size_ + 1) > 2 * slots_.size()) grow();
  put({prefix_of(key), number(task)});
  ++size_;
}

void KeyIndex::put(Slot slot) {
  std::size_t i = home(slot.prefix);
  while (slots_[i].task != 0) i = next(i);
  slots_[i] = slot;
}

void KeyIndex::grow() {
  std::vector<Slot> old = std::exchange(slots_, {});
  slots_.resize(old.empty() ? 64 : 2 * old.size());
  for (const Slot& slot : old) {
    if (slot.task != 0) put(slot);
  }
}

void KeyIndex::remove(const Digest& key, TaskId task) {
  if (slots_.empty()) return;
  std::size_t i = home(prefix_of(key));
  while (slots_[i].task != number(task)) {
    if (slots_[i].task == 0) return;
    i = next(i);
  }
  // What comes after the gap moves into it unless that would put it before its home (Knuth, The Art
  // of Computer Programming, volume 3, 6.4, algorithm R).
  std::size_t gap = i;
  for (std::size_t j = next(i); slots_[j].task != 0; j = next(j)) {
    const std::size_t wanted = home(slots_[j].prefix);
    const bool between = gap <= j ? gap < wanted && wanted <= j : gap < wanted || wanted <= j;
    if (between) continue;
    slots_[gap] = slots_[j];
    gap = j;
  }
  slots_[gap] = Slot{};
  --size_;
}

}  // namespace landseer::broker
