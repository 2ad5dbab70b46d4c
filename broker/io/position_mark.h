/// The last durable position of the journal, noted outside of the database. SQLite drops the end of
/// its log where it finds it torn; this note tells a crash, which it follows, from a disk that
/// forgot what was promised. It is not synced: after a power loss it may be old, never too new.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace landseer::broker {

class PositionMark {
 public:
  /// Opens `folder/position`; set() makes it. kInternal if its content is damaged.
  static Result<PositionMark> open(const std::string& folder);
  ~PositionMark();
  PositionMark(PositionMark&& other) noexcept;
  PositionMark& operator=(PositionMark&&) = delete;

  /// 0 for a new one.
  std::uint64_t position() const { return position_; }
  /// Best effort: a note that cannot be written is only older than it could be.
  void set(std::uint64_t position);
  const std::string& path() const { return path_; }

 private:
  PositionMark(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_;
  std::uint64_t position_ = 0;
};

}  // namespace landseer::broker
