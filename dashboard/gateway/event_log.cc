#include "dashboard/gateway/event_log.h"

#include <charconv>

namespace landseer::gateway {

std::string event_text(std::string_view id, std::string_view type, std::string_view data) {
  std::string text;
  text.reserve(id.size() + type.size() + data.size() + 30);
  text.append("id: ").append(id).append("\nevent: ").append(type);
  text.append("\ndata: ").append(data).append("\n\n");
  return text;
}

void EventLog::add(std::string_view type, const std::string& data, PipelineId pipeline) {
  ++newest_;
  auto text = std::make_shared<const std::string>(event_text(position(newest_), type, data));
  bytes_ += text->size();
  events_.push_back({pipeline, std::move(text)});
  while (events_.size() > events_max_ || (bytes_ > bytes_max_ && events_.size() > 1)) {
    bytes_ -= events_.front().text->size();
    events_.pop_front();
  }
}

void EventLog::publish(std::string_view type, const std::string& data, PipelineId pipeline) {
  {
    const std::lock_guard lock(mutex_);
    add(type, data, pipeline);
  }
  if (on_news_) on_news_();
}

void EventLog::publish_with_position(std::string_view type,
                                     const std::function<std::string(const std::string&)>& make) {
  {
    const std::lock_guard lock(mutex_);
    add(type, make(position(newest_ + 1)), {});
  }
  if (on_news_) on_news_();
}

std::uint64_t EventLog::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::size_t EventLog::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

EventBatch EventLog::read(std::uint64_t from, const EventFilter& filter,
                          std::size_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  EventBatch batch;
  batch.next = from;
  const std::uint64_t oldest = newest_ - events_.size();  // the one before the first that is kept
  if (from < oldest || from > newest_) {
    batch.gap = true;
    return batch;
  }
  std::size_t bytes = 0;
  for (std::uint64_t i = from - oldest; i < events_.size(); ++i) {
    const Event& event = events_[static_cast<std::size_t>(i)];
    const bool wanted = filter.wants(event.pipeline);
    if (wanted && bytes > 0 && bytes + event.text->size() > bytes_max) break;
    batch.next = oldest + i + 1;
    if (!wanted) continue;
    bytes += event.text->size();
    batch.events.push_back(event.text);
  }
  return batch;
}

std::string EventLog::position(std::uint64_t number) const {
  return instance_ + "-" + std::to_string(number);
}

std::optional<std::uint64_t> EventLog::number_of(std::string_view position) const {
  if (!position.starts_with(instance_ + "-")) return std::nullopt;
  position.remove_prefix(instance_.size() + 1);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(position.data(), position.data() + position.size(), number);
  if (error != std::errc{} || end != position.data() + position.size()) return std::nullopt;
  return number;
}

}  // namespace landseer::gateway
