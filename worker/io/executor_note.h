/// The executor's own log.
#pragma once

#include <string>

namespace landseer::worker {

/// A line to standard error, which is executor.log. For what is rare: a few lines for each agent,
/// none for an attempt that goes well.
void note(const std::string& text);

}  // namespace landseer::worker
