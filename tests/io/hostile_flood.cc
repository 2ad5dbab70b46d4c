/// Strangers without a key by the ten thousand, while one worker with a key connects again and
/// again. That one must be welcome soon, and the strangers must leave nothing behind: the broker's
/// state as it was, its memory bounded, its file descriptors free again. The broker is the real
/// program.
///
///   hostile_flood --connections 100000 --held 15000
///   hostile_flood --no-keys             strangers whose frames reach the decoder
///   hostile_flood --files 400           a broker that may not open so many files
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <iostream>
#include <thread>

#include "tests/io/broker_process.h"
#include "tests/io/hostile_bytes.h"
#include "tests/io/wire_peer.h"

namespace landseer {
namespace {

using namespace std::chrono_literals;

using test::kPatience;
constexpr double kWelcomeLimit = 2;  // seconds, of 99 in 100
/// libzmq's buffers for a connection take about 15 KiB.
constexpr std::size_t kGrowthMax = 128 * 1024 * 1024;
constexpr std::size_t kGrowthMaxEach = 16 * 1024;

[[noreturn]] void die(const std::string& what) {
  std::cerr << "hostile_flood: " << what << '\n';
  std::_Exit(1);
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// What the worker does with each of its connections.
class Worker {
 public:
  Worker(const test::BrokerProcess& broker, const std::optional<net::ClientKeys>& keys)
      : address_(broker.addresses[0]), keys_(keys) {}

  /// Connects, says Hello, and is gone; returns how long that took.
  Duration be_welcomed() {
    net::Dealer dealer(context_);
    if (keys_ && !dealer.secure(*keys_)) die("the key is not taken");
    const Instant began = net::now().instant;
    if (!dealer.connect(address_)) die("no such address");
    protocol::Hello hello;
    hello.uid = hello.name = "honest";
    hello.instance = 1;
    hello.cpus_milli = 1000;
    hello.memory_bytes = 1 << 30;
    hello.runtimes = {"process"};
    hello.data_address = "tcp://127.0.0.1:1";
    hello.number = ++hellos_;
    const std::string frame = protocol::encode(protocol::FromWorker(hello));
    while (!dealer.send(frame)) {
      if (net::now().instant - began > kPatience) die("the worker is not let in");
      net::poll({}, 1ms);
    }
    std::array<net::PollItem, 1> items{{{&dealer}}};
    for (;;) {
      net::poll(items, 1s);
      const auto answer = dealer.receive();
      const auto message = protocol::decode_to_worker(answer.value_or(""));
      if (message && std::holds_alternative<protocol::Welcome>(message->message)) break;
      if (answer) die("the worker is not welcome");
      if (net::now().instant - began > kPatience) die("the worker is not answered");
    }
    return net::now().instant - began;
  }

 private:
  std::string address_;
  std::optional<net::ClientKeys> keys_;
  net::Context context_;
  std::uint64_t hellos_ = 0;
};

/// So many connections, the last `held` of them open at once, as a rule half-open.
void flood(const std::vector<std::string>& addresses, std::size_t connections, std::size_t held,
           std::uint64_t seed) {
  test::Random random(seed);
  std::deque<UniqueFd> open;
  const Instant began = net::now().instant;
  for (std::size_t i = 0; i < connections;) {
    UniqueFd peer = test::connect_raw(addresses[random() % addresses.size()]);
    if (!peer) {  // the kernel, or the broker's queue, is full
      if (net::now().instant - began > 10 * kPatience) die("no more connections to be had");
      open.clear();
      continue;
    }
    test::send_raw(peer, test::hostile_bytes(random));
    ++i;
    if (held == 0 || random() % 4 == 0) continue;
    open.push_back(std::move(peer));
    if (open.size() > held) open.pop_front();
  }
}

struct Plan {
  std::size_t connections = 10'000;
  std::size_t held = 2'000;
  std::size_t files = 0;
  std::uint64_t seed = 1;
  bool no_keys = false;
};

/// How long each welcome took while the strangers came, the longest last.
std::vector<double> attack(const test::BrokerProcess& broker, Worker& worker, const Plan& plan) {
  std::atomic<bool> over = false;
  std::thread strangers([&] {
    flood(broker.addresses, plan.connections, plan.held, plan.seed);
    over = true;
  });
  std::vector<double> taken;
  while (!over) taken.push_back(seconds(worker.be_welcomed()));
  strangers.join();
  std::sort(taken.begin(), taken.end());
  return taken;
}

int run(const Plan& plan) {
  test::BrokerProcess broker(!plan.no_keys);
  broker.files_max = plan.files;
  std::optional<net::ClientKeys> keys;
  if (!plan.no_keys) keys = broker.add("honest", keys::Role::kWorker);
  broker.start();
  Worker worker(broker, keys);
  worker.be_welcomed();  // known from here on
  if (!broker.stop()) die("the broker did not stop well");
  const std::string before = broker.check();
  if (!before.starts_with("good: ")) die(before);
  broker.start();
  worker.be_welcomed();
  const std::size_t files = broker.open_files();
  const std::size_t resident = broker.resident_bytes();
  const Instant began = net::now().instant;
  const std::vector<double> taken = attack(broker, worker, plan);
  const double lasted = seconds(net::now().instant - began);
  if (!broker.running()) die("the broker is gone");
  const std::size_t grown = std::max(broker.resident_bytes(), resident) - resident;
  // A connection of the honest worker may still be there.
  if (!test::wait_until([&] { return broker.open_files() <= files + 1; })) die("files stay open");
  if (!broker.stop()) die("the broker did not stop well");
  const double p99 = taken[taken.size() * 99 / 100];
  std::cout << plan.connections << " strangers within " << lasted << " s, at most " << plan.held
            << " at once; " << taken.size() << " welcomes, p50 " << taken[taken.size() / 2]
            << " s, p99 " << p99 << " s, longest " << taken.back() << " s; memory grew by "
            << (grown >> 20) << " MiB\n";
  if (const std::string after = broker.check(); after != before) {
    die("the state changed: " + before + after);
  }
  if (grown > kGrowthMax + plan.held * kGrowthMaxEach) die("too much memory is used");
  return p99 <= kWelcomeLimit ? 0 : 1;
}

}  // namespace
}  // namespace landseer

int main(int argc, char** argv) {
  CLI::App app("Strangers without a key, by the ten thousand.");
  landseer::Plan plan;
  app.add_option("--connections", plan.connections)->capture_default_str();
  app.add_option("--held", plan.held, "open at once")->capture_default_str();
  app.add_option("--files", plan.files, "that the broker may have open; 0: as many as this");
  app.add_option("--seed", plan.seed)->capture_default_str();
  app.add_flag("--no-keys", plan.no_keys, "a broker without keys, too, must stay as it is");
  CLI11_PARSE(app, argc, argv);
  return landseer::run(plan);
}
