#include "submitter/pipeline/resource_reader.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/protocol/limits.h"
#include "common/protocol/resource_names.h"
#include "submitter/pipeline/scalar.h"

namespace landseer::pipeline {
namespace {

constexpr double kUnitsMax = 1'000'000;  // CPUs or GPUs of one task; far above any host
/// In thousandths, `least` of them or more.
std::optional<std::uint32_t> read_milli(Fields& fields, std::string_view key, double least) {
  const Node* value = fields.find(key);
  if (value == nullptr) return std::nullopt;
  double number = -1;
  if (value->is_text()) {
    const Scalar scalar = resolve(*value);
    if (const auto* whole = std::get_if<std::int64_t>(&scalar))
      number = static_cast<double>(*whole);
    if (const auto* fraction = std::get_if<double>(&scalar)) number = *fraction;
  }
  const double milli = std::round(number * 1000);
  if (number >= 0 && number <= kUnitsMax && milli >= least && (milli > 0 || number == 0)) {
    return static_cast<std::uint32_t>(milli);
  }
  fields.error(key,
               "'" + std::string(key) + "' must be a number from " + (least > 0 ? "0.001" : "0") +
                   " to 1000000, in thousandths",
               "write a number such as 2 or 0.5");
  return std::nullopt;
}

std::optional<std::uint64_t> read_bytes(Fields& fields, std::string_view key,
                                        std::string_view what) {
  const auto text = fields.text(key);
  if (!text) return std::nullopt;
  const auto bytes = parse_bytes(*text);
  if (!bytes) {
    fields.error(key, "'" + *text + "' is not a size of " + std::string(what),
                 "write a size such as 4GiB, 512M or a number of bytes");
  }
  return bytes;
}

// --- Labels: `zone: a`, `zone: [a, b]`, `zone: {not: a}`, `ssd: {exists: true}` ---

constexpr const char* kLabelHint =
    "write a value, a list of values, {not: VALUE}, {exists: true} or {exists: false}";

bool read_values(const Node& node, domain::LabelRule& rule) {
  if (node.is_text()) {
    rule.values = {node.text};
    return true;
  }
  if (!node.is_list() || node.items.empty() || node.items.size() > protocol::kRulesMax) {
    return false;
  }
  for (const Node* item : node.items) {
    if (!item->is_text()) return false;
    rule.values.push_back(item->text);
  }
  std::sort(rule.values.begin(), rule.values.end());
  return true;
}

bool read_relation(const Node& node, domain::LabelRule& rule, Diagnostics& out) {
  if (!node.is_map()) return read_values(node, rule);
  Fields relation(node, "the rule for the label '" + rule.key + "'", out);
  const Node* other = relation.find("not");
  const auto exists = relation.flag("exists");
  relation.finish();
  if ((other != nullptr) == exists.has_value()) return false;
  if (exists) {
    rule.relation = *exists ? domain::LabelRelation::kExists : domain::LabelRelation::kAbsent;
    return true;
  }
  rule.relation = domain::LabelRelation::kNoneOf;
  return read_values(*other, rule);
}

void read_labels(Fields& fields, Settings& settings) {
  const Node* node = fields.map("labels");
  if (node == nullptr) return;
  if (node->entries.size() > protocol::kRulesMax) {
    fields.error("labels", "more than " + std::to_string(protocol::kRulesMax) + " labels",
                 "ask for fewer");
    return;
  }
  for (const Node::Entry& entry : node->entries) {
    domain::LabelRule rule{entry.key->text, domain::LabelRelation::kOneOf, {}};
    if (const std::string trouble = name_trouble(rule.key); !trouble.empty()) {
      fields.diagnostics().error("the name of a label " + trouble, entry.key->place(),
                                 "use 1 to 128 bytes of printable text");
    } else if (entry.value->is_null()) {
      settings.labels[rule.key] = std::nullopt;  // whatever is asked elsewhere is not asked here
    } else if (read_relation(*entry.value, rule, fields.diagnostics())) {
      settings.labels[rule.key] = std::move(rule);
    } else {
      fields.diagnostics().error("the label '" + rule.key + "' has no rule that can be read",
                                 entry.value->place(), kLabelHint);
    }
  }
}

// --- Resources of the site: `licence_x: 2` ---

/// A slip of one of our keys is left to Fields::finish(), which names the key that is meant.
bool may_be_slip(const std::string& key) {
  const std::vector<std::string> own(protocol::kRequestKeys.begin(), protocol::kRequestKeys.end());
  return !nearest_word(key, own).empty();
}

void read_named(const Node& node, Fields& fields, Settings& settings) {
  for (const Node::Entry& entry : node.entries) {
    const std::string& name = entry.key->text;
    if (protocol::is_request_key(name) || name.starts_with("x-") || may_be_slip(name)) continue;
    if (!protocol::is_resource_name(name)) {
      fields.has(name);
      fields.error(name, "'" + name + "' cannot name a resource",
                   "use letters, digits, _, - and ., beginning with a letter");
      continue;
    }
    const auto amount = fields.whole(name, 0, static_cast<std::int64_t>(protocol::kNamedAmountMax));
    if (amount) settings.named[name] = static_cast<std::uint64_t>(*amount);
  }
  if (settings.named.size() > protocol::kRulesMax) {
    fields.diagnostics().error(
        "more than " + std::to_string(protocol::kRulesMax) + " resources of the site", node.place(),
        "ask for fewer");
  }
}

}  // namespace

std::optional<std::string> read_runtime(Fields& fields) {
  static const std::vector<std::string> kRuntimes{"podman",  "docker", "apptainer", "singularity",
                                                  "process", "auto",   "noop"};
  auto runtime = fields.text("runtime");
  if (!runtime || runtime->empty()) return std::nullopt;
  if (std::find(kRuntimes.begin(), kRuntimes.end(), *runtime) != kRuntimes.end()) return runtime;
  const std::string nearest = nearest_word(*runtime, kRuntimes);
  fields.error("runtime", "unknown runtime '" + *runtime + "'",
               nearest.empty() ? "use podman, docker, apptainer, singularity, process, noop or auto"
                               : "did you mean '" + nearest + "'?");
  return std::nullopt;
}

void read_resources(Fields& fields, Settings& settings) {
  const Node* node = fields.map("resources");
  if (node == nullptr) return;
  Fields resources(*node, "'resources'", fields.diagnostics());
  settings.cpus_milli = read_milli(resources, "cpus", 1);
  settings.gpus_milli = read_milli(resources, "gpus", 0);
  settings.memory_bytes = read_bytes(resources, "memory", "memory");
  settings.gpu_memory_bytes = read_bytes(resources, "gpu_memory", "memory");
  settings.gpu_model = resources.text("gpu_model");
  if (settings.gpu_model && settings.gpu_model->size() > protocol::kNameBytesMax) {
    resources.error("gpu_model", "'gpu_model' is longer than 128 bytes",
                    "a part of the model's name such as a100 will do");
  }
  settings.scratch_bytes = read_bytes(resources, "scratch", "disk");
  settings.runtime = read_runtime(resources);
  read_labels(resources, settings);
  read_named(*node, resources, settings);
  resources.finish();
}

}  // namespace landseer::pipeline
