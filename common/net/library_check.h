/// Whether the libzmq that was found at run time may be used at all, with keys or without.
#pragma once

#include "common/base/result.h"

namespace landseer::net {

struct LibraryVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const LibraryVersion&) const = default;
};

/// Of the library that this process has loaded.
LibraryVersion library_version();

/// kVersion below 4.3.3: before it, peers without a key can write into the memory of a process
/// that listens (CVE-2019-6250, CVE-2019-13132), or keep all others out (CVE-2020-15166). To be
/// asked before the first socket.
Result<void> check_library(const LibraryVersion& found = library_version());

}  // namespace landseer::net
