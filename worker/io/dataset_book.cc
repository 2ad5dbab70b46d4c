#include "worker/io/dataset_book.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <system_error>

#include "common/base/check.h"
#include "worker/io/dataset_content.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kHexBytes = 64;
/// One whose files are written to all the time has no content.
constexpr int kReadsMax = 3;

}  // namespace

DatasetBook::DatasetBook(std::vector<DatasetFolder> datasets, std::filesystem::path memory)
    : memory_(std::move(memory)), event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_fd_.get() >= 0, "the process has file descriptors left for an event");
  std::error_code ignored;  // What cannot be remembered is read again.
  std::filesystem::create_directories(memory_, ignored);
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
    offers.push_back({entry.folder.name, entry.folder.variant, entry.content});
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
  const auto signature = dataset_signature(dataset.path);
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

void DatasetBook::read(std::size_t index) {
  DatasetFolder folder;
  {
    const std::lock_guard lock(mutex_);
    folder = entries_[index].folder;
  }
  Digest signature;
  const auto content = content_of(folder, signature);
  if (!content) {
    if (!stop_.requested()) {
      spdlog::warn("the dataset {} cannot be offered: {}", folder.name,
                   content.error().to_string());
    }
    return;
  }
  spdlog::info("the dataset {} in {} has the content {}", folder.name, folder.path.string(),
               content->hex());
  const std::lock_guard lock(mutex_);
  entries_[index].content = *content;
  entries_[index].signature = signature;
  note_change();
}

std::filesystem::path DatasetBook::file_of(const DatasetFolder& folder) const {
  return memory_ / sha256(folder.path.string()).hex();
}

/// From memory if the files are as they were, else by reading them.
Result<Digest> DatasetBook::content_of(const DatasetFolder& folder, Digest& signature) const {
  auto before = dataset_signature(folder.path);
  if (!before) return before;
  const std::filesystem::path file = file_of(folder);
  auto memory = open_folder(memory_);
  if (memory) {
    const auto text = read_file(memory->get(), file.filename(), 2 * kHexBytes);
    if (text && text->starts_with(before->hex())) {
      signature = *before;
      if (const auto known = Digest::from_hex(std::string_view(*text).substr(kHexBytes))) {
        return *known;
      }
    }
  }
  for (int i = 0; i < kReadsMax; ++i) {
    auto content = dataset_content(folder.path, stop_);
    if (!content) return content;
    const auto after = dataset_signature(folder.path);
    if (!after) return after;
    if (*after == *before) {
      signature = *after;
      if (memory) {
        (void)remove_tree(file);
        (void)write_file(memory->get(), file.filename(), signature.hex() + content->hex());
      }
      return content;
    }
    before = after;
  }
  return fail(ErrorCode::kConflict, "its files change all the time", folder.path.string());
}

}  // namespace landseer::worker
