#include "submitter/pipeline/fields.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/protocol/limits.h"
#include "submitter/pipeline/scalar.h"

namespace landseer::pipeline {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

std::string name_trouble(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > protocol::kNameBytesMax) {
    return "is longer than " + std::to_string(protocol::kNameBytesMax) + " bytes";
  }
  if (strip_control(name, /*keep_lines=*/false) != name) return "holds control characters";
  return {};
}

Fields::Fields(const Node& node, std::string what, Diagnostics& out)
    : node_(node), what_(std::move(what)), out_(out) {
  if (node.is_map()) return;
  out.error(what_ + " must be a mapping", node.place(), "write `key: value` lines below it");
}

std::string Fields::place(std::string_view key) const {
  const Node* value = node_.find(key);
  return value != nullptr ? value->place() : node_.place();
}

bool Fields::has(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return node_.find(key) != nullptr;
}

const Node* Fields::find(std::string_view key) {
  if (!has(key)) return nullptr;
  const Node* value = node_.find(key);
  return value->is_null() ? nullptr : value;
}

std::optional<std::string> Fields::text(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_text()) return value->text;
  error(key, quoted(key) + " of " + what_ + " must be a text",
        "write `" + std::string(key) + ": text` on one line");
  return std::nullopt;
}

std::optional<std::string> Fields::name(std::string_view key) {
  std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  const std::string trouble = name_trouble(*value);
  if (trouble.empty()) return value;
  error(key, quoted(key) + " of " + what_ + " " + trouble, "use 1 to 128 bytes of printable text");
  return std::nullopt;
}

std::optional<bool> Fields::flag(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_text()) {
    const Scalar scalar = resolve(*value);
    if (const bool* flag = std::get_if<bool>(&scalar)) return *flag;
    // PyYAML, which the reference implementation uses, takes these words for truth values.
    if (value->plain && (value->text == "yes" || value->text == "on")) return true;
    if (value->plain && (value->text == "no" || value->text == "off")) return false;
  }
  error(key, quoted(key) + " of " + what_ + " must be true or false",
        "write `" + std::string(key) + ": true` or `false`, without quotes");
  return std::nullopt;
}

std::optional<std::int64_t> Fields::whole(std::string_view key, std::int64_t least,
                                          std::int64_t most) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_text()) {
    const Scalar scalar = resolve(*value);
    const auto* number = std::get_if<std::int64_t>(&scalar);
    if (number != nullptr && *number >= least && *number <= most) return *number;
  }
  error(key,
        quoted(key) + " of " + what_ + " must be a whole number from " + std::to_string(least) +
            " to " + std::to_string(most),
        "write it in digits, without quotes");
  return std::nullopt;
}

const Node* Fields::map(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr || value->is_map()) return value;
  error(key, quoted(key) + " of " + what_ + " must be a mapping",
        "write `key: value` lines below `" + std::string(key) + ":`");
  return nullptr;
}

const Node* Fields::list(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr || value->is_list()) return value;
  error(key, quoted(key) + " of " + what_ + " must be a list",
        "write one `- item` per line below `" + std::string(key) + ":`, or `[]` for none");
  return nullptr;
}

std::vector<std::string> Fields::texts(std::string_view key) {
  std::vector<std::string> values;
  const Node* value = find(key);
  if (value == nullptr) return values;
  if (value->is_text()) return {value->text};
  const Node* items = list(key);
  if (items == nullptr) return values;
  for (const Node* item : items->items) {
    if (item->is_text()) {
      values.push_back(item->text);
    } else {
      out_.error(quoted(key) + " of " + what_ + " must be a list of texts", item->place(),
                 "write one `- text` per line");
    }
  }
  return values;
}

void Fields::unused(std::string_view key, std::string_view why) {
  if (find(key) == nullptr) return;
  out_.warn(place(key), quoted(key) + " of " + what_ + " has no effect: " + std::string(why));
}

void Fields::error(std::string_view key, std::string message, std::string hint) {
  out_.error(std::move(message), place(key), std::move(hint));
}

const Node* Fields::slip_of(std::string_view key) const {
  std::vector<std::string> unknown;
  for (const Node::Entry& entry : node_.entries) {
    const std::string& text = entry.key->text;
    if (std::find(known_.begin(), known_.end(), text) == known_.end()) unknown.push_back(text);
  }
  const std::string nearest = nearest_word(key, unknown);
  for (const Node::Entry& entry : node_.entries) {
    if (!nearest.empty() && entry.key->text == nearest) return entry.key;
  }
  return nullptr;
}

void Fields::missing(std::string_view key, std::string hint) {
  const std::string message = what_ + " has no " + quoted(key);
  if (const Node* slip = slip_of(key)) {
    out_.error(message, slip->place(),
               "did you mean " + quoted(key) + " by " + quoted(slip->text) + "?");
  } else {
    out_.error(message, place(key), std::move(hint));
  }
}

void Fields::finish() {
  for (const Node::Entry& entry : node_.entries) {
    const std::string& key = entry.key->text;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (key.starts_with("x-")) continue;
    const std::string message = "unknown key " + quoted(key) + " in " + what_;
    const std::string nearest = nearest_word(key, known_);
    if (!nearest.empty()) {
      out_.error(message, entry.key->place(), "did you mean '" + nearest + "'?");
    } else if (entry.key->line == 0) {
      out_.error(message, entry.key->place(), "see the list of keys in the documentation");
    } else {
      out_.warn(entry.key->place(), message + " is ignored");
    }
  }
}

}  // namespace landseer::pipeline
