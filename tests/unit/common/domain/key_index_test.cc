#include "common/domain/key_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace landseer::domain {
namespace {

/// Or nothing would be shared any more.
TEST(KeyIndex, KnowsWhetherTwoBeginAlike) {
  std::minstd_rand random(3);
  std::vector<Digest> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(sha256(std::to_string(i)));
  KeyIndex index;
  std::map<std::uint64_t, std::size_t> present;  // by task, which key
  std::vector<std::size_t> counts(keys.size());
  for (std::uint64_t task = 1; task < 20'000; ++task) {
    const bool fewer = present.size() > random() % 30;
    if (fewer) {
      const auto gone =
          std::next(present.begin(), static_cast<std::ptrdiff_t>(random() % present.size()));
      index.remove(keys[gone->second], TaskId{gone->first});
      --counts[gone->second];
      present.erase(gone);
    } else {
      const std::size_t key = random() % keys.size();
      index.add(keys[key], TaskId{task});
      ++counts[key];
      present.emplace(task, key);
    }
    ASSERT_EQ(index.size(), present.size());
    ASSERT_EQ(index.has_equal(),
              std::any_of(counts.begin(), counts.end(), [](auto n) { return n > 1; }));
  }
}

TEST(KeyIndex, FindsWhatIsThereAndNothingElse) {
  KeyIndex index;
  std::map<std::uint64_t, Digest> there;
  std::uint64_t state = 1;
  for (std::uint64_t step = 1; step <= 20'000; ++step) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const std::uint64_t task = 1 + (state >> 33) % 3000;
    if (const auto known = there.find(task); known != there.end()) {
      index.remove(known->second, TaskId{task});
      there.erase(known);
    } else {
      // Few keys, so that many tasks share one.
      const Digest key = sha256(std::to_string(task % 500));
      index.add(key, TaskId{task});
      there.emplace(task, key);
    }
  }
  EXPECT_EQ(index.size(), there.size());
  for (std::uint64_t key = 0; key < 500; ++key) {
    std::set<std::uint64_t> found;
    std::set<std::uint64_t> expected;
    index.find(sha256(std::to_string(key)), [&](TaskId id) {
      EXPECT_TRUE(found.insert(number(id)).second);
      return true;
    });
    for (const auto& [task, digest] : there) {
      if (task % 500 == key) expected.insert(task);
    }
    EXPECT_EQ(found, expected);
  }
}

TEST(KeyIndex, IdsMayBeLarge) {
  KeyIndex index;
  const Digest key = sha256("key");
  const std::vector<std::uint64_t> tasks{1, 0xffffffff, 0x100000001, 0xffffffffffff};
  for (const std::uint64_t task : tasks) index.add(key, TaskId{task});
  index.add(sha256("other"), TaskId{2});
  std::vector<std::uint64_t> found;
  const auto visit = [&](TaskId id) {
    found.push_back(number(id));
    return true;
  };
  index.find(key, visit);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, tasks);
  index.remove(key, TaskId{0x100000001});
  found.clear();
  index.find(key, visit);
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(std::count(found.begin(), found.end(), 0x100000001), 0);
}

}  // namespace
}  // namespace landseer::domain
