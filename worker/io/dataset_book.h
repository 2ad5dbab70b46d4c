/// Knows what the worker's data sets are. Reads them in a thread of its own, and remembers what it
/// read by a signature of the files, so that a restart costs a look and not a second reading. One
/// that changed has no content until it was read anew. Any thread but where it says otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/net/cancel.h"
#include "common/protocol/worker_messages.h"
#include "worker/io/dataset_folder.h"
#include "worker/io/folder_contents.h"

namespace landseer::worker {

class DatasetBook {
 public:
  /// `memory`: a folder of this worker's own, made if need be.
  DatasetBook(std::vector<DatasetFolder> datasets, std::filesystem::path memory);
  ~DatasetBook();
  DatasetBook(const DatasetBook&) = delete;
  DatasetBook& operator=(const DatasetBook&) = delete;

  /// Waits until everything is read or `limit` is over: small data sets are known from the start.
  void wait(Duration limit);
  /// As far as is known.
  std::vector<protocol::DatasetOffer> offers() const;
  /// Whether the offers are others than when they were taken; then `fd` is readable.
  bool changed() const { return changed_; }
  int fd() const { return event_fd_.get(); }
  std::vector<protocol::DatasetOffer> take_offers();

  /// Somebody asks whether what is offered of a data set is true now.
  struct Question {
    std::uint64_t number = 0;  ///< not 0
    std::string dataset;       ///< none may have this name
    std::string variant;
  };
  /// Looks in the book's own thread; `fd` is readable after that. Bounded: the oldest of too many
  /// questions is forgotten.
  void look(Question question);
  /// The last question that was answered since this was asked; 0: none. `fd` is not readable any
  /// more, so `changed` is asked next, and the offers are taken before the answer is told.
  std::uint64_t take_looked();

  /// Looks whether the data set is still the one that was read. Its content; none if it is not
  /// known now: then it is read anew.
  Result<Digest> check(const DatasetFolder& dataset);

 private:
  struct Entry {
    DatasetFolder folder;
    Digest content;    ///< none: not known
    Digest signature;  ///< that it had then
    std::vector<std::string> names{};
  };

  void work();
  void read(std::size_t index);
  void answer(const Question& question);
  void forget(const DatasetFolder& dataset);
  void note_change();

  const FolderContents contents_;
  const UniqueFd event_fd_;
  Cancel stop_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  std::vector<Entry> entries_;
  std::deque<std::size_t> queue_;
  std::deque<Question> questions_;
  std::uint64_t looked_ = 0;
  bool reading_ = false;
  std::atomic<bool> changed_{false};

  std::thread thread_;
};

}  // namespace landseer::worker
