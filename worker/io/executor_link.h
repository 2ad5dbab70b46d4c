/// The local link between agent and executor: message encoding and Unix sockets. One message is
/// one SOCK_SEQPACKET datagram, a MessagePack array [type number, map of fields].
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "worker/io/executor_messages.h"

namespace landseer::worker {

/// Fits the send buffer that an unprivileged process gets by default (twice net.core.wmem_max =
/// 212992 bytes, socket(7)). Only a Launch with an uncommonly large environment can go over.
inline constexpr std::size_t kLinkBytesMax = 384 * 1024;

std::string encode(const ToExecutor& message);
std::string encode(const FromExecutor& message);

/// kInvalid for anything that is not exactly one message.
Result<ToExecutor> decode_to_executor(std::string_view bytes);
Result<FromExecutor> decode_from_executor(std::string_view bytes);

/// Replaces whatever is at `path`; only this user can connect. Paths longer than a Unix address
/// can hold are fine for this and for `connect_unix`.
Result<UniqueFd> listen_unix(const std::string& path);

/// kUnavailable if nobody listens there.
Result<UniqueFd> connect_unix(const std::string& path);

/// One end of a connected link. Never blocks; used by one thread. After an error of `send` or
/// `flush` other than kLimit nothing can be sent any more, but what the other side sent before it
/// left can still be received. After an error of `receive` the link is over.
class Link {
 public:
  explicit Link(UniqueFd socket);

  /// Sends now, or keeps the message until `flush` if the other side is slow.
  Result<void> send(std::string bytes);
  /// To be called when the descriptor is writable while `wants_write()`.
  Result<void> flush();
  bool wants_write() const { return !waiting_.empty(); }
  /// Empty when nothing waits; kUnavailable when the other side is gone. The view is good until
  /// the next call.
  Result<std::optional<std::string_view>> receive();
  int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::deque<std::string> waiting_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace landseer::worker
