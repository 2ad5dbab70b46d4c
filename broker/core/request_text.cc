#include "broker/core/request_text.h"

#include "common/base/units.h"
#include "common/domain/secret_reference.h"

namespace landseer::broker {

std::string milli_text(std::uint64_t milli) {
  std::string text = std::to_string(milli / 1000);
  if (milli % 1000 == 0) return text;
  std::string part = std::to_string(1000 + milli % 1000).substr(1);
  part.erase(part.find_last_not_of('0') + 1);
  return text + "." + part;
}

std::string rule_text(const domain::LabelRule& rule) {
  std::string values;
  for (const std::string& value : rule.values) values += (values.empty() ? "" : " or ") + value;
  switch (rule.relation) {
    case domain::LabelRelation::kOneOf:
      return rule.key + "=" + values;
    case domain::LabelRelation::kNoneOf:
      return rule.key + " other than " + values;
    case domain::LabelRelation::kExists:
      if (rule.key.starts_with(domain::kSecretLabelPrefix)) {
        return "the secret " + rule.key.substr(domain::kSecretLabelPrefix.size());
      }
      return rule.key + " with any value";
    case domain::LabelRelation::kAbsent:
      return "no " + rule.key;
  }
  return rule.key;
}

std::string request_text(const Request& request) {
  std::string text = milli_text(request.resources.cpus_milli) + " CPU";
  if (request.resources.gpus_milli > 0) {
    text += ", " + milli_text(request.resources.gpus_milli) + " GPU";
  }
  if (!request.resources.gpu_model.empty()) text += " " + request.resources.gpu_model;
  if (request.resources.gpu_memory_bytes > 0) {
    text += " with " + format_bytes(request.resources.gpu_memory_bytes);
  }
  if (request.resources.memory_bytes > 0) {
    text += ", " + format_bytes(request.resources.memory_bytes) + " of memory";
  }
  if (request.resources.scratch_bytes > 0) {
    text += ", " + format_bytes(request.resources.scratch_bytes) + " of scratch disk";
  }
  for (const auto* list : {&request.resources.named, &request.shared}) {
    for (const auto& [name, amount] : *list) text += ", " + std::to_string(amount) + " " + name;
  }
  for (const domain::LabelRule& rule : request.resources.labels) text += ", " + rule_text(rule);
  if (!request.runtime.empty()) text += ", runtime " + request.runtime;
  if (!request.dataset.empty()) text += ", dataset " + request.dataset + ":" + request.variant;
  return text;
}

}  // namespace landseer::broker
