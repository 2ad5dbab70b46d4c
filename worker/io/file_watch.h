/// Tells when one of a few files changes, by inotify. One thread.
#pragma once

#include <filesystem>

#include "common/base/unique_fd.h"

namespace landseer::worker {

class FileWatch {
 public:
  FileWatch();

  /// Readable when a watched file may have changed; -1 where the kernel gives no such descriptor.
  int fd() const { return inotify_.get(); }
  /// From now until take(), also if another file gets this name meanwhile. False where the kernel
  /// cannot tell: then look from time to time.
  bool add(const std::filesystem::path& file);
  /// Takes the news, and forgets the files it is about: who still waits adds them again.
  void take();

 private:
  UniqueFd inotify_;
};

}  // namespace landseer::worker
