/// The list of files that is an artifact. Its canonical text is stored like any other content, and
/// the SHA-256 of that text names the artifact: equal outputs have equal names on every machine.
/// Folders exist only through the files in them; an empty one is not kept. Values; any thread.
///
///     landseer-manifest 1
///     <sha256> <x or -> <bytes> <path>      sorted by path, one line per file
///
/// In a path, a newline is written `\n` and a backslash `\\`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"

namespace landseer {

inline constexpr std::size_t kManifestEntriesMax = 100'000;
inline constexpr std::size_t kManifestBytesMax = 64 * 1024 * 1024;
/// Of all files of an artifact together.
inline constexpr std::uint64_t kArtifactBytesMax = std::uint64_t{1} << 40;
inline constexpr std::size_t kPathBytesMax = 4096;
inline constexpr std::size_t kPathDepthMax = 64;

struct ManifestEntry {
  std::string path;  ///< relative, '/' between names
  std::uint64_t bytes = 0;
  bool executable = false;
  Digest content;
  bool operator==(const ManifestEntry&) const = default;

  /// The first name of the path.
  std::string_view top_level_name() const;
};

struct Manifest {
  std::vector<ManifestEntry> entries;
  bool operator==(const Manifest&) const = default;

  std::uint64_t bytes() const;
};

/// kInvalid for an absolute path, an empty name, `.`, `..` or NUL in it; kLimit above
/// kPathBytesMax or kPathDepthMax.
Result<void> check_path(std::string_view path);

/// Name by name, so that what lies in a folder comes right after its name.
bool path_before(std::string_view a, std::string_view b);

/// The canonical text; sorts the entries. Fails for a bad path, two entries of one path, a path
/// that is a file here and a folder there, and above the limits.
Result<std::string> manifest_text(Manifest& manifest);

/// Takes exactly what manifest_text writes.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace landseer
