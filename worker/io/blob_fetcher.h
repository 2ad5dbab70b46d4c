/// Fetches blobs by digest from other workers or the broker's bulk port, into the artifact store.
/// Nothing enters the store before its digest is checked, so a source need not be trusted. Belongs
/// to one thread, as its sockets do.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"
#include "common/protocol/attempt.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

struct FetchOptions {
  /// A source is given up after this long without a byte. Ten seconds cover a reconnect and a disk
  /// that is asleep; a live source answers within milliseconds.
  Duration silence_limit = std::chrono::seconds(10);
  /// A source that sends less than this for so long is left for another, if there is one: it may be
  /// behind a bad link, and a task waits. Asked again when no other has it.
  std::uint64_t slow_bytes_per_second = 256 * 1024;
  Duration slow_period = std::chrono::seconds(10);
  /// Our own key pair, and the broker's key; for sources that have keys.
  std::optional<net::ClientKeys> keys{};
};

class BlobFetcher {
 public:
  BlobFetcher(const net::Context& context, const ArtifactStore& store, FetchOptions options = {});

  /// From the broker. Does nothing if the blob is here. Tries the sources in order; what one sent
  /// before it fell silent is kept for the next. kNotFound when none had it (the message says why
  /// for each), kIo for trouble on this machine, kConflict when cancelled.
  Result<void> fetch(const Digest& blob, std::uint64_t bytes_max,
                     std::span<const std::string> sources, const Cancel& cancel);

  /// The list of an artifact's files, then everything it names. Returns the bytes that were moved.
  /// After `deadline` (zero: none) it is called off with kUnavailable; what came is kept.
  /// `passes`: one for each source, or none, as in protocol::InputArtifact.
  Result<std::uint64_t> fetch_artifact(const Digest& artifact, std::span<const std::string> sources,
                                       const Cancel& cancel, Instant deadline = {},
                                       std::span<const protocol::FetchPass> passes = {});

 private:
  /// A connection to a source.
  struct Line {
    explicit Line(const net::Context& context) : dealer(context), loss(context, dealer) {}
    net::Dealer dealer;
    net::LossWatch loss;
    std::string server_key;
  };
  struct Sources;
  struct Transfer;
  enum class Step;

  Result<std::uint64_t> fetch_from(const Digest& blob, std::uint64_t bytes_max, Sources& sources,
                                   const Cancel& cancel);
  Result<Step> try_source(const std::string& address, const std::string& server_key,
                          Transfer& transfer, std::string& reason, const Cancel& cancel);
  Result<Step> pull(Line& line, Transfer& transfer, std::string& reason, const Cancel& cancel);
  bool ask(net::Dealer& dealer, Transfer& transfer);
  Result<Step> accept(std::string_view frame, Transfer& transfer, std::string& reason);
  Line* connection(const std::string& address, const std::string& server_key, std::string& reason);

  const net::Context& context_;
  ArtifactStore store_;
  FetchOptions options_;
  std::uint64_t last_number_ = 0;  ///< of requests; never used twice, so late replies are known
  std::map<std::string, std::unique_ptr<Line>> connections_;
};

}  // namespace landseer::worker
