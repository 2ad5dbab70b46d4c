/// What makes a file in the artifact store a sealed object. For the store's own sources only.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {

inline constexpr std::size_t kReadBytes = 1024 * 1024;

std::filesystem::path object_path(const std::filesystem::path& root, const Digest& blob);

/// True while nobody touched the file since `seal`. A check by metadata: it finds accidents, not
/// enemies; those are found by whoever fetches the content and hashes it.
bool is_sealed(const struct stat& status);

/// Invalid if the object is absent or not as sealed.
UniqueFd open_sealed(const std::filesystem::path& root, const Digest& blob, struct stat& status);

Result<void> seal(int file, const std::string& where);

/// A name nobody else uses, for ROOT/tmp.
std::string unique_name();

struct StoreMemory;
/// This process has hashed the blob, and put so many bytes of it into the store.
void remember(StoreMemory& memory, const Digest& blob, std::uint64_t bytes_added);

/// Feeds a file's content from its beginning to `consume`, piece by piece.
template <class Consume>
Result<void> read_through(int file, const std::string& where, Consume&& consume) {
  std::string buffer(kReadBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t count = pread(file, buffer.data(), buffer.size(), offset);
    if (count < 0) return fail_errno("read", where);
    if (count == 0) return {};
    offset += count;
    Result<void> consumed =
        consume(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    if (!consumed) return consumed;
  }
}

/// Moves ROOT/tmp/`name`, sealed, to its place, over a damaged object but not over a good one.
Result<void> install(const std::filesystem::path& root, const std::string& name,
                     const Digest& blob);

}  // namespace landseer::worker
