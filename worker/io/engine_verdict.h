/// Who is to blame when a container did not start: engines say it in words only. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace landseer::worker {

/// The engine's own line at the end of a log, also with docker's advice below it; empty: the last
/// word is the tool's.
std::string engine_line(std::string_view log_tail);

/// The image, or the command in it, would be refused on any host. What is not known is the host's.
bool blames_image(std::string_view line);

/// The container was made, and the host kept its first process from beginning: podman reports it by
/// the code of a command that cannot be run.
bool blames_host(std::string_view line);

}  // namespace landseer::worker
