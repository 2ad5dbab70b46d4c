/// How fast a log is followed: 100 MB from a task's log file through the worker's stream server and
/// the broker's relay to a client, against a bare DEALER-ROUTER-DEALER relay of as many bytes in
/// pieces of the same size, both with CURVE. `landseer-bench-logs [--bytes N] [--rounds N]
/// [--no-keys]
/// [--json]`; medians, lowest and highest.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "bench/figures.h"
#include "broker/core/tickets.h"
#include "broker/io/key_ring.h"
#include "broker/io/relay.h"
#include "common/config/key_folder.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "submitter/client/piece_window.h"
#include "worker/io/log_index.h"
#include "worker/io/stream_server.h"

namespace {

using namespace landseer;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kPiece = protocol::kBlobChunkBytesMax;
constexpr std::uint64_t kSession = 1;

double rate(std::uint64_t bytes, Clock::time_point began) {
  return static_cast<double>(bytes) / 1e6 /
         std::chrono::duration<double>(Clock::now() - began).count();
}

void send(net::Dealer& dealer, const std::string& frame) {
  while (!dealer.send(frame)) net::poll({}, std::chrono::milliseconds(1));
}

[[noreturn]] void die(const std::string& why) {
  std::cerr << "landseer-bench-logs: " << why << '\n';
  std::exit(1);
}

/// The keys of a broker, a worker and a client, as `landseer keys init` makes them.
class Keys {
 public:
  explicit Keys(const std::string& folder) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string program = (self.parent_path() / "landseer").string();
    const std::string init = "'" + program + "' --keys '" + folder + "' keys init > /dev/null 2>&1";
    if (std::system(init.c_str()) != 0) die("`landseer keys init` failed");
    auto opened = broker::KeyRing::open(folder);
    if (!opened) die(opened.error().to_string());
    ring = std::move(*opened);
    worker = read(folder, config::kWorkerKeyFile);
    client = read(folder, config::kClientKeyFile);
  }

  std::unique_ptr<broker::KeyRing> ring;
  net::ClientKeys worker;
  net::ClientKeys client;

 private:
  static net::ClientKeys read(const std::string& folder, const char* file) {
    const auto key = config::read_key(folder, file);
    if (!key) die(key.error().to_string());
    return {key->broker_key, key->public_key, key->secret_key};
  }
};

/// Removes the folder when whoever uses it is gone.
struct FolderGuard {
  std::filesystem::path folder;
  ~FolderGuard() { std::filesystem::remove_all(folder); }
};

/// A dealer at `address`, with these keys if there are any.
void connect(net::Dealer& dealer, const net::ClientKeys* keys, const std::string& address) {
  if (keys != nullptr && !dealer.secure(*keys)) die("cannot encrypt");
  if (!dealer.connect(address)) die("cannot connect to " + address);
}

/// A relay that knows two peers: whoever spoke first is the source.
class BareRelay {
 public:
  explicit BareRelay(broker::KeyRing* keys)
      : router_(context_, {.send_queue = 32, .receive_queue = 64}) {
    if (keys != nullptr) {
      keeper_ = *net::Doorkeeper::start(context_, keys->judge());
      if (!router_.secure(keys->keys_of(keys::Door::kBulk))) die("cannot encrypt");
    }
    address = router_.bind("tcp://127.0.0.1:0").value();
    thread_ = std::thread([this] { serve(); });
  }
  ~BareRelay() {
    stop_ = true;
    thread_.join();
  }
  std::string address;

 private:
  void serve() {
    std::string source;
    std::string client;
    while (!stop_) {
      net::PollItem item{&router_, -1, false};
      net::poll({&item, 1}, std::chrono::milliseconds(20));
      while (auto message = router_.receive_message()) {
        if (source.empty()) {
          source = message->peer;
          continue;
        }
        if (message->peer != source) client = message->peer;
        router_.send(message->peer == source ? client : source, message->frame);
      }
    }
  }
  net::Context context_;
  std::unique_ptr<net::Doorkeeper> keeper_;
  net::Router router_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// Sends a piece for each frame that asks for one.
class BareSource {
 public:
  BareSource(const std::string& address, const net::ClientKeys* keys) : dealer_(context_) {
    connect(dealer_, keys, address);
    send(dealer_, "hello");
    thread_ = std::thread([this] { serve(); });
  }
  ~BareSource() {
    stop_ = true;
    thread_.join();
  }

 private:
  void serve() {
    const std::string piece(kPiece, 'x');
    while (!stop_) {
      net::PollItem item{&dealer_, -1, false};
      net::poll({&item, 1}, std::chrono::milliseconds(20));
      while (dealer_.receive()) send(dealer_, piece);
    }
  }
  net::Context context_;
  net::Dealer dealer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

double bare_round(net::Dealer& client, std::uint64_t bytes) {
  const auto began = Clock::now();
  std::uint64_t received = 0;
  for (std::size_t i = 0; i < client::kPiecesAhead; ++i) send(client, "more");
  while (received < bytes) {
    net::PollItem item{&client, -1, false};
    net::poll({&item, 1}, Duration(-1));
    while (auto frame = client.receive_frame()) {
      received += frame->bytes().size();
      send(client, "more");
    }
  }
  const double result = rate(received, began);
  for (std::size_t left = client::kPiecesAhead; left > 0;) {  // what is still under way
    net::PollItem item{&client, -1, false};
    net::poll({&item, 1}, Duration(-1));
    while (client.receive_frame()) --left;
  }
  return result;
}

double relay_round(net::Dealer& dealer, const std::string& ticket, std::uint64_t bytes) {
  static std::uint64_t number = 0;  // never twice over one connection
  const auto began = Clock::now();
  client::PieceWindow window;
  const std::uint64_t base = number;
  while (window.received() < bytes) {
    while (const auto ask = window.next()) {
      number = base + ask->number;
      send(dealer, protocol::encode(protocol::BulkRequest(protocol::GetLog{
                                        ticket, {}, 0, ask->offset, ask->limit, 1000, false}),
                                    number));
    }
    net::PollItem item{&dealer, -1, false};
    net::poll({&item, 1}, Duration(-1));
    while (auto frame = dealer.receive_frame()) {
      const auto reply = protocol::decode_bulk_reply_view(frame->bytes()).value();
      const auto& data = std::get<protocol::LogDataView>(reply.message);
      window.take(reply.number - base, data.offset, data.size, data.data.size());
    }
  }
  return rate(bytes, began);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t bytes = 100'000'000;
  int rounds = 5;
  bool json = false;
  bool no_keys = false;
  CLI::App app("How fast a log is followed through the broker");
  app.add_option("--bytes", bytes);
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 1000));
  app.add_flag("--no-keys", no_keys, "without CURVE");
  app.add_flag("--json", json);
  CLI11_PARSE(app, argc, argv);

  const auto folder =
      std::filesystem::temp_directory_path() / ("landseer-bench-logs-" + std::to_string(getpid()));
  const FolderGuard guard{folder};
  const auto store = worker::ArtifactStore::open(folder / "artifacts").value();
  const auto folders = worker::AttemptFolders::open(folder / "scratch").value();
  const auto log = folders.paths({0, TaskId{1}, 1}, PipelineId{}).log;
  auto index = worker::LogIndex::create(log, 2 * bytes, 1).value();
  {
    const UniqueFd file(open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string piece(kPiece, 'x');
    for (std::uint64_t at = 0; at < bytes; at += kPiece) {
      const auto size = static_cast<std::size_t>(std::min(kPiece, bytes - at));
      if (pwrite(file.get(), piece.data(), size, static_cast<off_t>(at)) < 0) return 1;
      index.grow(at + size, 1);
    }
  }
  const Digest secret = sha256("secret");
  std::optional<Keys> keys;
  if (!no_keys) keys.emplace((folder / "keys").string());
  broker::KeyRing* const ring = keys ? keys->ring.get() : nullptr;
  const net::ClientKeys* const of_worker = keys ? &keys->worker : nullptr;
  const net::ClientKeys* const of_client = keys ? &keys->client : nullptr;
  const auto relay = broker::Relay::start("tcp://127.0.0.1:0", secret, {}, {}, ring).value();
  worker::StreamServer streams(store, folders,
                               keys ? std::optional<net::ClientKeys>(keys->worker) : std::nullopt);
  streams.attend(relay->address(), {kSession, broker::attach_key(secret, kSession)});
  const std::string ticket = broker::make_ticket(
      secret, {kSession, TaskId{1}, 1, net::now().instant + std::chrono::hours(1)});
  BareRelay bare(ring);
  BareSource source(bare.address, of_worker);
  net::Context context;
  net::Dealer client(context);
  net::Dealer bare_client(context);
  connect(client, of_client, relay->address());
  connect(bare_client, of_client, bare.address);
  relay_round(client, ticket, bytes);  // warm
  bare_round(bare_client, bytes);
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int i = 0; i < rounds; ++i) {
    ours.push_back(relay_round(client, ticket, bytes));
    theirs.push_back(bare_round(bare_client, bytes));
  }
  const double share = bench::quantile(ours, 0.5) / bench::quantile(theirs, 0.5);
  if (json) {
    bench::print({no_keys ? "W9 log plain" : "W9 log",
                  bytes,
                  "MB/s",
                  ours,
                  {{"bare_runs", theirs}, {"share_of_bare", share}}});
    return 0;
  }
  std::printf(
      "%llu bytes: %.0f MB/s (%.0f to %.0f) through the relay, %.0f MB/s (%.0f to %.0f) "
      "bare, a share of %.2f\n",
      static_cast<unsigned long long>(bytes), bench::quantile(ours, 0.5), bench::quantile(ours, 0),
      bench::quantile(ours, 1), bench::quantile(theirs, 0.5), bench::quantile(theirs, 0),
      bench::quantile(theirs, 1), share);
  return 0;
}
