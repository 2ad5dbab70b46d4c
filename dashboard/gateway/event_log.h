/// The last events in the form in which streams send them, so that each is made once for all
/// browsers and a browser that was away can be sent what it missed. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"

namespace landseer::gateway {

/// Whose task events a stream wants.
struct EventFilter {
  bool all = false;
  std::set<PipelineId> pipelines;
  bool wants(PipelineId pipeline) const {
    return all || number(pipeline) == 0 || pipelines.contains(pipeline);
  }
};

struct EventBatch {
  std::vector<std::shared_ptr<const std::string>> events;
  std::uint64_t next = 0;  ///< to read on from
  bool gap = false;        ///< `from` is too old: nothing was read
};

class EventLog {
 public:
  static constexpr std::size_t kEventsMax = 65'536;
  static constexpr std::size_t kBytesMax = 32 * 1024 * 1024;

  /// `instance` tells positions of different starts of the gateway apart.
  explicit EventLog(std::string instance, std::size_t events_max = kEventsMax,
                    std::size_t bytes_max = kBytesMax)
      : instance_(std::move(instance)), events_max_(events_max), bytes_max_(bytes_max) {}

  /// Called after each publish, from the thread that published.
  void on_news(std::function<void()> call) { on_news_ = std::move(call); }

  /// `data` is JSON on one line. Of one pipeline, or of general interest.
  void publish(std::string_view type, const std::string& data, PipelineId pipeline = {});
  /// The same for data that names its own position, given to `make`.
  void publish_with_position(std::string_view type,
                             const std::function<std::string(const std::string&)>& make);
  /// Number of the newest event.
  std::uint64_t newest() const;
  /// What comes after number `from` and is wanted, at most so many bytes, but one event at least.
  EventBatch read(std::uint64_t from, const EventFilter& filter, std::size_t bytes_max) const;

  /// `5e0c1f7a-12`.
  std::string position(std::uint64_t number) const;
  /// The number in a position of this start; empty for all others.
  std::optional<std::uint64_t> number_of(std::string_view position) const;

  std::uint64_t published() const { return newest(); }
  std::size_t bytes() const;

 private:
  struct Event {
    PipelineId pipeline{};
    std::shared_ptr<const std::string> text;
  };
  void add(std::string_view type, const std::string& data, PipelineId pipeline);

  const std::string instance_;
  const std::size_t events_max_;
  const std::size_t bytes_max_;
  std::function<void()> on_news_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::uint64_t newest_ = 0;
  std::size_t bytes_ = 0;
};

/// One event as it goes over the wire.
std::string event_text(std::string_view id, std::string_view type, std::string_view data);

}  // namespace landseer::gateway
