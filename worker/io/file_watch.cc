#include "worker/io/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace landseer::worker {

FileWatch::FileWatch() : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

bool FileWatch::add(const std::filesystem::path& file) {
  // A file that is replaced loses its last name: that is a change of its attributes.
  constexpr std::uint32_t kWhat = IN_MODIFY | IN_ATTRIB | IN_ONESHOT;
  return inotify_ && inotify_add_watch(inotify_.get(), file.c_str(), kWhat) >= 0;
}

void FileWatch::take() {
  std::array<char, 4096> events;
  while (inotify_ && read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace landseer::worker
