#include "broker/io/position_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "common/base/digest.h"

namespace landseer::broker {
namespace {

/// The number and what proves that it is one, on a line of fixed length.
std::string line_of(std::uint64_t position) {
  std::string digits = std::to_string(position);
  digits.insert(0, 20 - digits.size(), '0');
  return digits + ' ' + sha256(digits).hex().substr(0, 16) + '\n';
}

constexpr std::size_t kLineBytes = 20 + 1 + 16 + 1;

}  // namespace

Result<PositionMark> PositionMark::open(const std::string& folder) {
  const std::string path = folder + "/position";
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return PositionMark(path, -1);
  if (file < 0) {
    return fail(ErrorCode::kIo, std::string("cannot open the file: ") + std::strerror(errno), path,
                "check owner and space");
  }
  PositionMark mark(path, file);
  char line[kLineBytes + 1];
  const ssize_t size = pread(file, line, sizeof line, 0);
  if (size <= 0) return mark;
  const std::string_view text(line, static_cast<std::size_t>(size));
  std::from_chars(text.data(), text.data() + std::min<std::size_t>(text.size(), 20),
                  mark.position_);
  if (text != line_of(mark.position_)) {
    return fail(ErrorCode::kInternal, "the note of the last position is damaged", path,
                "if the rest of the folder is well, remove this file: the store is then taken as "
                "far as it goes");
  }
  return mark;
}

PositionMark::~PositionMark() {
  if (file_ >= 0) close(file_);
}

PositionMark::PositionMark(PositionMark&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      position_(other.position_) {}

void PositionMark::set(std::uint64_t position) {
  const std::string line = line_of(position);
  if (file_ < 0) file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  static_cast<void>(!pwrite(file_, line.data(), line.size(), 0));
  position_ = position;
}

}  // namespace landseer::broker
