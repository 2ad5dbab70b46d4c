// ArtifactStore: what is remembered about its blobs, and whether they are still what they were.
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>

#include "worker/io/artifact_store.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

/// 32 MiB of digests. Above, the oldest knowledge is not told from the newest: all is forgotten.
constexpr std::size_t kVerifiedMax = 1'000'000;

}  // namespace

void remember(StoreMemory& memory, const Digest& blob, std::uint64_t bytes_added) {
  memory.bytes_added += bytes_added;
  const std::lock_guard lock(memory.mutex);
  if (memory.verified.size() >= kVerifiedMax) memory.verified.clear();
  memory.verified.insert(blob);
}

bool ArtifactStore::verify(const Digest& blob) const {
  {
    const std::lock_guard lock(memory_->mutex);
    if (memory_->verified.contains(blob)) return true;
  }
  struct stat status {};
  const UniqueFd file = open_sealed(root_, blob, status);
  if (!file) return true;  // Absent, which is for `missing` to say.
  Hasher hasher;
  const auto read = read_through(file.get(), {}, [&](std::string_view piece) -> Result<void> {
    hasher.update(piece);
    return {};
  });
  if (read && hasher.finish() == blob) {
    remember(*memory_, blob, 0);
    return true;
  }
  unlink(object_path(root_, blob).c_str());
  return false;
}

bool ArtifactStore::verify(const Manifest& manifest, const Cancel& cancel) const {
  bool good = true;
  for (const ManifestEntry& entry : manifest.entries) {
    if (cancel.requested()) break;
    good = verify(entry.content) && good;
  }
  return good;
}

void ArtifactStore::mark_used(const Digest& artifact) const {
  const std::filesystem::path path = root_ / "used" / artifact.hex();
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  // On a disk without room for a name the artifact merely counts as unused.
  if (file) futimens(file.get(), nullptr);
}

Result<std::string> ArtifactStore::id() const {
  auto folder = open_folder(root_);
  if (!folder) return tl::make_unexpected(folder.error());
  constexpr const char* kName = "store_id";
  auto present = read_file(folder->get(), kName, 32);
  if (present && present->size() == 32) return present;
  std::array<std::uint8_t, 16> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return fail_errno("name the store", root_.string());
  }
  const std::string id =
      sha256({reinterpret_cast<const char*>(random.data()), random.size()}).hex().substr(0, 32);
  const std::string draft = "tmp/" + unique_name();
  if (auto written = write_file(folder->get(), draft, id); !written) {
    return tl::make_unexpected(written.error());
  }
  // A link and not a rename: of several that make it at once, the first wins.
  // What was made is read, whoever made it: that tells.
  const int linked = linkat(folder->get(), draft.c_str(), folder->get(), kName, 0);
  static_cast<void>(linked);
  unlinkat(folder->get(), draft.c_str(), 0);
  present = read_file(folder->get(), kName, 32);
  if (!present) present.error().where = (root_ / kName).string();
  return present;
}

}  // namespace landseer::worker
