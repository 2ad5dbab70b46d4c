#include "worker/io/attempt_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "worker/io/executor_link.h"
#include "worker/io/unique_fd.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "attempt-";

Error system_error(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kIo, what + ": " + strerrordesc_np(errno), where, {}};
}

Result<void> write_file(const std::string& path, std::string_view body) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("cannot write", path));
  while (!body.empty()) {
    const ssize_t written = write(fd.get(), body.data(), body.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::make_unexpected(system_error("cannot write", path));
    body.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Empty when the file does not hold exactly one Ended.
std::optional<Ended> read_ended(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string body(kLinkBytesMax, '\0');
  const ssize_t got = fd ? read(fd.get(), body.data(), body.size()) : -1;
  if (got <= 0) return std::nullopt;
  const auto message =
      decode_from_executor(std::string_view(body).substr(0, static_cast<std::size_t>(got)));
  if (!message || !std::holds_alternative<Ended>(*message)) return std::nullopt;
  return std::get<Ended>(*message);
}

}  // namespace

std::string to_string(const AttemptKey& key) {
  return std::to_string(key.epoch) + "." + std::to_string(number(key.task)) + "." +
         std::to_string(key.attempt);
}

std::optional<AttemptKey> parse_attempt_key(std::string_view text) {
  std::array<std::uint64_t, 2> first{};
  for (std::uint64_t& value : first) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + dot, value);
    if (error != std::errc{} || end != text.data() + dot) return std::nullopt;
    text.remove_prefix(dot + 1);
  }
  AttemptKey key{first[0], TaskId{first[1]}, 0};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key.attempt);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return key;
}

Result<AttemptFiles> AttemptFiles::open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path canonical = error ? fs::path() : fs::canonical(folder, error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot use the state folder: " + error.message(), folder);
  }
  return AttemptFiles(canonical.string());
}

AttemptFiles::Found AttemptFiles::load() const {
  Found found;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const auto key = parse_attempt_key(std::string_view(name).substr(kPrefix.size()));
    if (!key) continue;
    auto ended = read_ended(entry->path().string());
    if (ended && ended->key == *key) {
      found.ended.push_back(std::move(*ended));
    } else {
      found.unfinished.push_back(*key);
    }
  }
  return found;
}

Result<void> AttemptFiles::mark_launched(const AttemptKey& key) const {
  return write_file(token(key), {});
}

Result<void> AttemptFiles::record(const Ended& ended) const {
  return write_file(token(ended.key), encode(FromExecutor(ended)));
}

void AttemptFiles::forget(const AttemptKey& key) const { unlink(token(key).c_str()); }

std::string AttemptFiles::token(const AttemptKey& key) const {
  return folder_ + "/" + std::string(kPrefix) + to_string(key);
}

}  // namespace landseer::worker
