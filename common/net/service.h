/// Tells a service manager how the program is doing: the NOTIFY_SOCKET protocol of systemd.
#pragma once

#include <string_view>

namespace landseer::net {

/// Sends `state` (`READY=1`, `STOPPING=1`) if the program was started by a service manager that
/// listens; else nothing. Never fails: a manager that hears nothing draws its own conclusions.
/// Source: systemd's sd_notify(3), "Notes", which describes the datagram.
void notify_service(std::string_view state);

}  // namespace landseer::net
