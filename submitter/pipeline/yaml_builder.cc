#include "submitter/pipeline/yaml_builder.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace landseer::pipeline {
namespace {

constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

bool is_standard_tag(std::string_view tag) {
  if (!tag.starts_with(kStandardTag)) return false;
  tag.remove_prefix(kStandardTag.size());
  return tag == "str" || tag == "int" || tag == "float" || tag == "bool" || tag == "null" ||
         tag == "map" || tag == "seq";
}

}  // namespace

void YamlBuilder::fail(std::string message, const Node& node, std::string hint, ErrorCode code) {
  if (!failed_) out_.error(std::move(message), node.place(), std::move(hint), code);
  failed_ = true;
}

Node* YamlBuilder::make(Node::Kind kind, const YAML::Mark& mark) {
  Node node;
  node.kind = kind;
  node.line = static_cast<std::uint32_t>(mark.line + 1);
  node.column = static_cast<std::uint32_t>(mark.column + 1);
  node.origin = origin_;
  return document_.add(std::move(node));
}

void YamlBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (failed_ || ++documents_ == 1) return;
  fail("the file holds more than one YAML document", *make(Node::Kind::kNull, mark),
       "keep one document per file; remove the `---` line");
}

void YamlBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (failed_) return;
  Node* node = make(Node::Kind::kNull, mark);
  if (anchor != 0) anchors_[anchor] = node;
  attach(node);
}

void YamlBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (failed_) return;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    fail("an alias stands inside the very value that it names", *make(Node::Kind::kNull, mark),
         "write the value out instead of `*name`");
    return;
  }
  attach(found->second);
}

void YamlBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  if (failed_) return;
  Node* node = make(Node::Kind::kText, mark);
  node->text = value;
  // yaml-cpp's own marks: "?" for a plain scalar, "!" for a quoted one.
  node->plain = tag != "!" && tag != std::string(kStandardTag) + "str";
  check_tag(tag, *node);
  if (anchor != 0) anchors_[anchor] = node;
  attach(node);
}

void YamlBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value) {
  begin_container(Node::Kind::kList, mark, tag, anchor);
}

void YamlBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  begin_container(Node::Kind::kMap, mark, tag, anchor);
}

void YamlBuilder::check_tag(const std::string& tag, const Node& node) {
  if (tag.empty() || tag == "?" || tag == "!" || is_standard_tag(tag)) return;
  fail("the tag '" + tag + "' is not supported", node, "remove the tag (the word after `!`)");
}

void YamlBuilder::begin_container(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor) {
  if (failed_) return;
  Node* node = make(kind, mark);
  check_tag(tag, *node);
  if (frames_.size() >= kYamlDepthMax) {
    fail("the file nests deeper than " + std::to_string(kYamlDepthMax) + " levels", *node,
         "flatten it; a pipeline needs about eight", ErrorCode::kLimit);
    return;
  }
  frames_.push_back({node, nullptr, anchor});
}

void YamlBuilder::end_container() {
  if (failed_) return;
  const Frame frame = frames_.back();
  frames_.pop_back();
  if (frame.node->is_map()) settle_map(*frame.node);
  if (failed_) return;
  if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
  attach(frame.node);
}

void YamlBuilder::attach(Node* node) {
  if (failed_) return;
  if (frames_.empty()) {
    root_ = node;
    return;
  }
  Frame& frame = frames_.back();
  frame.node->weight += node->weight;
  frame.node->height = std::max(frame.node->height, node->height + 1);
  if (frame.node->weight > kYamlNodesMax || document_.size() > kYamlNodesMax) {
    fail("the file has more than 1,000,000 values, its aliases written out", *frame.node,
         "use fewer aliases of aliases, or split the file", ErrorCode::kLimit);
  } else if (frames_.size() + node->height > kYamlDepthMax + 1) {
    fail("the file nests deeper than " + std::to_string(kYamlDepthMax) + " levels", *node,
         "flatten it; a pipeline needs about eight", ErrorCode::kLimit);
  } else if (frame.node->is_list()) {
    frame.node->items.push_back(node);
  } else {
    attach_to_map(frame, node);
  }
}

void YamlBuilder::attach_to_map(Frame& frame, Node* node) {
  if (frame.key == nullptr) {
    if (!node->is_text()) {
      fail("a key of a mapping is not a text", *node,
           "write `key: value` with a plain word as key");
    }
    frame.key = node;
    return;
  }
  if (node->is_null()) {  // yaml-cpp places an absent value where the next token is
    node->line = frame.key->line;
    node->column = frame.key->column;
  }
  frame.node->entries.push_back({std::exchange(frame.key, nullptr), node});
}

void YamlBuilder::settle_map(Node& map) {
  drop_duplicates(map);
  merge(map);
}

/// The last value wins and takes the first one's position.
void YamlBuilder::drop_duplicates(Node& map) {
  std::unordered_map<std::string_view, std::size_t> seen;
  std::vector<Node::Entry> kept;
  kept.reserve(map.entries.size());
  for (const Node::Entry& entry : map.entries) {
    const auto [at, is_new] = seen.try_emplace(entry.key->text, kept.size());
    if (is_new) {
      kept.push_back(entry);
      continue;
    }
    Node::Entry& earlier = kept[at->second];
    out_.warn(entry.key->place(), "the key '" + entry.key->text +
                                      "' is given twice; this one wins over line " +
                                      std::to_string(earlier.key->line));
    earlier.value = entry.value;
    // `seen` points into the first key's text, so that key node stays; only its place moves on.
    earlier.key->line = entry.key->line;
    earlier.key->column = entry.key->column;
  }
  map.entries = std::move(kept);
}

/// `<<: *base` and `<<: [*a, *b]`: adds what the mapping does not say itself, earlier ones first.
void YamlBuilder::merge(Node& map) {
  const auto at = std::find_if(
      map.entries.begin(), map.entries.end(),
      [](const Node::Entry& entry) { return entry.key->plain && entry.key->text == "<<"; });
  if (at == map.entries.end()) return;
  const Node* bases = at->value;
  map.entries.erase(at);
  std::vector<const Node*> sources;
  if (bases->is_list()) {
    sources.assign(bases->items.begin(), bases->items.end());
  } else {
    sources.push_back(bases);
  }
  std::unordered_set<std::string_view> known;
  for (const Node::Entry& entry : map.entries) known.insert(entry.key->text);
  for (const Node* source : sources) {
    if (!source->is_map()) {
      fail("`<<` merges something that is not a mapping", *source, "name a mapping: `<<: *base`");
      return;
    }
    for (const Node::Entry& entry : source->entries) {
      if (known.insert(entry.key->text).second) map.entries.push_back(entry);
    }
  }
}

}  // namespace landseer::pipeline
