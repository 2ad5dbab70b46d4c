#include "worker/io/store_index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "common/net/clock.h"
#include "worker/io/file_tools.h"
#include "worker/io/sealed_object.h"
#include "worker/io/store_lock.h"

namespace landseer::worker {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLooseAge = 3600 * kSecond;
constexpr std::string_view kListBegins = "landseer-manifest ";

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

std::int64_t wall_now() { return net::now().wall.unix_ms * 1'000'000; }

std::filesystem::path marker(const ArtifactStore& store, const Digest& artifact) {
  return store.root() / "used" / artifact.hex();
}

}  // namespace

Result<void> StoreIndex::scan() {
  bytes_ = 0;
  loose_.clear();
  if (auto read = read_used(); !read) return read;
  static constexpr char kHex[] = "0123456789abcdef";
  for (int i = 0; i < 256; ++i) {
    auto blobs = blobs_in({kHex[i / 16], kHex[i % 16]});
    if (!blobs) return tl::make_unexpected(blobs.error());
    for (const Digest& blob : *blobs) {
      if (is_loose(blob)) loose_.push_back(blob);
    }
  }
  // A crash between list and mark, or a store of an older version.
  std::erase_if(loose_, [&](const Digest& blob) {
    const auto begin = store_.read(blob, 0, kListBegins.size());
    if (!begin || begin->data != kListBegins) return false;
    struct stat status {};
    if (lstat(object_path(store_.root(), blob).c_str(), &status) != 0) return false;
    return add(blob, nanoseconds(status.st_ctim));
  });
  return {};
}

Result<std::vector<Digest>> StoreIndex::blobs_in(const std::string& name) {
  auto folder = open_folder(store_.root() / "objects" / name);
  if (!folder) return tl::make_unexpected(folder.error());
  auto names = list_folder(folder->get());
  if (!names) return tl::make_unexpected(names.error());
  std::vector<Digest> blobs;
  for (const std::string& hex : *names) {
    struct stat status {};
    const auto blob = Digest::from_hex(hex);
    if (!blob || fstatat(folder->get(), hex.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    bytes_ += static_cast<std::uint64_t>(status.st_size);
    blobs.push_back(*blob);
  }
  return blobs;
}

/// Marks that came and went since the last look.
Result<void> StoreIndex::read_used() {
  auto folder = open_folder(store_.root() / "used");
  if (!folder) return tl::make_unexpected(folder.error());
  auto names = list_folder(folder->get());
  if (!names) return tl::make_unexpected(names.error());
  std::set<Digest> found;
  for (const std::string& hex : *names) {
    struct stat status {};
    const auto artifact = Digest::from_hex(hex);
    if (!artifact || fstatat(folder->get(), hex.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (add(*artifact, nanoseconds(status.st_mtim))) {
      found.insert(*artifact);
    } else {
      unlinkat(folder->get(), hex.c_str(), 0);  // Its list is gone: it is no artifact any more.
    }
  }
  for (auto it = artifacts_.begin(); it != artifacts_.end();) {
    const auto next = std::next(it);
    if (!found.contains(it->first)) drop(it);
    it = next;
  }
  return {};
}

bool StoreIndex::add(const Digest& artifact, std::int64_t used_ns) {
  if (const auto known = artifacts_.find(artifact); known != artifacts_.end()) {
    known->second.used_ns = used_ns;
    return store_.has(artifact);
  }
  const auto manifest = store_.manifest(artifact);
  if (!manifest) return false;
  Artifact made{used_ns, manifest->bytes(), {}};
  for (const ManifestEntry& entry : manifest->entries) made.blobs.push_back(entry.content);
  std::sort(made.blobs.begin(), made.blobs.end());
  made.blobs.erase(std::unique(made.blobs.begin(), made.blobs.end()), made.blobs.end());
  for (const Digest& blob : made.blobs) ++names_[blob];
  artifacts_.emplace(artifact, std::move(made));
  return true;
}

void StoreIndex::drop(std::map<Digest, Artifact>::iterator artifact) {
  for (const Digest& blob : artifact->second.blobs) {
    const auto named = names_.find(blob);
    if (--named->second == 0) names_.erase(named);
  }
  artifacts_.erase(artifact);
}

bool StoreIndex::is_loose(const Digest& blob) const {
  return !names_.contains(blob) && !artifacts_.contains(blob);
}

std::vector<Digest> StoreIndex::oldest(std::uint64_t bytes, std::size_t limit,
                                       const std::set<Digest>& except) const {
  std::vector<std::pair<std::int64_t, Digest>> order;
  for (const auto& [artifact, known] : artifacts_) {
    if (!except.contains(artifact)) order.emplace_back(known.used_ns, artifact);
  }
  std::sort(order.begin(), order.end());
  std::vector<Digest> chosen;
  std::uint64_t sum = 0;
  for (const auto& [used, artifact] : order) {
    if (sum >= bytes || chosen.size() >= limit) break;
    sum += artifacts_.at(artifact).bytes;
    chosen.push_back(artifact);
  }
  return chosen;
}

Result<void> StoreIndex::remove(std::span<const Digest> artifacts) {
  std::map<Digest, std::int64_t> scanned;
  for (const Digest& artifact : artifacts) {
    const auto known = artifacts_.find(artifact);
    if (known != artifacts_.end()) scanned.emplace(artifact, known->second.used_ns);
  }
  const auto lock = StoreLock::to_remove(store_.root());
  if (!lock) return tl::make_unexpected(lock.error());
  if (auto read = read_used(); !read) return read;
  for (const auto& [artifact, used_ns] : scanned) {
    const auto known = artifacts_.find(artifact);
    if (known == artifacts_.end() || known->second.used_ns != used_ns) continue;
    const std::vector<Digest> blobs = known->second.blobs;
    drop(known);
    // The list first: what has none is no artifact, whatever is left of it.
    remove_blob(artifact);
    for (const Digest& blob : blobs) remove_blob(blob);
    unlink(marker(store_, artifact).c_str());
  }
  return {};
}

void StoreIndex::remove_blob(const Digest& blob) {
  if (!is_loose(blob)) return;
  const std::filesystem::path path = object_path(store_.root(), blob);
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || unlink(path.c_str()) != 0) return;
  bytes_ -= std::min(bytes_, static_cast<std::uint64_t>(status.st_size));
}

Result<void> StoreIndex::remove_loose() {
  const auto lock = StoreLock::to_remove(store_.root());
  if (!lock) return tl::make_unexpected(lock.error());
  if (auto read = read_used(); !read) return read;
  for (const Digest& blob : loose_) {
    struct stat status {};
    if (lstat(object_path(store_.root(), blob).c_str(), &status) != 0) continue;
    // Linking changes the time, too.
    if (wall_now() - nanoseconds(status.st_ctim) > kLooseAge) remove_blob(blob);
  }
  loose_.clear();
  return {};
}

}  // namespace landseer::worker
