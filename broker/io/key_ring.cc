#include "broker/io/key_ring.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>

#include "common/base/unique_fd.h"
#include "common/config/key_folder.h"

namespace landseer::broker {
namespace {

constexpr Duration kLook = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::string& folder) {
  auto own = config::read_key(folder, config::kBrokerKeyFile);
  if (!own) return tl::make_unexpected(own.error());
  if (own->role) {
    return fail(ErrorCode::kInvalid, "it is not a broker's key", folder,
                "`landseer keys init` makes one");
  }
  std::unique_ptr<KeyRing> ring(new KeyRing(folder, std::move(*own)));
  ring->mark_ = ring->mark();
  if (auto loaded = ring->load(); !loaded) return tl::make_unexpected(loaded.error());
  ring->thread_ = std::thread([raw = ring.get()] { raw->watch(); });
  return ring;
}

KeyRing::~KeyRing() {
  stop_.request();
  if (thread_.joinable()) thread_.join();
}

net::ServerKeys KeyRing::keys_of(keys::Door door) const {
  return {std::string(keys::to_string(door)), own_.secret_key};
}

net::Doorkeeper::Judge KeyRing::judge() {
  return [this](const std::string& word, const std::string& key) -> std::optional<std::string> {
    const auto door = keys::door_from(word);
    if (!door) return std::nullopt;
    if (!find(key, *door)) refresh();
    return find(key, *door) ? std::optional(key) : std::nullopt;
  };
}

std::optional<keys::Authorized> KeyRing::find(const std::string& public_key,
                                              keys::Door door) const {
  std::shared_ptr<const Known> known;
  {
    const std::lock_guard lock(mutex_);
    known = known_;
  }
  const auto found = known->find(public_key);
  if (found == known->end() || !keys::opens(found->second.role, door)) return std::nullopt;
  return found->second;
}

Result<void> KeyRing::load() {
  const auto list = config::read_authorized(folder_);
  if (!list) return tl::make_unexpected(list.error());
  Known known;
  for (const keys::Authorized& key : *list) known.emplace(key.public_key, key);
  const std::lock_guard lock(mutex_);
  tell(*known_, known);
  known_ = std::make_shared<const Known>(std::move(known));
  return {};
}

void KeyRing::tell(const Known& before, const Known& after) const {
  for (const auto& [text, key] : after) {
    const auto old = before.find(text);
    if (old != before.end() && old->second == key) continue;
    spdlog::info("the key '{}' ({}) is accepted", key.name, keys::to_string(key.role));
  }
  for (const auto& [text, key] : before) {
    if (after.contains(text)) continue;
    spdlog::warn("the key '{}' ({}) is accepted no more", key.name, keys::to_string(key.role));
  }
}

/// Tells one content of the file from the next. Opened, because network file systems look at what
/// a file is like only then.
std::string KeyRing::mark() const {
  const UniqueFd file(::open((folder_ + "/" + config::kAuthorizedFile).c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return "none";
  return std::to_string(status.st_ino) + "." + std::to_string(status.st_size) + "." +
         std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) +
         "." + std::to_string(status.st_mode);
}

void KeyRing::watch() {
  std::array<net::PollItem, 1> items{{{nullptr, stop_.fd()}}};
  while (!stop_.requested()) {
    net::poll(items, kLook);
    refresh();
  }
}

void KeyRing::refresh() {
  const std::lock_guard lock(refreshing_);
  std::string mark_now = mark();
  if (mark_now == mark_) return;
  mark_ = std::move(mark_now);
  if (auto loaded = load(); !loaded) {
    spdlog::error("the list of keys stays as it was: {}", loaded.error().to_string());
  } else {
    ++version_;
    news_.request();
  }
}

}  // namespace landseer::broker
