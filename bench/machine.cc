#include "bench/machine.h"

#include <sys/utsname.h>

#include <fstream>
#include <string>
#include <thread>

#include "landseer_version.h"

namespace landseer::bench {
namespace {

/// What stands behind `key` and a colon in a file of /proc; empty: not there.
std::string value_in(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const auto colon = line.find(':');
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

}  // namespace

nlohmann::ordered_json machine_facts() {
  utsname system{};
  uname(&system);
#ifdef NDEBUG
  const char* const checks = "off";
#else
  const char* const checks = "on";
#endif
  return {{"commit", kGitCommit},
          {"compiler", "g++ " __VERSION__},
          {"assertions", checks},
          {"processor", value_in("/proc/cpuinfo", "model name")},
          {"cores", std::thread::hardware_concurrency()},
          {"memory", value_in("/proc/meminfo", "MemTotal")},
          {"kernel", std::string(system.sysname) + " " + system.release}};
}

}  // namespace landseer::bench
