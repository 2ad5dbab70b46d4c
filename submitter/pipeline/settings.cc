#include "submitter/pipeline/settings.h"

#include <cmath>
#include <string_view>

#include "common/base/units.h"
#include "common/domain/config.h"
#include "submitter/pipeline/scalar.h"

namespace landseer::pipeline {
namespace {

constexpr double kUnitsMax = 1'000'000;  // CPUs or GPUs of one task; far above any host
constexpr std::int64_t kRetriesMax = 1000;

std::optional<std::uint32_t> read_milli(Fields& fields, std::string_view key) {
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
  if (number >= 0 && number <= kUnitsMax && (milli > 0 || number == 0)) {
    return static_cast<std::uint32_t>(milli);
  }
  fields.error(key, "'" + std::string(key) + "' must be a number from 0 to 1000000, in thousandths",
               "write a number such as 2 or 0.5");
  return std::nullopt;
}

std::optional<std::uint64_t> read_bytes(Fields& fields, std::string_view key) {
  const auto text = fields.text(key);
  if (!text) return std::nullopt;
  const auto bytes = parse_bytes(*text);
  if (!bytes) {
    fields.error(key, "'" + *text + "' is not a size of memory",
                 "write a size such as 4GiB, 512M or a number of bytes");
  }
  return bytes;
}

void read_resources(Fields& fields, Settings& settings) {
  const Node* node = fields.map("resources");
  if (node == nullptr) return;
  Fields resources(*node, "'resources'", fields.diagnostics());
  settings.cpus_milli = read_milli(resources, "cpus");
  settings.gpus_milli = read_milli(resources, "gpus");
  settings.memory_bytes = read_bytes(resources, "memory");
  settings.gpu_memory_bytes = read_bytes(resources, "gpu_memory");
  resources.finish();
}

void read_timeout(Fields& fields, Settings& settings) {
  const auto text = fields.text("timeout");
  if (!text) return;
  settings.timeout = parse_duration(*text);
  if (settings.timeout && *settings.timeout >= std::chrono::milliseconds(1)) return;
  settings.timeout.reset();
  fields.error("timeout", "'" + *text + "' is not a time limit",
               "write a duration above zero such as 90s, 10m or 1h30m");
}

bool is_variable_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  return !name.empty() && kDigits.find(name[0]) == std::string_view::npos &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
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
      settings.env[name] = entry.value->text;
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
  options.network = settings.network.value_or(options.network);
  options.retries = settings.retries.value_or(options.retries);
  options.timeout = settings.timeout.value_or(options.timeout);
  if (!settings.env.empty()) {
    options.env.clear();
    for (const auto& [name, value] : settings.env) {
      options.env.push_back(options.env.empty() ? '{' : ',');
      domain::append_json_string(options.env, name);
      options.env.push_back(':');
      domain::append_json_string(options.env, value);
    }
    options.env.push_back('}');
  }
  return options;
}

}  // namespace landseer::pipeline
