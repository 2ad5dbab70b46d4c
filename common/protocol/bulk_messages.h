/// Content in pieces: blobs by digest from a worker's data port or the broker's bulk port, and,
/// through the bulk port, logs and artifacts of workers for clients. docs/protocol.md, "Bulk
/// messages".
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/protocol/added.h"
#include "common/protocol/bytes.h"

namespace landseer::protocol {

/// Numbers of requests from here on are the broker's, who asks workers in the name of clients.
inline constexpr std::uint64_t kRelayedNumberMin = std::uint64_t{1} << 32;

/// Asks for at most kBlobChunkBytesMax bytes of a blob from `offset`.
struct GetBlob {
  Digest blob;
  std::uint64_t offset = 0;
  std::uint32_t limit = 0;
  std::string ticket{};  ///< at the bulk port: from the worker it names; empty: from the broker
  /// It belongs to this artifact, for which the ticket, or the pass at a data port, is good.
  Digest artifact{};
  bool operator==(const GetBlob&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("blob", m.blob);
    visit("offset", m.offset);
    visit("limit", m.limit);
    visit("ticket", added(as_bytes(m.ticket)));
    visit("artifact", added(m.artifact));
  }
};

/// "I am the worker of this session; ask me." From a worker, at the bulk port, without a reply.
struct Attach {
  std::uint64_t session = 0;
  Digest key;  ///< as in Attend
  bool operator==(const Attach&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("key", m.key);
  }
};

/// Asks for at most kBlobChunkBytesMax bytes of a log from `offset`, counted in what the tool
/// wrote. A limit of 0 asks for the size only.
struct GetLog {
  std::string ticket;         ///< from a client; empty on the way to the worker
  TaskId task{};              ///< for the worker: the broker puts in what the ticket says
  std::uint32_t attempt = 0;  ///< the same
  std::uint64_t offset = 0;
  std::uint32_t limit = 0;
  std::uint32_t wait_ms = 0;  ///< how long to wait for more when the log ends at `offset`
  bool with_times = false;
  bool operator==(const GetLog&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("ticket", as_bytes(m.ticket));
    visit("task", m.task);
    visit("attempt", m.attempt);
    visit("offset", m.offset);
    visit("limit", m.limit);
    visit("wait_ms", m.wait_ms);
    visit("with_times", m.with_times);
  }
};

/// `found` false: this peer does not have it. The end is where offset + data reaches `size`.
struct BlobData {
  Digest blob;
  bool found = false;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string data;
  bool operator==(const BlobData&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("blob", m.blob);
    visit("found", m.found);
    visit("offset", m.offset);
    visit("size", m.size);
    visit("data", as_bytes(m.data));
  }
};

/// What stands from `offset` on was written at this time, up to the next such mark.
struct LogTime {
  std::uint64_t offset = 0;
  std::int64_t unix_ms = 0;  ///< by the worker's clock
  bool operator==(const LogTime&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("offset", m.offset);
    visit("unix_ms", m.unix_ms);
  }
};

/// `offset` above that of the request: what lies between was left out, for the log is full.
struct LogData {
  bool found = false;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  ///< of all that the tool wrote so far
  bool finished = false;   ///< nobody writes any more
  std::string data;
  std::vector<LogTime> times;  ///< with_times: of `data`, the first not after its beginning
  bool operator==(const LogData&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("found", m.found);
    visit("offset", m.offset);
    visit("size", m.size);
    visit("finished", m.finished);
    visit("data", as_bytes(m.data));
    visit("times", m.times);
  }
};

/// The broker's own answer to a request with a ticket that it cannot pass on.
struct StreamError {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;
  bool operator==(const StreamError&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("code", m.code);
    visit("message", m.message);
    visit("hint", m.hint);
  }
};

/// Order gives the type number on the wire (index + 1): append only.
using BulkRequest = std::variant<GetBlob, Attach, GetLog>;
using BulkReply = std::variant<BlobData, LogData, StreamError>;

}  // namespace landseer::protocol
