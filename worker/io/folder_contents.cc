#include "worker/io/folder_contents.h"

#include <system_error>
#include <utility>

#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kHexBytes = 64;
/// One whose files are written to all the time has no content.
constexpr int kReadsMax = 3;

}  // namespace

FolderContents::FolderContents(std::filesystem::path memory, FolderFiles files)
    : memory_(std::move(memory)), files_(files) {
  std::error_code ignored;  // What cannot be remembered is read again.
  std::filesystem::create_directories(memory_, ignored);
}

/// From memory if the files are as they were, else by reading them.
Result<FolderContent> FolderContents::read(const std::filesystem::path& folder,
                                           const Cancel& cancel) const {
  auto before = folder_signature(folder, files_);
  if (!before) return tl::make_unexpected(before.error());
  const std::string name = sha256(folder.string()).hex();
  const auto memory = open_folder(memory_);
  if (memory) {
    const auto text = read_file(memory->get(), name, 2 * kHexBytes);
    if (text && text->starts_with(before->hex())) {
      const auto known = Digest::from_hex(std::string_view(*text).substr(kHexBytes));
      if (known) return FolderContent{*known, *before};
    }
  }
  for (int i = 0; i < kReadsMax; ++i) {
    const auto content = folder_content(folder, files_, cancel);
    if (!content) return tl::make_unexpected(content.error());
    const auto after = folder_signature(folder, files_);
    if (!after) return tl::make_unexpected(after.error());
    if (*after == *before) {
      if (memory) {
        (void)remove_tree(memory_ / name);
        (void)write_file(memory->get(), name, after->hex() + content->hex());
      }
      return FolderContent{*content, *after};
    }
    before = after;
  }
  return fail(ErrorCode::kConflict, "its files change all the time", folder.string());
}

}  // namespace landseer::worker
