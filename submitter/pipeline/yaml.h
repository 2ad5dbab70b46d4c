/// YAML text as a tree of our own. It exists because a file is untrusted and its author needs
/// places: size, depth and alias expansion are bounded while reading, the last of duplicate keys
/// wins with a warning (as in the reference implementation), and every node knows its line.
/// The only place that meets yaml-cpp and its exceptions. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "submitter/pipeline/diagnostics.h"

namespace landseer::pipeline {

inline constexpr std::size_t kYamlBytesMax = 4 * 1024 * 1024;
inline constexpr std::uint32_t kYamlDepthMax = 32;
/// Nodes of a file with every alias written out; a full 4 MiB file of real tasks has a tenth.
inline constexpr std::uint64_t kYamlNodesMax = 1'000'000;

struct Node {
  enum class Kind : std::uint8_t { kNull, kText, kList, kMap };
  struct Entry {
    Node* key;
    Node* value;
  };

  Kind kind = Kind::kNull;
  bool plain = true;         ///< a text without quotes: may mean a number or a truth value
  std::uint32_t line = 0;    ///< from 1; 0: not from a file
  std::uint32_t column = 0;  ///< from 1
  std::uint32_t height = 1;  ///< levels below and including this node
  std::uint64_t weight = 1;  ///< nodes below and including this one, aliases written out
  const std::string* origin = nullptr;  ///< file name, or `--set KEY`
  std::string text;
  std::vector<Node*> items;
  std::vector<Entry> entries;  ///< distinct text keys in the order of their first appearance

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_text() const { return kind == Kind::kText; }
  bool is_null() const { return kind == Kind::kNull; }
  /// `file:line:column`, or the origin alone.
  std::string place() const;
  /// Null when this is no mapping or has no such key.
  const Node* find(std::string_view key) const;
};

/// Owns the nodes of one file and of what was set over it.
class Document {
 public:
  Document() = default;
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  /// The tree of `text`; null after an error. `origin` names the text in places. A text without
  /// content gives a null node.
  Node* parse(std::string_view text, const std::string& origin, Diagnostics& out);
  /// Reads and parses a file whose top level must be a mapping; null after an error.
  Node* parse_file(const std::string& path, Diagnostics& out);

  Node* add(Node node);
  const std::string* add_origin(std::string origin);
  std::size_t size() const { return nodes_.size(); }

 private:
  std::deque<Node> nodes_;
  std::deque<std::string> origins_;
};

}  // namespace landseer::pipeline
