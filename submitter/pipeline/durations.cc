#include "submitter/pipeline/durations.h"

#include <charconv>

#include "common/base/units.h"
#include "submitter/pipeline/fields.h"

namespace landseer::pipeline {
namespace {

constexpr const char* kTimeHint = "write a time such as 90s, 20m or 1h30m";
constexpr double kSpreadMax = 10;

std::optional<Duration> read_time(const Node& node, Diagnostics& out) {
  const auto time = node.is_text() ? parse_duration(node.text) : std::nullopt;
  if (!time) out.error("this is not a duration", node.place(), kTimeHint);
  return time;
}

/// `25%` or `0.25`.
double read_spread(const Node& node, Diagnostics& out) {
  std::string text = node.text;
  const bool is_percent = text.ends_with("%");
  if (is_percent) text.pop_back();
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (is_percent) value /= 100;
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  if (is_whole && value >= 0 && value <= kSpreadMax) return value;
  out.error("the spread is not a share from 0 to 1000%", node.place(),
            "write the standard deviation as 25% or 0.25");
  return 0;
}

class Reader {
 public:
  explicit Reader(Diagnostics& out) : out_(out) {}

  void read(const std::string& tool, const Node& node) {
    if (const std::string trouble = name_trouble(tool); !trouble.empty()) {
      out_.error("the name of a tool " + trouble, node.place(), "use 1 to 128 bytes of text");
    } else if (node.is_map()) {
      read_map(tool, node);
    } else if (const auto time = read_time(node, out_)) {
      all_.push_back({tool, {}, *time, 0, {}});
    }
  }
  std::vector<ToolDuration> take() { return std::move(all_); }

 private:
  void read_map(const std::string& tool, const Node& node) {
    double spread = 0;
    std::optional<std::uint64_t> bytes;
    if (const Node* value = node.find("spread")) spread = read_spread(*value, out_);
    if (const Node* value = node.find("output")) {
      bytes = parse_bytes(value->text);
      if (!bytes) out_.error("this is not a size", value->place(), "write 200MiB or bytes");
    }
    const std::size_t before = all_.size();
    for (const Node::Entry& entry : node.entries) {
      const std::string& key = entry.key->text;
      if (key == "spread" || key == "output") continue;
      const auto time = read_time(*entry.value, out_);
      if (time) all_.push_back({tool, key == "any" ? "" : key, *time, spread, bytes});
    }
    if (all_.size() == before) {
      out_.error("the tool '" + tool + "' has no time", node.place(),
                 "write `any: 20m`, or a time for each device, such as `A100: 20m`");
    }
  }

  Diagnostics& out_;
  std::vector<ToolDuration> all_;
};

}  // namespace

Result<Loaded<std::vector<ToolDuration>>> load_durations(const std::string& path) {
  Diagnostics out;
  Document document;
  Loaded<std::vector<ToolDuration>> loaded;
  if (const Node* root = document.parse_file(path, out)) {
    Reader reader(out);
    for (const Node::Entry& entry : root->entries) reader.read(entry.key->text, *entry.value);
    loaded.registry = reader.take();
  }
  if (out.failed()) return out.failure();
  loaded.warnings = out.take_warnings();
  return loaded;
}

}  // namespace landseer::pipeline
