/// Leave to read at the bulk port, given by the core and checked by the relay. A ticket says by
/// itself what it is for, which may be a task of another owner whose work the caller's shares, so
/// only this start of the broker can read or make one, by a secret of its own; so the two share no
/// state: the core never waits for the relay, and tickets of an earlier start are worth nothing.
/// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/time.h"

namespace landseer::broker {

struct Grant {
  std::uint64_t session = 0;  ///< of the worker to be asked
  TaskId task{};              ///< whose log; none: blobs of `artifact`
  std::uint32_t attempt = 0;
  Instant expires;
  Digest artifact{};
  bool operator==(const Grant&) const = default;
};

std::string make_ticket(const Digest& secret, const Grant& grant);
/// Empty for what this secret did not sign, and for what has expired.
std::optional<Grant> read_ticket(const Digest& secret, std::string_view ticket, Instant now);

/// By which the relay knows that a connection is this session's worker.
Digest attach_key(const Digest& secret, std::uint64_t session);

}  // namespace landseer::broker
