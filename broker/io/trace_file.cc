#include "broker/io/trace_file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "broker/core/groups.h"

namespace landseer::broker {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kStepBytesMax = std::uint64_t{512} << 20;

tl::unexpected<Error> trouble(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, what + ": " + std::strerror(errno), path, "check the path");
}

std::string hex(std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// The next entry as append_entry() wrote it. False: none, or only a part of one.
bool read_entry(std::istream& file, std::string& entry) {
  std::string head(kLengthBytes, '\0');
  if (!file.read(head.data(), kLengthBytes)) return false;
  std::uint64_t length = 0;
  for (const char c : head) length = length << 8 | static_cast<unsigned char>(c);
  if (length > kStepBytesMax) return false;
  entry.resize(length);
  return static_cast<bool>(file.read(entry.data(), static_cast<std::streamsize>(length)));
}

}  // namespace

Result<std::unique_ptr<TraceFile>> TraceFile::open(const std::string& path,
                                                   std::uint64_t bytes_max) {
  std::error_code ignored;
  std::filesystem::rename(path, path + ".1", ignored);
  const mode_t before = umask(0077);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  umask(before);
  if (!file) return trouble("cannot write the trace", path);
  std::unique_ptr<TraceFile> made(new TraceFile(path, std::move(file), bytes_max));
  made->buffer_ = kTraceMagic;
  return made;
}

void TraceFile::add(const TraceStep& step) {
  if (ended_) return;
  const std::string entry = encode_step(step);
  if (bytes_ + buffer_.size() + kLengthBytes + entry.size() > bytes_max_) {
    flush();
    ended_ = true;
    spdlog::warn("the trace {} is as large as it may be: it ends here", path_);
    return;
  }
  append_entry(buffer_, entry);
}

void TraceFile::flush() {
  if (ended_ || buffer_.empty()) return;
  file_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  file_.flush();
  bytes_ += buffer_.size();
  buffer_.clear();
  if (file_) return;
  ended_ = true;
  spdlog::warn("the trace {} cannot be written: it ends here", path_);
}

Result<std::string> replay_trace(const std::string& path, std::ostream* decisions) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return trouble("cannot read the trace", path);
  std::string magic(kTraceMagic.size(), '\0');
  if (!file.read(magic.data(), static_cast<std::streamsize>(magic.size())) ||
      magic != kTraceMagic) {
    return fail(ErrorCode::kInvalid, "this is no trace of a broker", path,
                "name a file that was written with --trace");
  }
  TraceReplay replay([&](const TraceReplay::Decision& each) {
    if (decisions == nullptr) return;
    *decisions << each.kind << ' ' << each.peer << ' ' << hex(each.bytes) << '\n';
  });
  std::string entry;
  while (read_entry(file, entry)) {
    const auto step = decode_step(entry);
    if (!step) return tl::make_unexpected(step.error());
    if (auto done = replay.step(*step); !done) return tl::make_unexpected(done.error());
  }
  const std::uint64_t steps = replay.steps();
  const Digest digest = replay.finish();
  return fmt::format("{} steps, {} decisions, digest {}", steps, replay.decisions(), digest.hex());
}

}  // namespace landseer::broker
