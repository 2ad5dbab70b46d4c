/// What a site may change about containers. There is no option for flags of one's own choice: each
/// of these says what it opens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/config/options.h"

namespace landseer::worker {

struct ContainerOptions {
  /// Of the engine: runc, crun or a path; empty: its default, or another if that does not work
  /// here.
  std::string oci_runtime;
  std::uint64_t shm_bytes = std::uint64_t{1} << 30;  ///< size of /dev/shm
  std::vector<std::string> ulimits;  ///< NAME=SOFT:HARD; empty: the engine's, if they work here
  std::vector<std::string> capabilities;  ///< that tools keep; by default none
  std::string user = "worker";            ///< tools run as this worker's user; or image: as its
  std::string pull = "missing";           ///< images that are not here are pulled; or never
  Duration pull_limit = std::chrono::hours(1);
  std::string images;  ///< folder for images of apptainer; shared by the workers of a host
};

/// Their flags, as typed until they are read.
class ContainerFlags {
 public:
  void add_to(CLI::App& app);
  /// kInvalid, with the flag as `where`.
  Result<ContainerOptions> read() const;

 private:
  std::string oci_runtime_;
  std::string shm_size_ = "1GiB";
  std::vector<std::string> ulimits_;
  std::vector<std::string> capabilities_;
  std::string user_ = "worker";
  std::string pull_ = "missing";
  std::string pull_limit_ = "1h";
  std::string images_;
};

}  // namespace landseer::worker
