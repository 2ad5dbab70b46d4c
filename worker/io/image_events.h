/// Notices that images may contain something else than they did, before anybody is told that they
/// do: by inotify, or by what an engine says of its events. One thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "worker/io/runtime.h"

namespace landseer::worker {

/// Files whose change may be one of an image.
class TraceWatch {
 public:
  TraceWatch();
  int fd() const { return inotify_.get(); }

  /// From now on; again, after a change: folders may be new. False: it cannot be watched.
  bool add(const std::string& image, const ImageTrace& trace);
  /// The images that what happened since may be about.
  std::set<std::string> take();

 private:
  /// Of a folder: for each image the names in it that count; an empty one: all.
  using Watched = std::map<std::string, std::set<std::string>>;
  bool add_folder(const std::string& image, const std::string& path, const ImageTrace& trace,
                  int depth);

  UniqueFd inotify_;
  std::map<int, Watched> watched_;
};

/// A program that writes a line when something happened to images.
class EventProgram {
 public:
  EventProgram(std::vector<std::string> argv, std::vector<std::string> env);
  ~EventProgram();
  EventProgram(const EventProgram&) = delete;
  EventProgram& operator=(const EventProgram&) = delete;

  /// Starts it, also again after it ended, but not all the time. Whether it runs.
  bool keep_running(Instant now);
  int fd() const { return output_.get(); }  ///< -1: it does not run
  /// Whether something happened, its own end included.
  bool take();

 private:
  void stop();

  const std::vector<std::string> argv_;
  const std::vector<std::string> env_;
  UniqueFd output_;
  pid_t pid_ = 0;
  Instant again_at_{};
};

}  // namespace landseer::worker
