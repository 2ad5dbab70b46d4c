/// The reference for W1 and W3: the same messages in the same batches over the same sockets, packed
/// and unpacked by the same codec, and the same records committed with the same group size; no
/// scheduling in between, nothing is remembered. So much a broker of one thread that speaks this
/// protocol and keeps this promise could do at most.
#pragma once

#include <string>

#include "common/net/key_pair.h"
#include "common/net/socket.h"
#include "common/protocol/submission.h"

namespace landseer::bench {

struct LimitSetup {
  std::string folder;  ///< for the database
  bool with_keys = true;
  net::KeyPair server;
  net::KeyPair peer;  ///< of the worker and the client alike
};

/// All three as processes of their own; seconds from the submission to its end.
double run_limit(const LimitSetup& setup, const protocol::Submission& submission);

/// Serves one worker and one client until the latter was told that all results are durable. The
/// addresses of both ports are written to `addresses`, a pipe, on one line.
void serve_limit(const LimitSetup& setup, int addresses);
/// Answers each Assign with Results, until SIGTERM.
void work_limit(const LimitSetup& setup, const std::string& address);
/// Sends the submission and waits until it is done. Seconds.
double submit_limit(const LimitSetup& setup, const std::string& address,
                    const protocol::Submission& submission);

}  // namespace landseer::bench
