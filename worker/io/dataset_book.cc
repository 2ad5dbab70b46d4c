#include "worker/io/dataset_book.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

/// Each is one submission's; a broker asks about 256 at once at most.
constexpr std::size_t kQuestionsMax = 256;

/// Empty, which is "not said", if there are more than may be told.
std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::error_code ignored;
    names.push_back(entry.path().filename().string() + (entry.is_directory(ignored) ? "/" : ""));
    if (names.size() > protocol::kDatasetNamesMax ||
        names.back().size() > protocol::kNameBytesMax) {
      return {};
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

DatasetBook::DatasetBook(std::vector<DatasetFolder> datasets, std::filesystem::path memory)
    : contents_(std::move(memory), FolderFiles::kAll),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_fd_.get() >= 0, "the process has file descriptors left for an event");
  for (DatasetFolder& folder : datasets) {
    queue_.push_back(entries_.size());
    entries_.push_back({std::move(folder), {}, {}});
  }
  thread_ = std::thread([this] { work(); });
}

DatasetBook::~DatasetBook() {
  {
    const std::lock_guard lock(mutex_);
    stop_.request();
  }
  wake_.notify_all();
  thread_.join();
}

void DatasetBook::wait(Duration limit) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, limit, [this] { return queue_.empty() && !reading_; });
}

std::vector<protocol::DatasetOffer> DatasetBook::offers() const {
  const std::lock_guard lock(mutex_);
  std::vector<protocol::DatasetOffer> offers;
  for (const Entry& entry : entries_) {
    offers.push_back({entry.folder.name, entry.folder.variant, entry.content, entry.names});
  }
  return offers;
}

std::vector<protocol::DatasetOffer> DatasetBook::take_offers() {
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  changed_ = false;
  return offers();
}

void DatasetBook::note_change() {
  changed_ = true;
  eventfd_write(event_fd_.get(), 1);
}

Result<Digest> DatasetBook::check(const DatasetFolder& dataset) {
  const auto signature = folder_signature(dataset.path, FolderFiles::kAll);
  if (!signature) return tl::make_unexpected(signature.error());
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& known) { return known.folder == dataset; });
  if (entry == entries_.end()) return Digest{};
  if (entry->content.empty() || entry->signature == *signature) return entry->content;
  spdlog::warn("the dataset {} changed: it is read anew", dataset.path.string());
  entry->content = Digest{};
  queue_.push_back(static_cast<std::size_t>(entry - entries_.begin()));
  wake_.notify_all();
  note_change();
  return Digest{};
}

void DatasetBook::work() {
  std::unique_lock lock(mutex_);
  while (!stop_.requested()) {
    if (!questions_.empty()) {
      const Question question = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock();
      answer(question);
      lock.lock();
      continue;
    }
    if (queue_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const std::size_t index = queue_.front();
    queue_.pop_front();
    reading_ = true;
    lock.unlock();
    read(index);
    lock.lock();
    reading_ = false;
    wake_.notify_all();
  }
}

void DatasetBook::answer(const Question& question) {
  std::vector<DatasetFolder> folders;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      const bool is_meant =
          entry.folder.name == question.dataset &&
          (entry.folder.variant.empty() || entry.folder.variant == question.variant);
      if (is_meant && !entry.content.empty()) folders.push_back(entry.folder);
    }
  }
  for (const DatasetFolder& folder : folders) {
    if (!check(folder)) forget(folder);
  }
  const std::lock_guard lock(mutex_);
  looked_ = std::max(looked_, question.number);
  eventfd_write(event_fd_.get(), 1);
}

/// Its files cannot be looked at: nobody knows what it is.
void DatasetBook::forget(const DatasetFolder& dataset) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (!(entry.folder == dataset) || entry.content.empty()) continue;
    entry.content = Digest{};
    note_change();
  }
}

void DatasetBook::look(Question question) {
  {
    const std::lock_guard lock(mutex_);
    questions_.push_back(std::move(question));
    if (questions_.size() > kQuestionsMax) questions_.pop_front();
  }
  wake_.notify_all();
}

std::uint64_t DatasetBook::take_looked() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  return std::exchange(looked_, 0);
}

void DatasetBook::read(std::size_t index) {
  DatasetFolder folder;
  {
    const std::lock_guard lock(mutex_);
    folder = entries_[index].folder;
  }
  const auto content = contents_.read(folder.path, stop_);
  if (!content) {
    if (!stop_.requested()) {
      spdlog::warn("the dataset {} cannot be offered: {}", folder.name,
                   content.error().to_string());
    }
    return;
  }
  spdlog::info("the dataset {} in {} has the content {}", folder.name, folder.path.string(),
               content->content.hex());
  std::vector<std::string> names = names_in(folder.path);
  const std::lock_guard lock(mutex_);
  entries_[index].names = std::move(names);
  entries_[index].content = content->content;
  entries_[index].signature = content->signature;
  note_change();
}

}  // namespace landseer::worker
