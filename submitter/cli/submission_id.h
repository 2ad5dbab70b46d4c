/// Fresh ids that make a submission idempotent.
#pragma once

#include <string>

namespace landseer::cli {

/// A random UUID (version 4) from the kernel, such as `3f0c8a52-6f1e-4d9b-a2a7-0c9be4a1d6f3`.
std::string make_submission_id();

}  // namespace landseer::cli
