#include "worker/io/renewal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "worker/io/file_tools.h"
#include "worker/io/input_folder.h"
#include "worker/io/job_file.h"

namespace landseer::worker {
namespace {

bool is_plain_file(int folder, const std::string& name) {
  struct stat status {};
  return fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode);
}

/// Ours, without marks that files in it would inherit, and of this mode from now on.
bool renew_folder(int folder, mode_t mode) {
  struct stat status {};
  if (fstat(folder, &status) != 0 || status.st_uid != geteuid()) return false;
  if (flistxattr(folder, nullptr, 0) > 0) return false;
  return (status.st_mode & 07777) == mode || fchmod(folder, mode) == 0;
}

/// Of everything but the plain file `keep`. A folder in it is more than is worth the trouble.
bool empty_folder(int folder, std::string_view keep) {
  const auto names = list_folder(folder);
  if (!names) return false;
  for (const std::string& name : *names) {
    if (name == keep && is_plain_file(folder, name)) continue;
    if (unlinkat(folder, name.c_str(), 0) != 0) return false;
  }
  return true;
}

}  // namespace

bool renew_attempt(const std::filesystem::path& folder) {
  const auto opened = open_tool_folder(folder);
  if (!opened) return false;
  const auto input = open_subfolder(opened->get(), "input");
  const auto output = open_subfolder(opened->get(), "output");
  if (!input || !output) return false;
  const auto names = list_folder(opened->get());
  if (!names) return false;
  for (const std::string& name : *names) {
    if (name == "input" || name == "output") continue;
    const bool known = name == kJobName || name == kJobDraftName;
    if (!known || !is_plain_file(opened->get(), name)) return false;
    if (name == kJobName && renameat(opened->get(), kJobName, opened->get(), kJobDraftName) != 0) {
      return false;
    }
  }
  return empty_folder(input->get(), kConfigName) && empty_folder(output->get(), {}) &&
         renew_folder(input->get(), 0755) && renew_folder(output->get(), 0777);
}

bool renew_checkpoint(const std::filesystem::path& folder) {
  const auto opened = open_tool_folder(folder);
  if (!opened) return false;
  const auto names = list_folder(opened->get());
  return names && names->empty() && renew_folder(opened->get(), 0777);
}

}  // namespace landseer::worker
