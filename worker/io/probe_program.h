/// A program for the probe of container engines: it needs no library and no other file.
#pragma once

#include <string>

namespace landseer::worker {

/// An executable that ends with exit code 0; empty on a machine for which we have none.
std::string probe_program();

}  // namespace landseer::worker
