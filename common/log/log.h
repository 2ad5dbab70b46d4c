/// Starts spdlog for a program: to stderr, as lines for people or as JSON objects for machines.
#pragma once

#include <string>

namespace landseer::log {

/// `level` and `format` as in config::LogOptions, already checked. Call once, before any thread.
void start(const std::string& program, const std::string& level, const std::string& format);

}  // namespace landseer::log
