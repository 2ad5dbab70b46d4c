#include "worker/io/image_events.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kFoldersMax = 20'000;
constexpr int kDepthMax = 64;
constexpr Duration kRestartPause = std::chrono::seconds(10);
constexpr std::uint32_t kChanges = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

TraceWatch::TraceWatch() : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

bool TraceWatch::add(const std::string& image, const ImageTrace& trace) {
  return inotify_ && add_folder(image, trace.folder, trace, 0);
}

bool TraceWatch::add_folder(const std::string& image, const std::string& path,
                            const ImageTrace& trace, int depth) {
  if (watched_.size() >= kFoldersMax || depth > kDepthMax) return false;
  const int watch = inotify_add_watch(inotify_.get(), path.c_str(), kChanges | IN_ONLYDIR);
  if (watch < 0) return false;
  watched_[watch][image].insert(trace.name);
  if (!trace.deep) return true;
  DIR* list = opendir(path.c_str());
  if (list == nullptr) return false;
  bool complete = true;
  while (const dirent* entry = readdir(list)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    const bool is_folder = entry->d_type == DT_DIR && name != "." && name != "..";
    if (is_folder && name != "__pycache__") {
      complete = add_folder(image, path + "/" + name, trace, depth + 1) && complete;
    }
  }
  closedir(list);
  return complete;
}

std::set<std::string> TraceWatch::take() {
  std::set<std::string> images;
  alignas(inotify_event) std::array<char, 64 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer;
  ssize_t got = 0;
  while (inotify_ && (got = read(inotify_.get(), buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at < got;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name =
          event.len == 0 ? "" : buffer.data() + at + static_cast<ssize_t>(sizeof event);
      at += static_cast<ssize_t>(sizeof event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [watch, all] : watched_) {
          for (const auto& [image, names] : all) images.insert(image);
        }
        continue;
      }
      const auto watched = watched_.find(event.wd);
      if (watched == watched_.end()) continue;
      for (const auto& [image, names] : watched->second) {
        // Without a name it is about the folder itself.
        const bool counts = name.empty() || names.contains("") || names.contains(name);
        if (counts && name != "__pycache__") images.insert(image);
      }
      if ((event.mask & IN_IGNORED) != 0) watched_.erase(watched);
    }
  }
  return images;
}

EventProgram::EventProgram(std::vector<std::string> argv, std::vector<std::string> env)
    : argv_(std::move(argv)), env_(std::move(env)) {}

EventProgram::~EventProgram() { stop(); }

void EventProgram::stop() {
  output_.reset();
  if (pid_ == 0) return;
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
}

bool EventProgram::keep_running(Instant now) {
  if (argv_.empty()) return false;
  if (pid_ != 0) return true;
  if (now < again_at_) return false;
  again_at_ = now + kRestartPause;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  output_ = UniqueFd(ends[0]);
  const UniqueFd input(open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd write_end(ends[1]);
  fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  SpawnRequest request{argv_, env_, "/", input.get(), write_end.get()};
  request.errors = input.get();
  const auto pid = spawn(request);
  if (!pid) {
    output_.reset();
    return false;
  }
  pid_ = *pid;
  return true;
}

bool EventProgram::take() {
  std::array<char, 4096> buffer;
  bool happened = false;
  while (output_) {
    const ssize_t got = read(output_.get(), buffer.data(), buffer.size());
    if (got > 0) {
      happened = true;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      stop();
      happened = true;
    } else if (errno == EAGAIN) {
      break;
    }
  }
  return happened;
}

}  // namespace landseer::worker
