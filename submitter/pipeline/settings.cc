#include "submitter/pipeline/settings.h"

#include <string_view>
#include <utility>

#include "common/base/units.h"
#include "common/domain/config.h"
#include "common/domain/secret_reference.h"
#include "submitter/pipeline/resource_reader.h"

namespace landseer::pipeline {
namespace {

constexpr std::int64_t kRetriesMax = 1000;

void read_timeout(Fields& fields, Settings& settings) {
  const auto text = fields.text("timeout");
  if (!text) return;
  settings.timeout = parse_duration(*text);
  if (settings.timeout && *settings.timeout >= std::chrono::milliseconds(1)) return;
  settings.timeout.reset();
  fields.error("timeout", "'" + *text + "' is not a time limit",
               "write a duration above zero such as 90s, 10m or 1h30m");
}

void read_estimate(Fields& fields, Settings& settings) {
  const auto text = fields.text("time_estimate");
  if (!text) return;
  settings.time_estimate = parse_duration(*text);
  const bool is_good = settings.time_estimate &&
                       *settings.time_estimate >= std::chrono::milliseconds(1) &&
                       *settings.time_estimate <= std::chrono::hours(24 * 365);
  if (is_good) return;
  settings.time_estimate.reset();
  fields.error("time_estimate", "'" + *text + "' is not an estimate of time",
               "write a duration above zero, at most a year, such as 90s, 30m or 1h30m");
}

bool is_variable_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  return !name.empty() && kDigits.find(name[0]) == std::string_view::npos &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// `{secret: NAME}`: the worker that runs the tool has the value.
void read_secret(Fields& fields, const std::string& variable, const Node& node,
                 Settings& settings) {
  const Node* name = node.find("secret");
  if (node.entries.size() != 1 || name == nullptr || !name->is_text()) {
    fields.diagnostics().error(
        "the environment variable '" + variable + "' must be a text or a secret", node.place(),
        "write a text, or {secret: NAME}");
  } else if (!domain::is_secret_name(name->text)) {
    fields.diagnostics().error("the variable '" + variable + "' has a secret whose name is none",
                               name->place(),
                               "use letters, digits, `.`, `_` and `-`, at most 64 of them");
  } else if (!domain::is_secret_variable(variable)) {
    fields.diagnostics().error("the variable '" + variable + "' cannot hold a secret", node.place(),
                               "this variable is not a tool's own to fill; take another");
  } else {
    settings.env[variable] = {"", name->text};
  }
}

void read_env(Fields& fields, Settings& settings) {
  const Node* node = fields.map("env");
  if (node == nullptr) return;
  for (const Node::Entry& entry : node->entries) {
    const std::string& name = entry.key->text;
    if (!is_variable_name(name)) {
      fields.diagnostics().error("'" + name + "' cannot name an environment variable",
                                 entry.key->place(),
                                 "use letters, digits and _, not beginning with a digit");
    } else if (entry.value->is_text() || entry.value->is_null()) {
      settings.env[name] = {entry.value->text, ""};
    } else if (entry.value->is_map()) {
      read_secret(fields, name, *entry.value, settings);
    } else {
      fields.diagnostics().error("the environment variable '" + name + "' must be a text",
                                 entry.value->place(), "write its value on one line");
    }
  }
}

template <class Value>
void put_over(std::optional<Value>& general, const std::optional<Value>& specific) {
  if (specific) general = specific;
}

}  // namespace

Settings read_settings(Fields& fields) {
  Settings settings;
  read_resources(fields, settings);
  read_timeout(fields, settings);
  read_estimate(fields, settings);
  read_env(fields, settings);
  if (const auto retries = fields.whole("retries", 0, kRetriesMax)) {
    settings.retries = static_cast<std::uint32_t>(*retries);
  }
  settings.network = fields.flag("network");
  return settings;
}

Settings overlay(Settings general, const Settings& specific) {
  put_over(general.cpus_milli, specific.cpus_milli);
  put_over(general.gpus_milli, specific.gpus_milli);
  put_over(general.memory_bytes, specific.memory_bytes);
  put_over(general.gpu_memory_bytes, specific.gpu_memory_bytes);
  put_over(general.gpu_model, specific.gpu_model);
  put_over(general.scratch_bytes, specific.scratch_bytes);
  put_over(general.runtime, specific.runtime);
  put_over(general.time_estimate, specific.time_estimate);
  for (const auto& [key, rule] : specific.labels) general.labels[key] = rule;
  for (const auto& [name, amount] : specific.named) general.named[name] = amount;
  put_over(general.network, specific.network);
  put_over(general.retries, specific.retries);
  put_over(general.timeout, specific.timeout);
  for (const auto& [name, value] : specific.env) general.env[name] = value;
  return general;
}

domain::TaskOptions to_options(const Settings& settings) {
  domain::TaskOptions options;
  domain::ResourceRequest& request = options.resources;
  request.cpus_milli = settings.cpus_milli.value_or(request.cpus_milli);
  request.gpus_milli = settings.gpus_milli.value_or(request.gpus_milli);
  request.memory_bytes = settings.memory_bytes.value_or(request.memory_bytes);
  request.gpu_memory_bytes = settings.gpu_memory_bytes.value_or(request.gpu_memory_bytes);
  request.gpu_model = settings.gpu_model.value_or("");
  request.scratch_bytes = settings.scratch_bytes.value_or(0);
  for (const auto& [key, rule] : settings.labels) {
    if (rule) request.labels.push_back(*rule);
  }
  for (const auto& [name, amount] : settings.named) {
    if (amount > 0) request.named.push_back({name, amount});
  }
  options.time_estimate = settings.time_estimate.value_or(Duration{});
  options.network = settings.network.value_or(options.network);
  options.retries = settings.retries.value_or(options.retries);
  options.timeout = settings.timeout.value_or(options.timeout);
  if (!settings.env.empty()) {
    options.env.clear();
    for (const auto& [name, value] : settings.env) {
      options.env.push_back(options.env.empty() ? '{' : ',');
      domain::append_json_string(options.env, name);
      options.env.push_back(':');
      if (value.secret.empty()) {
        domain::append_json_string(options.env, value.text);
      } else {
        options.env += R"({"secret":)";
        domain::append_json_string(options.env, value.secret);
        options.env.push_back('}');
      }
    }
    options.env.push_back('}');
  }
  return options;
}

void apply_runtime(const Settings& settings, domain::ContainerConfig& container) {
  if (!settings.runtime) return;
  container.runtime = settings.runtime;
  if (*settings.runtime == "auto") container.runtime.reset();
}

}  // namespace landseer::pipeline
