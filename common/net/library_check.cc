#include "common/net/library_check.h"

#include <zmq.h>

#include <string>

namespace landseer::net {
namespace {

constexpr LibraryVersion kOldest{4, 3, 3};

std::string text_of(const LibraryVersion& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

}  // namespace

LibraryVersion library_version() {
  LibraryVersion version;
  zmq_version(&version.major, &version.minor, &version.patch);
  return version;
}

Result<void> check_library(const LibraryVersion& found) {
  if (found >= kOldest) return {};
  return fail(ErrorCode::kVersion,
              "libzmq is " + text_of(found) + ", and before " + text_of(kOldest) +
                  " a peer without a key could stop or take over whoever listens",
              "libzmq", "install Debian's libzmq5, and see that no other is found before it");
}

}  // namespace landseer::net
