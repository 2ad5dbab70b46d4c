/// How tasks are run, as files say it: `resources`, `retries`, `timeout` and `env`. They may stand
/// in `defaults:`, in a stage or workflow, in a tool and in an item; the most specific wins.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/domain/tool.h"
#include "submitter/pipeline/fields.h"

namespace landseer::pipeline {

/// What one place says; empty means "as the less specific place says". `env` is merged by variable,
/// `resources` by resource.
struct Settings {
  std::optional<std::uint32_t> cpus_milli;
  std::optional<std::uint32_t> gpus_milli;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> gpu_memory_bytes;
  std::optional<std::uint32_t> retries;
  std::optional<Duration> timeout;
  std::optional<bool> network;
  std::map<std::string, std::string> env;
};

/// Reads the five keys out of a mapping. `timeout` is `90s`, `1h30m` or seconds, from 1 ms; `cpus`
/// and `gpus` may be fractions down to a thousandth; `memory` and `gpu_memory` are `4GiB`,
/// `512M` or bytes.
Settings read_settings(Fields& fields);

/// `general` with everything that `specific` says put over it.
Settings overlay(Settings general, const Settings& specific);

/// What nobody said is as domain::TaskOptions has it.
domain::TaskOptions to_options(const Settings& settings);

}  // namespace landseer::pipeline
