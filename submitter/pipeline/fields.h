/// One mapping of a file, read key by key. Wrong types and unknown keys become diagnostics with
/// their place; the reader gets a default and carries on. The keys asked for are the known ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "submitter/pipeline/yaml.h"

namespace landseer::pipeline {

class Fields {
 public:
  /// `what` names the mapping in messages: "the tool 'x'". A node that is no mapping is an error
  /// and reads like an empty one. Node and diagnostics must outlive this.
  Fields(const Node& node, std::string what, Diagnostics& out);

  const std::string& what() const { return what_; }
  Diagnostics& diagnostics() { return out_; }
  /// Where the mapping begins.
  std::string place() const { return node_.place(); }
  /// Where the value of `key` stands; the mapping's place when it has none.
  std::string place(std::string_view key) const;

  /// True also for a key whose value is null.
  bool has(std::string_view key);
  /// The value; null pointer when absent or null.
  const Node* find(std::string_view key);

  std::optional<std::string> text(std::string_view key);
  /// As text(), and an error unless it is a name: 1 to 128 bytes of printable text.
  std::optional<std::string> name(std::string_view key);
  std::optional<bool> flag(std::string_view key);
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t least, std::int64_t most);
  const Node* map(std::string_view key);
  const Node* list(std::string_view key);
  /// A list of texts; a single text counts as a list of one.
  std::vector<std::string> texts(std::string_view key);

  /// Known, but without effect: a warning when present.
  void unused(std::string_view key, std::string_view why);
  /// Reports `message` at the place of `key`.
  void error(std::string_view key, std::string message, std::string hint);
  /// Reports that `key` is missing; when another key looks like a slip of it, at that key.
  void missing(std::string_view key, std::string hint);
  /// The key that nobody asked for and that may be a slip of `key`; null when there is none.
  const Node* slip_of(std::string_view key) const;
  /// Call last: keys nobody asked for are errors when they look like a slip of a known one or were
  /// set on the command line, warnings otherwise. Keys that begin with `x-` are the user's own.
  void finish();

 private:
  const Node& node_;
  std::string what_;
  Diagnostics& out_;
  std::vector<std::string> known_;
};

/// Empty when `name` may name a tool, task or workflow; otherwise what is wrong with it.
std::string name_trouble(std::string_view name);

}  // namespace landseer::pipeline
