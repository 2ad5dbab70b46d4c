/// How fast an artifact of one large file gets from worker to worker, against what the machine and
/// libzmq can do at all: `landseer-bench-transfer --bytes N [--json]`. Every round measures, one
/// after the other and over loopback TCP: the bare stream (frames of one chunk from memory, dropped
/// on arrival), the stream that is hashed on arrival, the one that is hashed and written to a file,
/// and the product (store to store); then the last two again with CURVE. Medians of the rounds; a
/// noisy machine spoils all alike.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "bench/figures.h"
#include "common/base/digest.h"
#include "common/net/clock.h"
#include "common/net/doorkeeper.h"
#include "common/net/key_pair.h"
#include "common/net/socket.h"
#include "common/protocol/fetch_pass.h"
#include "common/protocol/limits.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/blob_server.h"
#include "worker/io/file_tools.h"

namespace {

using namespace landseer;
using namespace landseer::worker;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunk = protocol::kBlobChunkBytesMax;
constexpr std::uint64_t kWindow = 8;  ///< as the product asks ahead

struct Speeds {
  std::vector<double> all;  ///< MB/s
  double median() const {
    auto sorted = all;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  double lowest() const { return *std::min_element(all.begin(), all.end()); }
  double highest() const { return *std::max_element(all.begin(), all.end()); }
};

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "landseer-bench-transfer: %s\n", what.c_str());
  std::exit(1);
}

double timed(std::uint64_t bytes, const std::function<void()>& work) {
  const auto began = Clock::now();
  work();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  return static_cast<double>(bytes) / 1e6 / seconds;
}

/// Of both sides; none: nothing is encrypted.
struct Keys {
  net::KeyPair server = *net::make_key_pair();
  net::KeyPair client = *net::make_key_pair();

  net::ClientKeys of_client() const {
    return {server.public_key, client.public_key, client.secret_key};
  }
};

/// Answers every request, of whatever content, with one chunk from memory.
void serve_stream(const net::Context& context, const std::string& content, const Keys* keys,
                  std::string& address, std::atomic<bool>& bound, const Cancel& stop) {
  std::unique_ptr<net::Doorkeeper> keeper;
  net::Router router(context, {.send_queue = 24});
  if (keys != nullptr) {
    keeper = *net::Doorkeeper::start(
        context, [](const std::string&, const std::string& key) { return std::optional(key); });
    if (!router.secure({"data", keys->server.secret_key})) die("cannot encrypt");
  }
  address = *router.bind("tcp://127.0.0.1:0");
  bound = true;
  std::array<net::PollItem, 2> items;
  items[0].socket = &router;
  items[1].fd = stop.fd();
  std::size_t at = 0;
  while (!stop.requested()) {
    net::poll(items, Duration(-1));
    while (const auto request = router.receive()) {
      net::Frame frame(kChunk);
      std::copy_n(content.data() + at, kChunk, frame.data());
      at = (at + kChunk) % content.size();
      if (!router.send(request->peer, frame)) die("a reply was not taken");
    }
  }
}

/// Receives `bytes` in chunks, with the product's window.
void take_stream(const net::Context& context, const std::string& address, const Keys* keys,
                 std::uint64_t bytes, const std::function<void(std::string_view)>& consume) {
  net::Dealer dealer(context);
  if (keys != nullptr && !dealer.secure(keys->of_client())) die("cannot encrypt");
  if (!dealer.connect(address)) die("cannot connect");
  std::array<net::PollItem, 1> items;
  items[0].socket = &dealer;
  const std::uint64_t chunks = bytes / kChunk;
  std::uint64_t asked = 0;
  for (std::uint64_t received = 0; received < chunks;) {
    while (asked < std::min(chunks, received + kWindow) && dealer.send("next")) ++asked;
    net::poll(items, std::chrono::milliseconds(asked == received ? 1 : 1000));
    while (const auto frame = dealer.receive_frame()) {
      consume(frame->bytes());
      ++received;
      while (asked < std::min(chunks, received + kWindow) && dealer.send("next")) ++asked;
    }
  }
}

struct Bench {
  std::filesystem::path folder;
  std::uint64_t bytes;
  std::string content = std::string(64 * kChunk, '\0');
  Speeds bare, hashed, written, product, sealed, sealed_product;

  void fill() {
    std::mt19937_64 random(7);
    for (std::size_t i = 0; i + 8 <= content.size(); i += 8) {
      const std::uint64_t word = random();
      std::copy_n(reinterpret_cast<const char*>(&word), 8, content.data() + i);
    }
  }

  double stream(const std::function<void(std::string_view)>& consume,
                const Keys* keys = nullptr) const {
    const net::Context source;
    const net::Context sink;
    Cancel stop;
    std::string address;
    std::atomic<bool> bound{false};
    std::thread server([&] { serve_stream(source, content, keys, address, bound, stop); });
    while (!bound) std::this_thread::yield();
    const double speed = timed(bytes, [&] { take_stream(sink, address, keys, bytes, consume); });
    stop.request();
    server.join();
    return speed;
  }

  void references() {
    bare.all.push_back(stream([](std::string_view) {}));
    Hasher hasher;
    hashed.all.push_back(stream([&](std::string_view data) { hasher.update(data); }));
    (void)hasher.finish();
    const Keys keys;
    written.all.push_back(to_file(nullptr));
    sealed.all.push_back(to_file(&keys));
  }

  double to_file(const Keys* keys) const {
    Hasher hasher;
    const auto path = folder / "stream";
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const double speed = stream(
        [&](std::string_view data) {
          hasher.update(data);
          if (!write_all(file.get(), data, path)) die("cannot write");
        },
        keys);
    (void)hasher.finish();
    unlink(path.c_str());
    return speed;
  }

  Digest make_artifact(const ArtifactStore& store) const {
    const auto output = folder / "output";
    std::filesystem::create_directories(output);
    {
      const UniqueFd file(open((output / "model").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      for (std::uint64_t at = 0; at < bytes; at += kChunk) {
        const std::string_view piece(content.data() + at % content.size(), kChunk);
        if (!write_all(file.get(), piece, "model")) die("cannot write");
      }
    }
    const auto stored = store.capture(output);
    if (!stored) die(stored.error().to_string());
    std::filesystem::remove_all(output);
    return stored->artifact;
  }

  double transfer(const ArtifactStore& from, const Digest& artifact, const Keys* keys) const {
    const net::Context source;
    const net::Context sink;
    const std::string secret(protocol::kFetchSecretBytes, 's');
    BlobServerKeys locks;
    FetchOptions options;
    std::vector<protocol::FetchPass> passes;
    if (keys != nullptr) {
      locks = {keys->server.secret_key, secret};
      options.keys = keys->of_client();
      passes.push_back({keys->server.public_key,
                        protocol::make_fetch_pass(secret, {artifact, keys->client.public_key},
                                                  net::now().wall)});
    }
    const auto server = std::move(*BlobServer::start(source, from, "tcp://127.0.0.1:0", locks));
    const auto root = folder / "sink";
    double speed = 0;
    {
      const ArtifactStore to = *ArtifactStore::open(root);
      BlobFetcher fetcher(sink, to, options);
      const Cancel cancel;
      const std::vector<std::string> sources{server->address()};
      speed = timed(bytes, [&] {
        const auto fetched = fetcher.fetch_artifact(artifact, sources, cancel, {}, passes);
        if (!fetched) die(fetched.error().to_string());
      });
    }
    std::filesystem::remove_all(root);
    return speed;
  }
};

/// Of the rounds' ratios, as both halves of a round had the same neighbours.
double ratio(const Speeds& product, const Speeds& reference) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < reference.all.size(); ++i) {
    ratios.push_back(product.all[i] / reference.all[i]);
  }
  return Speeds{ratios}.median();
}

void report(const Bench& all, bool json) {
  struct Row {
    const char* name;
    const Speeds& speeds;
    const Speeds& product;
  };
  const std::vector<Row> rows{{"product", all.product, all.product},
                              {"bare", all.bare, all.product},
                              {"hashed", all.hashed, all.product},
                              {"hashed_written", all.written, all.product},
                              {"product_curve", all.sealed_product, all.sealed_product},
                              {"hashed_written_curve", all.sealed, all.sealed_product}};
  bench::Figures printed{"W9 transfer", all.bytes, "MB/s", all.product.all};
  for (const auto& [name, speeds, product] : rows) {
    if (&speeds != &all.product) {
      printed.extra[std::string(name) + "_runs"] = speeds.all;
      printed.extra[std::string("share_of_") + name] = ratio(product, speeds);
    }
    if (json) continue;
    std::printf("%-20s %6.0f MB/s (%.0f to %.0f), product at %.0f %%\n", name, speeds.median(),
                speeds.lowest(), speeds.highest(), 100 * ratio(product, speeds));
  }
  if (json) bench::print(printed);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the transfer of artifacts between workers.");
  Bench bench;
  bench.bytes = std::uint64_t{1} << 30;
  int rounds = 5;
  bool json = false;
  std::string folder = "bench-transfer";
  app.add_option("--bytes", bench.bytes, "rounded down to whole chunks")->capture_default_str();
  app.add_option("--rounds", rounds)->capture_default_str();
  app.add_option("--folder", folder, "is made, and removed at the end")->capture_default_str();
  app.add_flag("--json", json);
  CLI11_PARSE(app, argc, argv);
  bench.folder = std::filesystem::absolute(folder);
  bench.bytes -= bench.bytes % kChunk;
  if (bench.bytes == 0 || rounds < 1) die("--bytes and --rounds must be larger");
  std::filesystem::create_directories(bench.folder);
  bench.fill();
  const ArtifactStore store = *ArtifactStore::open(bench.folder / "source");
  const Digest artifact = bench.make_artifact(store);
  for (int i = 0; i < rounds; ++i) {
    bench.references();
    bench.product.all.push_back(bench.transfer(store, artifact, nullptr));
    const Keys keys;
    bench.sealed_product.all.push_back(bench.transfer(store, artifact, &keys));
  }
  report(bench, json);
  std::filesystem::remove_all(bench.folder);
  return 0;
}
