/// The broker's command line as one validated struct.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/time.h"
#include "common/config/options.h"

namespace landseer::broker {

struct Options {
  std::string state_folder;
  std::string workers_bind = "tcp://127.0.0.1:7710";
  std::string clients_bind = "tcp://127.0.0.1:7711";
  std::string bulk_bind = "tcp://127.0.0.1:7712";
  Duration lease = std::chrono::seconds(120);
  std::uint64_t disk_min = std::uint64_t{1} << 30;  ///< bytes free below which nothing new is taken
  std::uint64_t snapshot_bytes = 64 * 1024 * 1024;  ///< of journal that make a snapshot due
  Duration history = std::chrono::hours(24 * 365);  ///< how long finished pipelines are kept there
  std::map<std::string, std::uint64_t> resources;   ///< of all workers together
  std::uint64_t memory_limit = 0;                   ///< bytes; see load_guard.h
  std::size_t connections_per_key = 1000;           ///< at each port
  std::string keys_folder;                          ///< where the keys are; empty: there are none
  std::string check_folder;  ///< verify this state folder and end; empty: serve
  std::string trace_file;    ///< everything the core is given; empty: none
  std::uint64_t trace_bytes = std::uint64_t{1} << 30;  ///< where it ends
  std::string replay_file;  ///< run a core by this trace and end; empty: serve
  bool decisions = false;   ///< with it: print them
  config::LogOptions log;
};

/// Returns -1 to go on, else the exit code (0 for --help and --version, 2 for a usage error).
int parse_options(int argc, const char* const* argv, Options& options);

}  // namespace landseer::broker
