#include "submitter/report/metric_info.h"

#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace landseer::report {
namespace {

struct Rule {
  std::string_view word;
  std::optional<bool> higher_is_better;
  std::string_view unit;
};

// The order matters: the accuracy of an attack is the attacker's gain, not ours.
constexpr std::array<Rule, 27> kRules{{
    {"mia", false, "fraction"},      {"asr", false, "fraction"},
    {"attack", false, "fraction"},   {"leakage", false, "fraction"},
    {"backdoor", false, "fraction"}, {"fpr", false, "fraction"},
    {"fnr", false, "fraction"},      {"error", false, "fraction"},
    {"loss", false, "number"},       {"epsilon", false, "number"},
    {"perplexity", false, "number"}, {"seconds", false, "seconds"},
    {"duration", false, "seconds"},  {"time", false, "seconds"},
    {"latency", false, "seconds"},   {"bytes", false, "bytes"},
    {"memory", false, "bytes"},      {"accuracy", true, "fraction"},
    {"acc", true, "fraction"},       {"auc", true, "fraction"},
    {"auroc", true, "fraction"},     {"f1", true, "fraction"},
    {"precision", true, "fraction"}, {"recall", true, "fraction"},
    {"tpr", true, "fraction"},       {"robustness", true, "fraction"},
    {"fidelity", true, "fraction"},
}};

/// `PGD_Accuracy.top-1` as pgd, accuracy, top, 1.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      words.back().push_back(static_cast<char>(std::tolower(byte)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

}  // namespace

MetricInfo metric_info(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  for (const Rule& rule : kRules) {
    for (const std::string& word : words) {
      if (word == rule.word) return {rule.higher_is_better, rule.unit};
    }
  }
  return {};
}

}  // namespace landseer::report
