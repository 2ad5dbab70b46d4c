#include "worker/io/image_book.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "common/base/check.h"
#include "common/net/clock.h"

namespace landseer::worker {
namespace {

/// Who writes one file writes others: looked at when this long nothing happened.
constexpr Duration kQuiet = std::chrono::milliseconds(100);
/// What other hosts change on a network file system is told to nobody.
constexpr Duration kFoldersAgain = std::chrono::seconds(10);
constexpr Duration kFailureAgain = std::chrono::seconds(30);

bool is_folder_image(const Runtime& runtime, const std::string& image) {
  const auto traces = runtime.traces(image);
  return traces && std::any_of(traces->begin(), traces->end(),
                               [](const ImageTrace& trace) { return trace.deep; });
}

}  // namespace

ImageBook::ImageBook(std::shared_ptr<const Runtimes> runtimes, std::filesystem::path memory)
    : runtimes_(std::move(runtimes)),
      memory_(std::move(memory)),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_fd_.get() >= 0, "the process has file descriptors left for an event");
  load();
  thread_ = std::thread([this] { work(); });
}

ImageBook::~ImageBook() {
  stop_.request();
  wake_up_.request();
  thread_.join();
}

void ImageBook::wait(Duration limit) {
  std::unique_lock lock(mutex_);
  looked_.wait_for(lock, limit, [this] {
    return std::none_of(entries_.begin(), entries_.end(),
                        [](const auto& known) { return known.second.look_at.has_value(); });
  });
}

void ImageBook::learn(const std::string& runtime, const std::string& image) {
  Runtime* const runs_it = runtimes_->find(runtime);
  if (runs_it == nullptr || image.empty() || image.size() > kImageNameMax ||
      image.find_first_of("\n\t") != std::string::npos) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(image);
    if (known == entries_.end()) {
      if (entries_.size() >= kImagesKnownMax) forget_absent();
      if (entries_.size() >= kImagesKnownMax) return;
      entries_[image] = {runs_it, {}, {}, net::now().instant, false};
    } else if (known->second.runtime != nullptr && known->second.runtime != runs_it) {
      known->second = {};
      note_change();
    } else {
      return;
    }
    save();
  }
  wake_up_.request();
}

std::vector<protocol::ImageOffer> ImageBook::offers() const {
  const std::lock_guard lock(mutex_);
  std::vector<protocol::ImageOffer> offers;
  for (const auto& [image, entry] : entries_) {
    protocol::ImageOffer offer{image, entry.content, entry.known};
    std::erase(offer.kept, entry.content);
    // Without its name what was kept is still found, by who is bound to it.
    if (entry.in_doubt || !offer.content.empty()) offers.push_back(std::move(offer));
  }
  return offers;
}

std::vector<protocol::ImageOffer> ImageBook::take_offers() {
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  changed_ = false;
  return offers();
}

void ImageBook::take_news() {
  take_events();
  wake_up_.request();  // what there was to hear the thread will not hear any more
}

void ImageBook::note_change() {
  changed_ = true;
  eventfd_write(event_fd_.get(), 1);
}

void ImageBook::forget_absent() {
  std::erase_if(entries_, [](const auto& known) {
    const Entry& entry = known.second;
    return entry.runtime != nullptr && !entry.look_at && !entry.in_doubt && entry.content.empty() &&
           entry.known.empty();
  });
}

/// Lines of a runtime's name, the image, and what it was, with tabs between them.
void ImageBook::load() {
  std::ifstream file(memory_);
  for (std::string line; std::getline(file, line) && entries_.size() < kImagesKnownMax;) {
    std::istringstream words(line);
    std::string name;
    std::string image;
    std::getline(words, name, '\t');
    std::getline(words, image, '\t');
    Runtime* const runtime = name.empty() ? nullptr : runtimes_->find(name);
    if (runtime == nullptr || image.empty() || image.size() > kImageNameMax) continue;
    Entry entry{runtime, {}, {}, net::now().instant, true};  // until it is looked at
    for (std::string hex; std::getline(words, hex, '\t');) {
      const auto content = Digest::from_hex(hex);
      if (content && entry.known.size() <= kContentsKeptMax) entry.known.push_back(*content);
    }
    entries_[image] = std::move(entry);
  }
}

/// What cannot be remembered is learned again.
void ImageBook::save() const {
  const std::filesystem::path unfinished = memory_.string() + ".part";
  {
    std::ofstream file(unfinished, std::ios::trunc);
    for (const auto& [image, entry] : entries_) {
      if (entry.runtime == nullptr) continue;
      file << entry.runtime->name() << '\t' << image;
      for (const Digest& content : entry.known) file << '\t' << content.hex();
      file << '\n';
    }
  }
  std::error_code ignored;
  std::filesystem::rename(unfinished, memory_, ignored);
}

// --- The thread ---

void ImageBook::work() {
  Instant folders_at = net::now().instant + kFoldersAgain;
  while (!stop_.requested()) {
    look_at_due();
    std::vector<pollfd> items{{wake_up_.fd(), POLLIN, 0}, {traces_.fd(), POLLIN, 0}};
    {
      const std::lock_guard lock(watch_mutex_);
      const Instant now = net::now().instant;
      for (const auto& [runtime, program] : events_) {
        program->keep_running(now);
        items.push_back({program->fd(), POLLIN, 0});
      }
    }
    Instant next = folders_at;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [image, entry] : entries_) {
        if (entry.look_at) next = std::min(next, *entry.look_at);
      }
    }
    const Duration left = std::max(next - net::now().instant, Duration::zero());
    poll(items.data(), items.size(), static_cast<int>(left.count() / 1'000'000) + 1);
    wake_up_.clear();
    take_events();
    if (net::now().instant < folders_at) continue;
    folders_at = net::now().instant + kFoldersAgain;
    const std::lock_guard lock(mutex_);
    for (auto& [image, entry] : entries_) {
      const bool is_folder = entry.runtime != nullptr && is_folder_image(*entry.runtime, image);
      if (is_folder && !entry.look_at) entry.look_at = net::now().instant;
    }
  }
}

void ImageBook::take_events() {
  const std::lock_guard watch_lock(watch_mutex_);
  const Instant again = net::now().instant + kQuiet;
  for (const std::string& image : traces_.take()) doubt(image, again);
  for (const auto& [runtime, program] : events_) {
    if (!program->take()) continue;
    std::vector<std::string> images;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [image, entry] : entries_) {
        if (entry.runtime == runtime) images.push_back(image);
      }
    }
    for (const std::string& image : images) doubt(image, again);
  }
}

/// Not known any more, until it is looked at.
void ImageBook::doubt(const std::string& image, Instant look_at) {
  const std::lock_guard lock(mutex_);
  const auto known = entries_.find(image);
  if (known == entries_.end() || known->second.runtime == nullptr) return;
  if (!known->second.look_at) known->second.look_at = look_at;
  if (known->second.content.empty()) return;
  known->second.content = Digest{};
  known->second.in_doubt = true;
  note_change();
}

void ImageBook::look_at_due() {
  for (;;) {
    std::string image;
    Runtime* runtime = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const auto due = std::find_if(entries_.begin(), entries_.end(), [](const auto& known) {
        return known.second.look_at && *known.second.look_at <= net::now().instant;
      });
      if (due == entries_.end() || stop_.requested()) {
        looked_.notify_all();
        return;
      }
      image = due->first;
      runtime = due->second.runtime;
      due->second.look_at.reset();
    }
    look(image, *runtime);
  }
}

/// Watched first and looked at then, so that no change is missed.
void ImageBook::look(const std::string& image, Runtime& runtime) {
  Digest content;
  bool failed = false;
  bool again = !watch(image, runtime);
  if (!again) {
    const auto found = runtime.look(image, stop_);
    failed = again = !found;
    if (found && *found) content = **found;  // else it is not here
  }
  const std::vector<Digest> gone = find_gone(image, content, runtime);
  take_events();
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[image];
  if (entry.runtime != &runtime || entry.look_at) return;  // it changed meanwhile
  if (again) entry.look_at = net::now().instant + kFailureAgain;
  if (failed) {
    // It was something before, and nobody can say whether it still is.
    if (entry.content.empty()) return;
    entry.content = Digest{};
    entry.in_doubt = true;
    note_change();
    return;
  }
  if (entry.content == content && gone.empty() && !entry.in_doubt) return;
  keep(entry, content, gone);
  save();
  note_change();
}

/// What the image was before and cannot be run any more.
std::vector<Digest> ImageBook::find_gone(const std::string& image, const Digest& content,
                                         Runtime& runtime) {
  std::vector<Digest> known;
  {
    const std::lock_guard lock(mutex_);
    known = entries_[image].known;
  }
  std::erase_if(known,
                [&](const Digest& one) { return one == content || runtime.keeps(one, stop_); });
  return known;
}

void ImageBook::keep(Entry& entry, const Digest& content, const std::vector<Digest>& gone) {
  entry.content = content;
  entry.in_doubt = false;
  if (!entry.runtime->keeps_contents()) return;
  std::erase_if(entry.known, [&](const Digest& one) {
    return one == entry.content || std::find(gone.begin(), gone.end(), one) != gone.end();
  });
  if (!entry.content.empty()) entry.known.insert(entry.known.begin(), entry.content);
  if (entry.known.size() > kContentsKeptMax + 1) entry.known.resize(kContentsKeptMax + 1);
}

bool ImageBook::watch(const std::string& image, Runtime& runtime) {
  const std::lock_guard lock(watch_mutex_);
  const std::vector<std::string> events = runtime.event_command();
  if (!events.empty()) {
    auto& program = events_[&runtime];
    if (!program) program = std::make_unique<EventProgram>(events, runtime.event_environment());
    return program->keep_running(net::now().instant);
  }
  const auto traces = runtime.traces(image);
  if (!traces) return false;
  bool complete = true;
  for (const ImageTrace& trace : *traces) complete = traces_.add(image, trace) && complete;
  return complete;
}

}  // namespace landseer::worker
