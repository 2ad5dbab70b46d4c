#include "submitter/pipeline/yaml.h"

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "common/base/text.h"
#include "submitter/pipeline/disk.h"
#include "submitter/pipeline/yaml_builder.h"

namespace landseer::pipeline {
namespace {

std::string place_at(const std::string& origin, std::size_t line, std::size_t column) {
  return origin + ":" + std::to_string(line) + ":" + std::to_string(column);
}

/// YAML allows tab and line ends only; yaml-cpp would take byte 4 for the end of the file.
bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

/// False and an error for bytes that no YAML file may hold.
bool check_bytes(std::string_view text, const std::string& origin, Diagnostics& out) {
  if (text.size() > kYamlBytesMax) {
    out.error("the file is larger than 4 MiB", place_at(origin, 1, 1),
              "split it into several pipelines", ErrorCode::kLimit);
    return false;
  }
  const bool utf8 = is_utf8(text);
  if (utf8 && std::none_of(text.begin(), text.end(), is_forbidden)) return true;
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const auto bad = std::find_if(part.begin(), part.end(), is_forbidden);
    if (bad != part.end()) {
      out.error("the file holds a control character",
                place_at(origin, line, static_cast<std::size_t>(bad - part.begin()) + 1),
                "remove it; a pipeline file is plain text");
      return false;
    }
    if (!is_utf8(part)) break;
    at = end + 1;
  }
  out.error("the file is not UTF-8 text", place_at(origin, line, 1), "save it as UTF-8");
  return false;
}

/// True when a tab stands in the indentation of the line that is `number`, from 0.
bool is_tab_indented(std::string_view text, int number) {
  for (; number > 0 && !text.empty(); --number) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  const auto indent = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(0, indent).find('\t') != std::string_view::npos;
}

std::string syntax_hint(const std::string& message, std::string_view text, int line) {
  if (is_tab_indented(text, line)) return "indent with spaces, never with tabs";
  if (message.find("alias") != std::string::npos || message.find("anchor") != std::string::npos) {
    return "define the anchor (`&name`) before its alias (`*name`), or quote a text that begins "
           "with * or &";
  }
  return "check the indentation, quotes and brackets here and on the line before";
}

}  // namespace

std::string Node::place() const {
  const std::string name = origin != nullptr ? *origin : std::string();
  return line == 0 ? name : place_at(name, line, column);
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key->text == key) return entry.value;
  }
  return nullptr;
}

Node* Document::add(Node node) { return &nodes_.emplace_back(std::move(node)); }

const std::string* Document::add_origin(std::string origin) {
  return &origins_.emplace_back(std::move(origin));
}

Node* Document::parse(std::string_view text, const std::string& origin, Diagnostics& out) {
  if (!check_bytes(text, origin, out)) return nullptr;
  const std::string* name = add_origin(origin);
  YamlBuilder builder(*this, name, out);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& problem) {
    // After an error of ours the rest is only skimmed; what yaml-cpp says of it is not the cause.
    if (!builder.failed()) {
      const std::string where =
          problem.mark.is_null() ? place_at(origin, 1, 1)
                                 : place_at(origin, static_cast<std::size_t>(problem.mark.line) + 1,
                                            static_cast<std::size_t>(problem.mark.column) + 1);
      out.error("this is not YAML: " + problem.msg, where,
                syntax_hint(problem.msg, text, problem.mark.line));
    }
    return nullptr;
  }
  if (builder.failed()) return nullptr;
  if (builder.root() != nullptr) return builder.root();
  Node nothing;
  nothing.line = nothing.column = 1;
  nothing.origin = name;
  return add(std::move(nothing));
}

Node* Document::parse_file(const std::string& path, Diagnostics& out) {
  Result<std::string> text = read_file(path, kYamlBytesMax);
  if (!text) {
    out.error(text.error());
    return nullptr;
  }
  Node* root = parse(*text, path, out);
  if (root == nullptr) return nullptr;
  if (root->is_null()) {
    out.error("the file is empty", root->place(), "write a mapping such as `dataset: ...`");
    return nullptr;
  }
  if (!root->is_map()) {
    out.error("the top level of the file is not a mapping", root->place(),
              "begin lines with `key:`, not with `-` or a bare text");
    return nullptr;
  }
  return root;
}

}  // namespace landseer::pipeline
