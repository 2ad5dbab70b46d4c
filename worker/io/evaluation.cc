#include "worker/io/evaluation.h"

#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/protocol/limits.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

using nlohmann::json;

constexpr std::array kFileNames{"evaluation_results.json", "evaluation_result.json", "results.json",
                                "metrics.json"};
/// Entries of the file that are about the evaluation and not results of it.
constexpr std::array<std::string_view, 8> kOtherEntries{
    "success", "skipped", "skip_reason", "metrics", "parameters", "evaluator", "error", "message"};
constexpr std::size_t kTextBytesMax = 256;

/// Python writes NaN, Infinity and -Infinity, which are not JSON. Null is what they mean here.
std::string without_non_finite(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kWords{"-Infinity", "Infinity", "NaN"};
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size()) {
      out.push_back(text[i++]);
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      for (const std::string_view word : kWords) {
        if (!text.substr(i).starts_with(word)) continue;
        out += "null";
        i += word.size();
        break;
      }
      if (i == text.size()) break;
      if (text[i] == '"') quoted = true;
    }
    out.push_back(text[i]);
  }
  return out;
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  std::string text = strip_control(found->get_ref<const std::string&>(), false);
  if (text.size() <= kTextBytesMax) return text;
  // Cut between characters.
  std::size_t size = kTextBytesMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

bool is_true(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

bool is_false(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && !found->get<bool>();
}

/// A value that may be a result; null for all others.
json scalar(const json& value) {
  if (value.is_number_float()) return std::isfinite(value.get<double>()) ? value : json();
  if (value.is_number() || value.is_boolean()) return value;
  if (value.is_string() && value.get_ref<const std::string&>().size() <= kTextBytesMax) {
    return value;
  }
  return {};
}

json reported_metrics(const json& file) {
  const auto metrics = file.find("metrics");
  if (metrics != file.end()) return metrics->is_object() ? *metrics : json::object();
  json rest = file;
  for (const std::string_view entry : kOtherEntries) rest.erase(std::string(entry));
  return rest;
}

std::string metrics_text(const json& reported, const std::vector<std::string>& declared) {
  json kept = json::object();
  if (declared.empty()) {
    for (const auto& [name, value] : reported.items()) {
      if (name.size() <= protocol::kNameBytesMax && !scalar(value).is_null()) kept[name] = value;
    }
  }
  for (const std::string& name : declared) {
    const auto found = reported.find(name);
    kept[name] = found == reported.end() ? json() : scalar(*found);
  }
  std::string text = kept.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= protocol::kMetricsBytesMax ? text : std::string();
}

}  // namespace

Evaluation skipped_evaluation(std::string reason, const std::vector<std::string>& declared) {
  Evaluation evaluation;
  if (!declared.empty()) evaluation.metrics = metrics_text(json::object(), declared);
  evaluation.skipped = true;
  evaluation.reason = std::move(reason);
  return evaluation;
}

Evaluation parse_evaluation(std::string_view text, const std::vector<std::string>& declared) {
  if (text.size() > protocol::kMetricsBytesMax) {
    return skipped_evaluation("the evaluation results are larger than 64 KiB", declared);
  }
  const json file = json::parse(without_non_finite(text), nullptr, false);
  if (!file.is_object()) {
    return skipped_evaluation("the evaluation results are not a JSON object", declared);
  }
  const std::string reason = text_at(file, "skip_reason");
  if (is_true(file, "skipped")) {
    return skipped_evaluation(reason.empty() ? "the tool skipped it" : reason, declared);
  }
  if (is_false(file, "success")) {
    std::string why = text_at(file, "error");
    if (why.empty()) why = text_at(file, "message");
    if (why.empty()) why = reason;
    return skipped_evaluation(
        why.empty() ? "the tool reported no success" : "the tool reported no success: " + why,
        declared);
  }
  const json reported = reported_metrics(file);
  if (reported.empty() && declared.empty()) return {};
  std::string metrics = metrics_text(reported, declared);
  if (metrics.empty()) return skipped_evaluation("the metrics are larger than 64 KiB", {});
  return {std::move(metrics), false, {}};
}

std::optional<Evaluation> read_evaluation(int output, const std::vector<std::string>& declared) {
  for (const char* name : kFileNames) {
    const auto text = read_file(output, name, protocol::kMetricsBytesMax);
    if (text) return parse_evaluation(*text, declared);
    if (text.error().code == ErrorCode::kNotFound) continue;
    return skipped_evaluation(text.error().to_string(), declared);
  }
  return std::nullopt;
}

}  // namespace landseer::worker
