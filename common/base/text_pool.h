/// Texts that live together, for what there are millions of: a pointer for who refers to one, and 4
/// bytes besides its own in the pool. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace landseer {

/// None moves, and none is freed before all are.
class TextPool {
 public:
  /// One of them, or the empty text. Valid as long as the pool.
  class Text {
   public:
    Text() = default;
    std::string_view view() const {
      if (at_ == nullptr) return {};
      std::uint32_t size = 0;
      std::memcpy(&size, at_, sizeof size);
      return {at_ + sizeof size, size};
    }

   private:
    friend class TextPool;
    explicit Text(const char* at) : at_(at) {}
    const char* at_ = nullptr;  // its size, then its bytes
  };

  TextPool() = default;
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  /// Shorter than 4 GiB.
  Text add(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    char* const at = take(sizeof size + text.size());
    std::memcpy(at, &size, sizeof size);
    std::copy(text.begin(), text.end(), at + sizeof size);
    return Text(at);
  }

 private:
  static constexpr std::size_t kFirstBlock = 256;
  static constexpr std::size_t kLargestBlock = 64 * 1024;

  char* take(std::size_t bytes) {
    if (bytes > left_) {
      left_ = std::max(bytes, next_block_);
      next_block_ = std::min(2 * next_block_, kLargestBlock);
      blocks_.emplace_back(new char[left_]);
      free_ = blocks_.back().get();
    }
    char* const at = free_;
    free_ += bytes;
    left_ -= bytes;
    return at;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  // in the last one
  std::size_t left_ = 0;
  std::size_t next_block_ = kFirstBlock;
};

}  // namespace landseer
