#include "broker/io/wal_check.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace landseer::broker {
namespace {

constexpr std::size_t kDatabaseHeaderBytes = 100;
constexpr std::size_t kWalHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kPageBytes = 4096;
constexpr std::uint32_t kWalMagic = 0x377F0682;  // its last bit: checksums of big-endian words
constexpr std::uint32_t kWalFormat = 3007000;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File open_file(const std::string& path) { return {std::fopen(path.c_str(), "rbe"), &std::fclose}; }

/// Number of bytes read.
std::size_t read_some(std::FILE* file, std::string& bytes, std::size_t size) {
  bytes.resize(size);
  const std::size_t got = std::fread(bytes.data(), 1, size, file);
  bytes.resize(got);
  return got;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

struct Checksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const Checksum&) const = default;

  void add(std::string_view bytes, bool big) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      first += (big ? big_endian(bytes, i) : little_endian(bytes, i)) + second;
      second += (big ? big_endian(bytes, i + 4) : little_endian(bytes, i + 4)) + first;
    }
  }
};

Checksum stored(std::string_view bytes, std::size_t at) {
  return {big_endian(bytes, at), big_endian(bytes, at + 4)};
}

tl::unexpected<Error> damaged(const std::string& path, std::uint64_t byte, const std::string& why) {
  return fail(ErrorCode::kInternal,
              "the store is damaged at position " + std::to_string(byte) + " of the file: " + why,
              path,
              "nothing was changed; restore the folder from a copy, or start on an empty one with "
              "--state");
}

Result<void> check_header(const std::string& path, bool has_wal) {
  const File file = open_file(path);
  std::string header;
  if (!file || read_some(file.get(), header, kDatabaseHeaderBytes) == 0) {
    if (has_wal) return damaged(path, 0, "it is missing or empty, but its log is there");
    return {};
  }
  if (header.size() < kDatabaseHeaderBytes) return damaged(path, header.size(), "it is cut");
  if (!header.starts_with(std::string_view("SQLite format 3\0", 16))) {
    return damaged(path, 0, "it is no SQLite database");
  }
  // Page size, then: written and read with a log. Anything else makes SQLite ignore the log.
  if ((big_endian(header, 16) >> 16) != kPageBytes) return damaged(path, 16, "the page size");
  if (has_wal && (header[18] != 2 || header[19] != 2)) return damaged(path, 18, "the log's mark");
  return {};
}

/// Walks over the frames. `good` is the checksum that the next frame continues from.
class Walk {
 public:
  Walk(const std::string& path, std::string_view header)
      : path_(path),
        big_((big_endian(header, 0) & 1) != 0),
        salt_(header.substr(16, 8)),
        chain_(stored(header, 24)) {}

  /// `offset`: of the frame in the file.
  Result<void> on_frame(std::string_view frame, std::uint64_t offset) {
    const std::string_view head = frame.substr(0, kFrameHeaderBytes);
    // Frames of the log's earlier life: nobody reads them.
    const bool current = head.substr(8, 8) == salt_;
    const Checksum sum = continued(chain_, frame);
    const bool fits = sum == stored(head, 16);
    const bool good = current && fits;
    // No crash writes a frame whose sum fits and whose salt does not, or leaves a stored sum that
    // the next frame does not continue from although it continues from what it should have been.
    const bool sum_was_changed =
        current && !good && bad_at_ != 0 && continued(expected_, frame) == stored(head, 16);
    if ((bad_at_ == 0 && fits && !current) || sum_was_changed) {
      return damaged(path_, bad_at_ != 0 ? bad_at_ : offset, "a frame of its log");
    }
    chain_ = stored(head, 16);
    expected_ = sum;
    const std::uint32_t page = big_endian(head, 0);
    const bool commits = big_endian(head, 4) != 0;
    if (!good && bad_at_ == 0) bad_at_ = offset;
    if (!good && current && commits)
      ended_ = true;  // a commit's last frame: the next begins another
    if (bad_at_ == 0) {
      open_.insert(page);
      ++open_frames_;
      if (!commits) return {};
      report_.frames += open_frames_;
      open_.clear();
      open_frames_ = 0;
      return {};
    }
    if (good) return on_good_after_bad(page, commits);
    if (current) ++report_.torn_frames;
    return {};
  }

  WalReport finish() {
    report_.torn_frames += open_frames_;
    return report_;
  }

 private:
  Checksum continued(Checksum sum, std::string_view frame) const {
    sum.add(frame.substr(0, 8), big_);
    sum.add(frame.substr(kFrameHeaderBytes), big_);
    return sum;
  }

  /// One commit may be torn in any order. A second one means that the first had been durable: the
  /// page comes again, or the commit that the bad frame belongs to has ended before.
  Result<void> on_good_after_bad(std::uint32_t page, bool commits) {
    const bool second = ended_ || !open_.insert(page).second;
    if (second) return damaged(path_, bad_at_, "a frame of its log, before others that are right");
    ended_ = commits;
    ++report_.torn_frames;
    return {};
  }

  std::string path_;
  bool big_;
  std::string salt_;
  Checksum chain_;     // as the frame before has it
  Checksum expected_;  // as its content says it should be
  WalReport report_;
  std::set<std::uint32_t> open_;  // pages of the commit that is being read
  std::uint64_t open_frames_ = 0;
  std::uint64_t bad_at_ = 0;
  bool ended_ = false;
};

Result<WalReport> walk(const std::string& path, std::FILE* file) {
  std::string header;
  if (read_some(file, header, kWalHeaderBytes) < kWalHeaderBytes) return WalReport{0, 1};
  Checksum sum;
  sum.add(std::string_view(header).substr(0, 24), (big_endian(header, 0) & 1) != 0);
  std::string frame;
  const bool has_frames = read_some(file, frame, kFrameHeaderBytes + kPageBytes) > 0;
  if ((big_endian(header, 0) | 1u) != (kWalMagic | 1u) || big_endian(header, 4) != kWalFormat ||
      big_endian(header, 8) != kPageBytes || sum != stored(header, 24)) {
    if (has_frames) return damaged(path, 0, "the header of its log");
    return WalReport{0, 1};
  }
  Walk walk(path, header);
  std::uint64_t offset = kWalHeaderBytes;
  while (frame.size() == kFrameHeaderBytes + kPageBytes) {
    if (auto good = walk.on_frame(frame, offset); !good) return tl::make_unexpected(good.error());
    offset += frame.size();
    read_some(file, frame, kFrameHeaderBytes + kPageBytes);
  }
  return walk.finish();
}

}  // namespace

Result<WalReport> check_wal(const std::string& path) {
  const std::string log = path + "-wal";
  const File file = open_file(log);
  const bool has_wal =
      file && std::fseek(file.get(), 0, SEEK_END) == 0 && std::ftell(file.get()) > 0;
  if (auto good = check_header(path, has_wal); !good) return tl::make_unexpected(good.error());
  if (!has_wal) return WalReport{};
  std::rewind(file.get());
  return walk(log, file.get());
}

}  // namespace landseer::broker
