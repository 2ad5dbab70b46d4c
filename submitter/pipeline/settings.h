/// How tasks are run, as files say it: `resources`, `retries`, `timeout`, `time_estimate`,
/// `network` and `env`. They may stand in `defaults:`, in a stage or workflow, in a tool and in an
/// item; the most specific wins.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/domain/tool.h"
#include "submitter/pipeline/fields.h"

namespace landseer::pipeline {

/// The value of an environment variable, or the name of the secret that is its value.
struct Variable {
  std::string text{};
  std::string secret{};  ///< empty: it is a text
};

/// What one place says; empty means "as the less specific place says". `env` is merged by variable,
/// `resources` by resource.
struct Settings {
  std::optional<std::uint32_t> cpus_milli;
  std::optional<std::uint32_t> gpus_milli;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> gpu_memory_bytes;
  std::optional<std::string> gpu_model;
  std::optional<std::uint64_t> scratch_bytes;
  std::optional<std::string> runtime;                              ///< `auto`: as the worker offers
  std::map<std::string, std::optional<domain::LabelRule>> labels;  ///< none: no rule after all
  std::map<std::string, std::uint64_t> named;  ///< of the site; 0: none after all
  std::optional<Duration> time_estimate;
  std::optional<std::uint32_t> retries;
  std::optional<Duration> timeout;
  std::optional<bool> network;
  std::map<std::string, Variable> env;
};

/// Reads the keys out of a mapping. `timeout` and `time_estimate` are `90s`, `1h30m` or seconds,
/// from 1 ms; for `resources` see resource_reader.h.
Settings read_settings(Fields& fields);

/// `general` with everything that `specific` says put over it.
Settings overlay(Settings general, const Settings& specific);

/// Puts the runtime that the settings ask for, if any, into the tool's container.
void apply_runtime(const Settings& settings, domain::ContainerConfig& container);

/// What nobody said is as domain::TaskOptions has it.
domain::TaskOptions to_options(const Settings& settings);

}  // namespace landseer::pipeline
