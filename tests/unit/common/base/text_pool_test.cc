#include "common/base/text_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace landseer {
namespace {

TEST(TextPool, KeepsEachTextWhereItIs) {
  TextPool pool;
  std::vector<std::pair<TextPool::Text, std::string>> added;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::size_t size = i % 500 == 499 ? 70'000 : i % 90;
    std::string text(size, static_cast<char>('a' + i % 26));
    added.emplace_back(pool.add(text), text);
  }
  for (const auto& [text, expected] : added) EXPECT_EQ(text.view(), expected);
}

TEST(TextPool, ATextOfNoneIsEmpty) { EXPECT_EQ(TextPool::Text().view(), ""); }

}  // namespace
}  // namespace landseer
