/// Small containers for what there are millions of: a task in the broker must be few bytes. They
/// read like the standard ones that they stand for. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/ids.h"

namespace landseer {

/// A vector of ids, most often of none or one: 16 bytes, and an allocation from the second on.
template <class Id>
class IdList {
 public:
  IdList() = default;
  IdList(std::initializer_list<Id> ids) {
    for (const Id id : ids) push_back(id);
  }
  IdList(const IdList& other) { *this = other; }
  IdList(IdList&& other) noexcept { swap(other); }
  ~IdList() { clear(); }
  IdList& operator=(const IdList& other) {
    if (this == &other) return *this;
    clear();
    for (const Id id : other) push_back(id);
    return *this;
  }
  IdList& operator=(IdList&& other) noexcept {
    swap(other);
    return *this;
  }

  void push_back(Id id) {
    if (size_ == capacity_) grow();
    data()[size_++] = id;
  }
  void clear() {
    if (capacity_ > 1) delete[] many_;
    one_ = Id{};
    size_ = 0;
    capacity_ = 1;
  }

  /// Each of them becomes so much larger.
  void shift(std::uint64_t by) {
    for (std::uint32_t i = 0; i < size_; ++i) data()[i] = Id{number(data()[i]) + by};
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const Id* begin() const { return capacity_ > 1 ? many_ : &one_; }
  const Id* end() const { return begin() + size_; }
  Id front() const { return *begin(); }
  Id back() const { return end()[-1]; }
  operator std::vector<Id>() const { return {begin(), end()}; }

 private:
  Id* data() { return capacity_ > 1 ? many_ : &one_; }
  void swap(IdList& other) {
    std::swap(one_, other.one_);  // whichever of the two it is
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void grow() {
    const std::uint32_t capacity = std::max(4u, 2 * capacity_);
    Id* const grown = new Id[capacity];
    std::copy(begin(), end(), grown);
    if (capacity_ > 1) delete[] many_;
    many_ = grown;
    capacity_ = capacity;
  }

  union {
    Id one_ = Id{};
    Id* many_;  // if capacity_ is more than 1
  };
  static_assert(sizeof(Id) == sizeof(Id*));
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 1;
};

/// Ids in growing order, kept as ranges: what is added is mostly the next one. 16 bytes, and an
/// allocation only for what has gaps.
template <class Id>
class IdRanges {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Id;
    using difference_type = std::ptrdiff_t;
    using pointer = const Id*;
    using reference = Id;

    Iterator() = default;
    Iterator(const IdRanges* ranges, std::size_t range) : ranges_(ranges), range_(range) {}
    Id operator*() const { return Id{number(ranges_->range(range_).first) + at_}; }
    Iterator& operator++() {
      if (++at_ == ranges_->range(range_).count) ++range_, at_ = 0;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const IdRanges* ranges_ = nullptr;
    std::size_t range_ = 0;
    std::uint32_t at_ = 0;
  };

  IdRanges() = default;
  IdRanges(const IdRanges& other) { *this = other; }
  IdRanges(IdRanges&& other) noexcept { swap(other); }
  ~IdRanges() { clear(); }
  IdRanges& operator=(const IdRanges& other) {
    if (this == &other) return *this;
    clear();
    if (other.has_gaps_) {
      many_ = new std::vector<Range>(*other.many_);
    } else {
      first_ = other.first_;
    }
    size_ = other.size_;
    has_gaps_ = other.has_gaps_;
    return *this;
  }
  IdRanges& operator=(IdRanges&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Greater than back(); fewer than 2^32.
  void push_back(Id id) {
    if (size_ == 0) {
      first_ = id;
    } else if (number(id) != number(back()) + 1) {
      if (!has_gaps_) {
        many_ = new std::vector<Range>{{first_, size_}};
        has_gaps_ = true;
      }
      many_->push_back({id, 1});
    } else if (has_gaps_) {
      ++many_->back().count;
    }
    ++size_;
  }
  void clear() {
    if (has_gaps_) delete many_;
    first_ = Id{};
    size_ = 0;
    has_gaps_ = false;
  }

  /// Each of them becomes so much larger. O(ranges).
  void shift(std::uint64_t by) {
    if (has_gaps_) {
      for (Range& range : *many_) range.first = Id{number(range.first) + by};
    } else if (size_ > 0) {
      first_ = Id{number(first_) + by};
    }
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  Id back() const {
    const Range last = range(ranges() - 1);
    return Id{number(last.first) + last.count - 1};
  }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, ranges()}; }
  operator std::vector<Id>() const { return {begin(), end()}; }

 private:
  struct Range {
    Id first{};
    std::uint32_t count = 0;
  };
  std::size_t ranges() const { return has_gaps_ ? many_->size() : std::size_t{size_ > 0}; }
  Range range(std::size_t i) const { return has_gaps_ ? (*many_)[i] : Range{first_, size_}; }
  void swap(IdRanges& other) {
    std::swap(first_, other.first_);  // whichever of the two it is
    std::swap(size_, other.size_);
    std::swap(has_gaps_, other.has_gaps_);
  }

  union {
    Id first_ = Id{};
    std::vector<Range>* many_;  // if has_gaps_
  };
  static_assert(sizeof(Id) == sizeof(std::vector<Range>*));
  std::uint32_t size_ = 0;  // ids, in all ranges
  bool has_gaps_ = false;
};

/// A text that is nearly always empty: 8 bytes then.
class RareText {
 public:
  RareText() = default;
  RareText(const RareText& other) { *this = other.text(); }
  RareText(RareText&&) noexcept = default;
  RareText& operator=(const RareText& other) { return *this = other.text(); }
  RareText& operator=(RareText&&) noexcept = default;
  RareText& operator=(std::string text) {
    text_ = text.empty() ? nullptr : std::make_unique<std::string>(std::move(text));
    return *this;
  }

  const std::string& text() const {
    static const std::string none;
    return text_ ? *text_ : none;
  }
  operator const std::string&() const { return text(); }
  const char* c_str() const { return text().c_str(); }
  bool empty() const { return !text_; }
  std::size_t size() const { return text().size(); }
  void clear() { text_ = nullptr; }
  friend bool operator==(const RareText& a, std::string_view b) { return a.text() == b; }

 private:
  std::unique_ptr<std::string> text_;
};

}  // namespace landseer
