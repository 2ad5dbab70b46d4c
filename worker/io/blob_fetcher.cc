#include "worker/io/blob_fetcher.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <variant>

#include "common/base/units.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

/// Chunks asked for ahead: 8 MiB in flight fill 10 Gbit/s at 6 ms of round trip.
constexpr std::uint64_t kWindow = 8;
constexpr std::size_t kConnectionsMax = 32;
/// libzmq does not say when a connection is made, so a first request is tried again this often.
constexpr Duration kConnectRetry = std::chrono::milliseconds(2);
/// How often a slow source and a deadline are thought of.
constexpr Duration kLookAgain = std::chrono::milliseconds(250);

/// How fast a source was in the present period.
struct Pace {
  Instant since;
  std::uint64_t received;

  bool is_slow(Instant now, std::uint64_t received_now, const FetchOptions& options) {
    const Duration passed = now - since;
    if (passed < options.slow_period) return false;
    const double seconds = std::chrono::duration<double>(passed).count();
    const auto wanted = static_cast<double>(options.slow_bytes_per_second) * seconds;
    const bool slow = static_cast<double>(received_now - received) < wanted;
    *this = {now, received_now};
    return slow;
  }
};

}  // namespace

/// The sources of one call, less those that proved useless, and what was wrong with each.
struct BlobFetcher::Sources {
  std::vector<std::string> addresses;
  std::vector<std::string> complaints{};
  std::set<std::string> slow{};  ///< left once for that; the next time they may be as they are
  Instant deadline{};            ///< zero: none
  Digest artifact{};             ///< that all of it belongs to, or none
  std::map<std::string, protocol::FetchPass> passes{};

  void set_passes(std::span<const protocol::FetchPass> given) {
    for (std::size_t i = 0; i < given.size() && i < addresses.size(); ++i) {
      passes[addresses[i]] = given[i];
    }
  }

  bool is_another_than(const std::string& address) const {
    return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& other) {
      return other != address && !slow.contains(other);
    });
  }

  std::string text() const {
    if (addresses.empty() && complaints.empty()) return "no worker is known to have it";
    std::string text;
    for (const std::string& complaint : complaints) text += (text.empty() ? "" : "; ") + complaint;
    return text;
  }
};

enum class BlobFetcher::Step {
  kGoOn,
  kComplete,   ///< all bytes are here
  kSlow,       ///< this source has it, and takes too long
  kAbsent,     ///< this source does not have it
  kGiveUp,     ///< this source is of no use
  kStartOver,  ///< this source may have it, but not as the one before it said
};

/// A blob on its way: bytes [0, received) are written, requests up to `asked` are under way.
struct BlobFetcher::Transfer {
  Digest blob;
  Digest artifact;
  std::string pass;  ///< of the present source
  std::uint64_t bytes_max = 0;
  std::optional<BlobWriter> writer;
  std::uint64_t received = 0;
  std::uint64_t asked = 0;
  std::optional<std::uint64_t> size;  ///< as the present source says
  int contributors = 0;               ///< sources whose bytes are in `writer`
  bool contributed = false;           ///< the present source is one of them
  std::uint64_t next_number = 0;      ///< of the reply that comes next; the later ones follow
  std::uint64_t in_flight = 0;
  bool may_be_slow = true;  ///< the present source
  Instant deadline{};

  Result<void> start_over(const ArtifactStore& store) {
    auto fresh = store.make_writer();
    if (!fresh) return tl::make_unexpected(fresh.error());
    writer.emplace(std::move(*fresh));
    received = 0;
    contributors = 0;
    return {};
  }

  /// Replies to what was asked so far will not be taken.
  void forget_requests() {
    asked = received;
    in_flight = 0;
  }

  /// kGoOn if these are the next bytes of the blob, as far as one can tell before the end.
  Step check(const protocol::BlobDataView& reply, std::string& reason);
};

BlobFetcher::Step BlobFetcher::Transfer::check(const protocol::BlobDataView& reply,
                                               std::string& reason) {
  if (!reply.found) {
    reason = "does not have it";
    return Step::kAbsent;
  }
  if (!size) size = reply.size;
  if (reply.size != *size || reply.size > bytes_max || reply.size < received) {
    if (reply.size <= bytes_max && received > 0 && !contributed) return Step::kStartOver;
    reason = "sent a wrong size";
    return Step::kGiveUp;
  }
  const auto wanted = std::min<std::uint64_t>(reply.size - received, protocol::kBlobChunkBytesMax);
  if (reply.offset != received || reply.data.size() > wanted ||
      (reply.data.empty() && wanted > 0)) {
    reason = "sent other bytes than asked for";
    return Step::kGiveUp;
  }
  return Step::kGoOn;
}

BlobFetcher::BlobFetcher(const net::Context& context, const ArtifactStore& store,
                         FetchOptions options)
    : context_(context), store_(store), options_(options) {}

Result<void> BlobFetcher::fetch(const Digest& blob, std::uint64_t bytes_max,
                                std::span<const std::string> sources, const Cancel& cancel) {
  if (store_.has(blob)) return {};
  Sources candidates{{sources.begin(), sources.end()}};
  if (options_.keys) {
    for (const std::string& address : sources) {
      candidates.passes[address].server_key = options_.keys->server_key;
    }
  }
  auto fetched = fetch_from(blob, bytes_max, candidates, cancel);
  return fetched ? Result<void>{} : tl::make_unexpected(fetched.error());
}

Result<std::uint64_t> BlobFetcher::fetch_artifact(const Digest& artifact,
                                                  std::span<const std::string> sources,
                                                  const Cancel& cancel, Instant deadline,
                                                  std::span<const protocol::FetchPass> passes) {
  Sources candidates{{sources.begin(), sources.end()}};
  candidates.artifact = artifact;
  candidates.set_passes(passes);
  candidates.deadline = deadline;
  std::uint64_t bytes = 0;
  if (!store_.has(artifact)) {
    auto fetched = fetch_from(artifact, kManifestBytesMax, candidates, cancel);
    if (!fetched) return fetched;
    bytes += *fetched;
  }
  // Before it is looked at: from now on nobody removes what it names.
  store_.mark_used(artifact);
  const auto manifest = store_.manifest(artifact);
  if (!manifest) return tl::make_unexpected(manifest.error());
  const std::vector<ManifestEntry> missing = store_.missing(*manifest);
  for (const ManifestEntry& entry : missing) {
    auto fetched = fetch_from(entry.content, entry.bytes, candidates, cancel);
    if (!fetched) {
      fetched.error().where = artifact.hex() + "/" + entry.path;
      return fetched;
    }
    bytes += *fetched;
  }
  return bytes;
}

/// Returns the size of the blob.
Result<std::uint64_t> BlobFetcher::fetch_from(const Digest& blob, std::uint64_t bytes_max,
                                              Sources& sources, const Cancel& cancel) {
  Transfer transfer;
  transfer.blob = blob;
  transfer.artifact = sources.artifact;
  transfer.bytes_max = bytes_max;
  transfer.deadline = sources.deadline;
  if (auto started = transfer.start_over(store_); !started) {
    return tl::make_unexpected(started.error());
  }
  for (std::size_t i = 0; i < sources.addresses.size();) {
    const std::string address = sources.addresses[i];
    std::string reason;
    transfer.may_be_slow = sources.slow.contains(address) || !sources.is_another_than(address);
    const protocol::FetchPass& pass = sources.passes[address];
    transfer.pass = pass.pass;
    auto fetched = try_source(address, pass.server_key, transfer, reason, cancel);
    if (!fetched) return tl::make_unexpected(fetched.error());
    if (*fetched == Step::kComplete) {
      // The source that has one thing has the next, too.
      const auto used = sources.addresses.begin() + static_cast<std::ptrdiff_t>(i);
      std::rotate(sources.addresses.begin(), used, used + 1);
      return transfer.received;
    }
    sources.complaints.push_back(address + " " + reason);
    if (*fetched == Step::kSlow) {
      sources.slow.insert(address);
      const auto used = sources.addresses.begin() + static_cast<std::ptrdiff_t>(i);
      std::rotate(used, used + 1, sources.addresses.end());
    } else if (connections_.contains(address)) {
      ++i;
    } else {
      sources.addresses.erase(sources.addresses.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return fail(ErrorCode::kNotFound, "cannot fetch " + blob.hex() + ": " + sources.text());
}

/// kComplete once the blob is in the store. A source that is silent or talks nonsense loses its
/// connection; one that merely lacks the blob keeps it.
Result<BlobFetcher::Step> BlobFetcher::try_source(const std::string& address,
                                                  const std::string& server_key, Transfer& transfer,
                                                  std::string& reason, const Cancel& cancel) {
  transfer.contributed = false;
  transfer.size.reset();
  transfer.forget_requests();
  while (true) {
    Line* line = connection(address, server_key, reason);
    if (line == nullptr) return Step::kGiveUp;
    auto step = pull(*line, transfer, reason, cancel);
    if (!step) {
      connections_.erase(address);
      return tl::make_unexpected(step.error());
    }
    if (*step == Step::kGiveUp) connections_.erase(address);
    if (*step == Step::kGiveUp || *step == Step::kAbsent || *step == Step::kSlow) return *step;
    if (*step == Step::kComplete) {
      auto finished = transfer.writer->finish(transfer.blob);
      if (finished) return Step::kComplete;
      if (finished.error().code != ErrorCode::kInvalid) {
        return tl::make_unexpected(finished.error());
      }
      if (transfer.contributors <= 1) {
        reason = "sent wrong bytes";
        connections_.erase(address);
        auto started = transfer.start_over(store_);
        return started ? Result<Step>(Step::kGiveUp) : tl::make_unexpected(started.error());
      }
      // One of several lied. This one gets its chance with all bytes its own.
    }
    if (auto started = transfer.start_over(store_); !started) {
      return tl::make_unexpected(started.error());
    }
    transfer.contributed = false;
    transfer.size.reset();
    transfer.forget_requests();
  }
}

Result<BlobFetcher::Step> BlobFetcher::pull(Line& line, Transfer& transfer, std::string& reason,
                                            const Cancel& cancel) {
  std::array<net::PollItem, 3> items;
  items[0].socket = &line.dealer;
  items[1].fd = cancel.fd();
  items[2].socket = &line.loss;
  Instant heard = net::now().instant;
  Pace pace{heard, transfer.received};
  while (!cancel.requested()) {
    // What was asked over a connection that broke is asked again over the next one.
    if (line.loss.take()) transfer.forget_requests();
    const bool connected = ask(line.dealer, transfer);
    const Duration left = heard + options_.silence_limit - net::now().instant;
    if (transfer.deadline != Instant{} && net::now().instant >= transfer.deadline) {
      return fail(ErrorCode::kUnavailable, "it takes too long to fetch " + transfer.blob.hex());
    }
    if (!transfer.may_be_slow && pace.is_slow(net::now().instant, transfer.received, options_)) {
      reason = "sent less than " + format_bytes(options_.slow_bytes_per_second) + " a second";
      return Step::kSlow;
    }
    if (left <= Duration::zero()) {
      reason = "was silent for " + format_duration(options_.silence_limit);
      return Step::kGiveUp;
    }
    net::poll(items,
              connected ? std::min<Duration>(left, kLookAgain) : std::min(left, kConnectRetry));
    for (std::uint64_t i = 0; i < kWindow; ++i) {
      const auto frame = line.dealer.receive_frame();
      if (!frame) break;
      const std::uint64_t before = transfer.in_flight;
      auto step = accept(frame->bytes(), transfer, reason);
      if (!step || *step != Step::kGoOn) return step;
      if (transfer.in_flight != before) heard = net::now().instant;
      ask(line.dealer, transfer);
    }
  }
  return fail(ErrorCode::kConflict, "the fetch was cancelled");
}

/// Fills the window. The first request goes alone: its reply tells the size. False if the peer
/// does not take any now.
bool BlobFetcher::ask(net::Dealer& dealer, Transfer& transfer) {
  while (transfer.in_flight < kWindow) {
    if (transfer.size ? transfer.asked >= *transfer.size : transfer.in_flight > 0) return true;
    const protocol::GetBlob request{transfer.blob, transfer.asked,
                                    static_cast<std::uint32_t>(protocol::kBlobChunkBytesMax),
                                    transfer.pass, transfer.artifact};
    if (!dealer.send(protocol::encode(protocol::BulkRequest(request), last_number_ + 1))) {
      return transfer.in_flight > 0;
    }
    ++last_number_;
    if (transfer.in_flight++ == 0) transfer.next_number = last_number_;
    transfer.asked += protocol::kBlobChunkBytesMax;
  }
  return true;
}

/// Takes one reply. Replies come in the order of the requests.
Result<BlobFetcher::Step> BlobFetcher::accept(std::string_view frame, Transfer& transfer,
                                              std::string& reason) {
  const auto decoded = protocol::decode_bulk_reply_view(frame);
  if (!decoded) {
    reason = "sent a malformed reply";
    return Step::kGiveUp;
  }
  if (transfer.in_flight == 0 || decoded->number < transfer.next_number) return Step::kGoOn;
  const auto* data = std::get_if<protocol::BlobDataView>(&decoded->message);
  if (data == nullptr || decoded->number != transfer.next_number || data->blob != transfer.blob) {
    reason = "sent a reply that was not asked for";
    return Step::kGiveUp;
  }
  const protocol::BlobDataView& reply = *data;
  ++transfer.next_number;
  --transfer.in_flight;
  if (const Step step = transfer.check(reply, reason); step != Step::kGoOn) return step;
  if (!transfer.contributed) ++transfer.contributors;
  transfer.contributed = true;
  if (auto written = transfer.writer->append(reply.data); !written) {
    return tl::make_unexpected(written.error());
  }
  transfer.received += reply.data.size();
  if (transfer.received == reply.size) return Step::kComplete;
  // A source may cut its chunks shorter; then the requests behind this one miss.
  if (reply.data.size() < protocol::kBlobChunkBytesMax) transfer.forget_requests();
  return Step::kGoOn;
}

BlobFetcher::Line* BlobFetcher::connection(const std::string& address,
                                           const std::string& server_key, std::string& reason) {
  const auto found = connections_.find(address);
  if (found != connections_.end() && found->second->server_key == server_key) {
    return found->second.get();
  }
  if (connections_.size() >= kConnectionsMax) connections_.clear();
  auto line = std::make_unique<Line>(context_);
  line->server_key = server_key;
  if (!server_key.empty() && options_.keys) {
    net::ClientKeys keys = *options_.keys;
    keys.server_key = server_key;
    if (!line->dealer.secure(keys)) {
      reason = "has a key that is none";
      return nullptr;
    }
  }
  if (auto connected = line->dealer.connect(address); !connected) {
    reason = "is not an address that can be reached";
    return nullptr;
  }
  return (connections_[address] = std::move(line)).get();
}

}  // namespace landseer::worker
