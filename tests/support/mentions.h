/// Everything that a message tells about whom: the ids in its fields and in its sentences, and all
/// its text. A walk over fields(), so a new field is looked at without anybody thinking of it.
#pragma once

#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/protocol/fields.h"

namespace landseer::testing {

class Mentions {
 public:
  template <class... Messages>
  explicit Mentions(const std::variant<Messages...>& message) {
    std::visit([&](const auto& body) { put(body); }, message);
    find_in_text(pipelines_);
    find_in_text(tasks_);
    find_in_text(workflows_);
  }

  const std::set<PipelineId>& pipelines() const { return pipelines_; }
  const std::set<TaskId>& tasks() const { return tasks_; }
  const std::set<WorkflowId>& workflows() const { return workflows_; }
  /// One field a line, bytes included.
  const std::string& text() const { return text_; }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (protocol::HasFields<T>) {
      T::fields(value, [&](const char*, auto&& field) { put(field); });
    }
  }
  void put(PipelineId id) { note(pipelines_, id); }
  void put(TaskId id) { note(tasks_, id); }
  void put(WorkflowId id) { note(workflows_, id); }
  void put(const std::string& text) { text_ += text + "\n"; }
  void put(const Digest&) {}
  template <class S>
  void put(const protocol::BytesRef<S>& field) {
    put(field.bytes);
  }
  template <class T>
  void put(const protocol::AtMostRef<T>& field) {
    put(field.list);
  }
  template <class T>
  void put(const protocol::AddedRef<T>& field) {
    put(field.value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    if (value) put(*value);
  }
  void put(const std::map<std::string, std::string>& values) {
    for (const auto& [key, value] : values) put(key + "=" + value);
  }

  template <class Id>
  static void note(std::set<Id>& ids, Id id) {
    if (number(id) != 0) ids.insert(id);
  }

  /// `task_12`, wherever it stands.
  template <class Id>
  void find_in_text(std::set<Id>& ids) const {
    const std::string_view prefix = id_prefix(Id{});
    for (std::size_t at = text_.find(prefix); at != std::string::npos;
         at = text_.find(prefix, at + 1)) {
      std::size_t end = at + prefix.size();
      while (end < text_.size() && std::isdigit(static_cast<unsigned char>(text_[end])) != 0) ++end;
      if (const auto id = parse_id<Id>(std::string_view(text_).substr(at, end - at))) {
        note(ids, *id);
      }
    }
  }

  std::set<PipelineId> pipelines_;
  std::set<TaskId> tasks_;
  std::set<WorkflowId> workflows_;
  std::string text_;
};

}  // namespace landseer::testing
