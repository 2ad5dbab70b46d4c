#include "common/domain/key_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace landseer::domain {

namespace {

constexpr std::uint64_t kPartMax = (std::uint64_t{1} << 48) - 1;  // of a slot's two parts

}  // namespace

/// Keys are SHA-256 sums: any part of one is as good as a hash of it.
std::uint64_t KeyIndex::prefix_of(const Digest& key) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, key.bytes.data(), sizeof prefix);
  return prefix & kPartMax;
}

void KeyIndex::add(const Digest& key, TaskId task) {
  CHECK(number(task) <= kPartMax, "as many tasks are never made");
  if (3 * (size_ + 1) > 2 * slots_.size()) resize(std::max<std::size_t>(64, 2 * slots_.size()));
  if (put({prefix_of(key), number(task)})) ++equal_;
  ++size_;
}

/// True: there was one that begins like it.
bool KeyIndex::put(Slot slot) {
  bool is_equal = false;
  std::size_t i = home(slot.prefix());
  for (; !slots_[i].is_free(); i = next(i)) {
    is_equal = is_equal || slots_[i].prefix() == slot.prefix();
  }
  slots_[i] = slot;
  return is_equal;
}

bool KeyIndex::has(std::uint64_t prefix) const {
  for (std::size_t i = home(prefix); !slots_[i].is_free(); i = next(i)) {
    if (slots_[i].prefix() == prefix) return true;
  }
  return false;
}

void KeyIndex::reserve(std::size_t count) {
  std::size_t wanted = 64;
  while (3 * count > 2 * wanted) wanted *= 2;
  if (wanted > slots_.size()) resize(wanted);
}

void KeyIndex::resize(std::size_t slots) {
  std::vector<Slot> old = std::exchange(slots_, {});
  slots_.resize(slots);
  for (const Slot& slot : old) {
    if (!slot.is_free()) put(slot);
  }
}

void KeyIndex::remove(const Digest& key, TaskId task) {
  if (slots_.empty()) return;
  std::size_t i = home(prefix_of(key));
  while (slots_[i].task() != number(task)) {
    if (slots_[i].is_free()) return;
    i = next(i);
  }
  // What comes after the gap moves into it unless that would put it before its home (Knuth, The Art
  // of Computer Programming, volume 3, 6.4, algorithm R).
  std::size_t gap = i;
  for (std::size_t j = next(i); !slots_[j].is_free(); j = next(j)) {
    const std::size_t wanted = home(slots_[j].prefix());
    const bool between = gap <= j ? gap < wanted && wanted <= j : gap < wanted || wanted <= j;
    if (between) continue;
    slots_[gap] = slots_[j];
    gap = j;
  }
  slots_[gap] = Slot{};
  --size_;
  if (has(prefix_of(key))) --equal_;
}

}  // namespace landseer::domain
