/// gzip for what the gateway answers anew each time: lists of tasks shrink to a sixth, which is
/// felt over SSH. What is built once is compressed then; see assets.h. Pure.
#pragma once

#include "dashboard/gateway/http_types.h"

namespace landseer::gateway {

/// Below this, headers and the packet they travel in are all there is.
inline constexpr std::size_t kCompressBytesMin = 1400;

/// `Accept-Encoding: gzip`, also among others and with a weight, unless that is 0.
bool takes_gzip(const Request& request);

/// The response as this browser takes it: smaller, if that is worth it.
Response compressed(const Request& request, Response response);

}  // namespace landseer::gateway
