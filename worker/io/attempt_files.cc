#include "worker/io/attempt_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/unique_fd.h"
#include "worker/io/executor_link.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "attempt-";
constexpr const char* kSparePrefix = "spare-";

Error system_error(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kIo, what + ": " + strerrordesc_np(errno), where, {}};
}

Result<void> append(const std::string& path, std::string_view body) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("cannot write", path));
  while (!body.empty()) {
    const ssize_t written = write(fd.get(), body.data(), body.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::make_unexpected(system_error("cannot write", path));
    body.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Cut at the end: ext4 takes a file cut to nothing for one that is replaced, and flushes it.
Result<void> overwrite(const std::string& path, std::string_view body) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const auto size = static_cast<ssize_t>(body.size());
  if (fd && pwrite(fd.get(), body.data(), body.size(), 0) == size &&
      ftruncate(fd.get(), size) == 0) {
    return {};
  }
  return tl::make_unexpected(system_error("cannot write", path));
}

/// A record is its length, four bytes, the most significant one first, and a message.
std::string make_record(const std::string& message) {
  std::string record;
  for (int shift = 24; shift >= 0; shift -= 8) {
    record += static_cast<char>(message.size() >> shift & 0xFF);
  }
  return record + message;
}

/// Empty at the end of what is whole.
std::string_view take_record(std::string_view& rest) {
  if (rest.size() < 4) return {};
  std::size_t length = 0;
  for (const char byte : rest.substr(0, 4)) length = length << 8 | static_cast<unsigned char>(byte);
  if (rest.size() - 4 < length) return {};
  const std::string_view message = rest.substr(4, length);
  rest.remove_prefix(4 + length);
  return message;
}

std::string read_whole(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string body(2 * kLinkBytesMax, '\0');
  const ssize_t got = fd ? read(fd.get(), body.data(), body.size()) : 0;
  body.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return body;
}

std::optional<Ended> read_ended(std::string_view message) {
  auto ended = decode_from_executor(message);
  if (!ended || !std::holds_alternative<Ended>(*ended)) return std::nullopt;
  return std::get<Ended>(std::move(*ended));
}

/// A Launch of which only what is needed here is kept.
void read_remains(std::string_view message, AttemptFiles::Remains& remains) {
  auto launch = decode_to_executor(message);
  if (!launch || !std::holds_alternative<Launch>(*launch)) return;
  remains.cgroup = std::move(std::get<Launch>(*launch).cgroup);
  remains.remove_argv = std::move(std::get<Launch>(*launch).remove_argv);
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

AttemptFiles::AttemptFiles(std::string folder)
    : folder_(std::move(folder)), spares_(std::make_shared<Spares>(folder_, kSparePrefix)) {}

AttemptFiles::Found AttemptFiles::load() const {
  Found found;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const auto key = parse_attempt_key(std::string_view(name).substr(kPrefix.size()));
    if (!key) continue;
    Remains remains{*key, {}, {}};
    std::optional<Ended> ended;
    const std::string body = read_whole(entry->path().string());
    std::string_view rest = body;
    for (auto message = take_record(rest); !message.empty(); message = take_record(rest)) {
      ended = read_ended(message);
      if (!ended) read_remains(message, remains);
    }
    if (ended && ended->key == *key) {
      found.ended.push_back(std::move(*ended));
    } else {
      found.unfinished.push_back(std::move(remains));
    }
  }
  return found;
}

Result<void> AttemptFiles::mark_launched(const Launch& launch) const {
  std::string record;
  if (!launch.cgroup.empty() || !launch.remove_argv.empty()) {
    Launch remains;
    remains.key = launch.key;
    remains.cgroup = launch.cgroup;
    remains.remove_argv = launch.remove_argv;
    record = make_record(encode(ToExecutor(remains)));
  }
  const auto spare = spares_->take_in_place();
  // What the file says of another attempt must be gone before it is this one's.
  if (!spare || !overwrite(spare->native(), record)) return append(token(launch.key), record);
  if (rename(spare->c_str(), token(launch.key).c_str()) == 0) return {};
  return tl::make_unexpected(system_error("cannot write", token(launch.key)));
}

Result<void> AttemptFiles::record(const AttemptKey& key, const std::string& message) const {
  return append(token(key), make_record(message));
}

void AttemptFiles::forget(const AttemptKey& key) const {
  if (!spares_->keep(token(key))) unlink(token(key).c_str());
}

std::string AttemptFiles::token(const AttemptKey& key) const {
  return folder_ + "/" + std::string(kPrefix) + to_string(key);
}

}  // namespace landseer::worker
