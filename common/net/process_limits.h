/// Limits of this process that its peers or its keys make necessary. Call before threads begin.
#pragma once

#include <cstdint>

namespace landseer::net {

/// As many open files as the system allows: each connection is one. Returns how many were allowed
/// before; 0: nobody can say.
std::uint64_t raise_file_limit();
/// For children that must not have more than their parent had: the soft limit only.
void set_file_limit(std::uint64_t files);
/// A core file would have secret keys in it.
void forbid_core_files();

}  // namespace landseer::net
