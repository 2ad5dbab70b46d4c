/// Knows what the images contain that attempts were run with, and tells when one changes: first
/// that it is not known any more, then, when it was looked at again, what it is now. So the broker
/// does not reuse results of an image that was edited or built anew since. Names are remembered
/// over restarts. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/net/cancel.h"
#include "common/protocol/worker_messages.h"
#include "worker/io/image_events.h"
#include "worker/io/runtimes.h"

namespace landseer::worker {

inline constexpr std::size_t kImagesKnownMax = 1000;
inline constexpr std::size_t kContentsKeptMax = 4;  ///< of one image
/// Longer names are not offered: the broker takes none (docs/protocol.md, "Limits").
inline constexpr std::size_t kImageNameMax = 256;

class ImageBook {
 public:
  /// `memory`: a file of this worker's own.
  ImageBook(std::shared_ptr<const Runtimes> runtimes, std::filesystem::path memory);
  ~ImageBook();
  ImageBook(const ImageBook&) = delete;
  ImageBook& operator=(const ImageBook&) = delete;

  /// Waits until the images that are remembered were looked at, or `limit` is over.
  void wait(Duration limit);
  /// The image is about to be looked at for an attempt: from now on its changes are noticed.
  void learn(const std::string& runtime, const std::string& image);

  /// Those of which something is known, or was until just now.
  std::vector<protocol::ImageOffer> offers() const;
  /// Whether the offers are others than when they were taken; then `fd` is readable.
  bool changed() const { return changed_; }
  int fd() const { return event_fd_.get(); }
  std::vector<protocol::ImageOffer> take_offers();
  /// Takes up at once what the system told of images so far. What an engine's event program has not
  /// written yet is not among it, nor what other hosts change on a network file system.
  void take_news();

 private:
  struct Entry {
    Runtime* runtime = nullptr;  ///< null: two run an image of this name, so it has no one content
    Digest content;              ///< none: not known
    std::vector<Digest> known;   ///< what it was, the last first, that can still be run
    std::optional<Instant> look_at;
    bool in_doubt = false;  ///< it was known, and something happened to it
  };

  void work();
  void take_events();
  void look_at_due();
  void look(const std::string& image, Runtime& runtime);
  bool watch(const std::string& image, Runtime& runtime);
  void doubt(const std::string& image, Instant look_at);
  void forget_absent();
  void load();
  void save() const;
  std::vector<Digest> find_gone(const std::string& image, const Digest& content, Runtime& runtime);
  static void keep(Entry& entry, const Digest& content, const std::vector<Digest>& gone);
  void note_change();

  const std::shared_ptr<const Runtimes> runtimes_;
  const std::filesystem::path memory_;
  const UniqueFd event_fd_;
  Cancel wake_up_;  ///< for the thread: there is something new to look at
  Cancel stop_;

  std::mutex watch_mutex_;  ///< guards what follows; taken before the other
  TraceWatch traces_;
  std::map<Runtime*, std::unique_ptr<EventProgram>> events_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable looked_;
  std::map<std::string, Entry> entries_;
  std::atomic<bool> changed_{false};

  std::thread thread_;
};

}  // namespace landseer::worker
