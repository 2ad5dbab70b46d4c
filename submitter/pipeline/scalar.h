/// What texts and trees of a YAML file mean: truth values, numbers, and JSON for configurations.
/// Rules: the core schema of YAML 1.2, so `yes` and `1_000` are texts and `0o17` is a number.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/domain/config.h"
#include "submitter/pipeline/yaml.h"

namespace landseer::pipeline {

/// Whole numbers beyond 64 bits become doubles.
using Scalar = std::variant<std::string, bool, std::int64_t, std::uint64_t, double>;

/// Requires a text node. Quoted texts stay texts.
Scalar resolve(const Node& node);

/// The canonical configuration that a mapping says. Anything else, infinities, and more than 64 KiB
/// or 16 levels are errors at their place; then the configuration is empty.
domain::Config read_config(const Node& node, Diagnostics& out);

/// `words` as one command line that a shell would split into them again.
std::string quote_words(const std::vector<std::string>& words);

}  // namespace landseer::pipeline
