/// Files as the artifact store and the attempt folders need them: descriptors that close
/// themselves, trees removed without following a link, files shared instead of copied. Every call
/// is relative to an open folder or to a folder of our own, so that nothing a tool left behind can
/// lead out of it. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace landseer::worker {

/// `cannot WHAT: REASON`, from errno, with `where` as the place. kNotAllowed if the file itself
/// forbids it (its rights, a link, a mount); kIo if the machine cannot (a full or broken disk).
tl::unexpected<Error> fail_errno(std::string_view what, std::string where);

/// In words, such as "a symbolic link".
std::string_view kind_of(mode_t mode);

/// Opens an existing folder. A link in the last place is followed: for folders of our own and of
/// the machine's owner only.
Result<UniqueFd> open_folder(const std::filesystem::path& path);

/// Opens `name` inside `parent`, which must be a real folder on the same mount: not a link to one,
/// and not a place where something else is mounted.
Result<UniqueFd> open_subfolder(int parent, const std::string& name);

/// Opens a folder that a tool could write to, and so put anything in its place. kInvalid if it is
/// no folder any more, or gone: the tool's doing.
Result<UniqueFd> open_tool_folder(const std::filesystem::path& path);

/// Opens the folder `name` inside `parent`, made if need be and readable by everyone: tools may run
/// as any user of their image.
Result<UniqueFd> make_subfolder(int parent, const std::string& name);

/// Names inside, without `.` and `..`, sorted.
Result<std::vector<std::string>> list_folder(int folder);

/// Content of the regular file `name` in `folder`; links are not followed. kNotFound when there is
/// none, kLimit above `bytes_max`.
Result<std::string> read_file(int folder, const std::string& name, std::size_t bytes_max);

/// Creates `name` in `folder` with this content; it must not exist. Everyone may read it.
Result<void> write_file(int folder, const std::string& name, std::string_view content);

/// The same over a file that is there already, if it is a plain one of ours that has no other name;
/// whatever else has the name is removed first.
Result<void> rewrite_file(int folder, const std::string& name, std::string_view content);

/// Fills `target` with what the file has from `offset`; false if it ends before, or cannot be read.
bool read_at(int file, std::uint64_t offset, std::span<char> target);

/// Writes everything, whatever the kernel takes at a time.
Result<void> write_all(int file, std::string_view content, const std::string& where);

/// How a file appears in a second place. Each way falls back to the next that works.
enum class Sharing {
  kLink,   ///< hard link, reflink, copy: for sealed files, which nobody writes to
  kClone,  ///< reflink, hard link, copy: for files of other owners
  kCopy,   ///< reflink, copy: for a mode of its own, or a file to be written to
};

/// Makes the open regular file `source` appear as `name` in `folder`, which must not have it yet.
/// A new file gets `mode` and the time of the source; a hard link keeps those it has.
Result<void> share_file(int source, int folder, const std::string& name, Sharing sharing,
                        mode_t mode);

/// Shares a folder or file of the machine's owner, links followed, at most 64 levels deep. Only
/// regular files and folders; the error names anything else.
Result<void> share_tree(const std::filesystem::path& source, int folder, const std::string& name);

/// Removes a file or a whole folder. Links are removed, not followed; folders that their maker
/// closed are opened first, any depth is fine. A missing one is no error.
Result<void> remove_tree(const std::filesystem::path& path);
/// Removes everything in the folder.
Result<void> empty_tree(const std::filesystem::path& folder);

}  // namespace landseer::worker
