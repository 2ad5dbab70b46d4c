/// Leave to fetch one artifact from one worker's data port, given by the broker to another worker.
/// The serving worker tells the broker a secret of its own in Hello, so that a pass says by itself
/// that it is good, also after either of them was restarted. docs/protocol.md, "Passes". Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/time.h"

namespace landseer::protocol {

inline constexpr std::size_t kFetchSecretBytes = 32;
/// Long enough for the slowest transfer and for clocks that are hours apart.
inline constexpr std::int64_t kFetchPassLifeMs = 12 * 3600 * 1000;

/// For which artifact, and for the owner of which public key.
struct FetchRight {
  Digest artifact;
  std::string_view fetcher_key;
};

std::string make_fetch_pass(std::string_view secret, const FetchRight& right, WallTime now);
/// Whether this secret signed the pass for just that, and it has not expired.
bool is_good_fetch_pass(std::string_view secret, const FetchRight& right, std::string_view pass,
                        WallTime now);

}  // namespace landseer::protocol
