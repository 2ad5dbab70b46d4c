/// Answers that go over all tasks of a pipeline are made once for all who ask within a moment: when
/// something changes, every open browser asks at the same time. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "dashboard/gateway/http_types.h"

namespace landseer::gateway {

class BriefCache {
 public:
  static constexpr std::int64_t kLifeMs = 500;
  static constexpr std::size_t kEntriesMax = 256;

  /// The answer under this name, made anew if it is older than its life. Whoever asks meanwhile
  /// waits for it. Only good ones are kept.
  Response get(const std::string& name, std::int64_t now_ms,
               const std::function<Response()>& make) {
    const std::shared_ptr<Entry> entry = find(name);
    const std::lock_guard lock(entry->mutex);
    if (entry->at != 0 && now_ms - entry->at < kLifeMs) return entry->response;
    Response response = make();
    entry->at = response.status == 200 ? now_ms : 0;
    entry->response = response;
    return response;
  }

 private:
  struct Entry {
    std::mutex mutex;
    std::int64_t at = 0;  // 0: nothing is kept
    Response response;
  };

  std::shared_ptr<Entry> find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kEntriesMax && !entries_.contains(name)) entries_.clear();
    std::shared_ptr<Entry>& entry = entries_[name];
    if (!entry) entry = std::make_shared<Entry>();
    return entry;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace landseer::gateway
