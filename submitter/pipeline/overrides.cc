#include "submitter/pipeline/overrides.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace landseer::pipeline {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> steps;
  while (true) {
    const auto dot = path.find('.');
    steps.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return steps;
    path.remove_prefix(dot + 1);
  }
}

std::optional<std::size_t> parse_index(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Walks one path from the root. Nodes on it are copied first, because an alias elsewhere in the
/// file may share them.
class Setter {
 public:
  Setter(Document& document, const std::string* origin, Diagnostics& out)
      : document_(document), origin_(origin), out_(out) {}

  void set(Node& root, const std::vector<std::string>& path, Node* value) {
    if (path.size() > 1 && path[0] == "tools" && !has_own_tool(root, path[1])) {
      out_.error("the file defines no tool '" + path[1] + "' of its own", *origin_,
                 "change tools of a registry in its file, or use --tools");
      return;
    }
    Node* at = &root;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
      Node** slot = slot_of(*at, path[i]);
      if (slot == nullptr) return;
      *slot = document_.add(**slot);
      at = *slot;
      if (at->is_null()) at->kind = Node::Kind::kMap;
    }
    if (Node** slot = slot_of(*at, path.back())) *slot = value;
  }

 private:
  static bool has_own_tool(const Node& root, const std::string& key) {
    const Node* tools = root.find("tools");
    return tools != nullptr && tools->find(key) != nullptr;
  }

  Node* make(Node::Kind kind, std::string text = {}) {
    Node node;
    node.kind = kind;
    node.origin = origin_;
    node.text = std::move(text);
    return document_.add(std::move(node));
  }

  /// Where the value of `step` hangs; null and an error when there can be none.
  Node** slot_of(Node& node, const std::string& step) {
    if (node.is_list()) {
      const auto index = parse_index(step);
      if (index && *index < node.items.size()) return &node.items[*index];
      out_.error(
          "there is no item '" + step + "' in a list of " + std::to_string(node.items.size()),
          *origin_, "count items from 0");
      return nullptr;
    }
    if (!node.is_map()) {
      out_.error("'" + step + "' is looked for in something that is not a mapping", *origin_,
                 "the value at " + node.place() + " has no keys; shorten the path");
      return nullptr;
    }
    for (Node::Entry& entry : node.entries) {
      if (entry.key->text == step) return &entry.value;
    }
    node.entries.push_back({make(Node::Kind::kText, step), make(Node::Kind::kMap)});
    return &node.entries.back().value;
  }

  Document& document_;
  const std::string* origin_;
  Diagnostics& out_;
};

}  // namespace

void apply_overrides(Document& document, Node& root, const std::vector<std::string>& settings,
                     Diagnostics& out) {
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    const std::string* origin = document.add_origin("--set " + key);
    if (equals == std::string::npos || key.empty() || key.front() == '.' || key.back() == '.' ||
        key.find("..") != std::string::npos) {
      out.error("'" + setting + "' is not a setting", *origin,
                "write key=value with a dotted key, for example dataset.variant=poisoned");
      return;
    }
    Node* value = document.parse(setting.substr(equals + 1), *origin, out);
    if (value == nullptr) return;
    value->line = 0;
    Setter(document, origin, out).set(root, split_path(key), value);
  }
}

}  // namespace landseer::pipeline
