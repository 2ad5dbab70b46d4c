/// Many workers with keys of their own lose their broker at once: it is killed and started again.
/// All must be back soon, and be believed: what they hold is not given to anybody else. The workers
/// are played by one thread; the broker is the real program.
///
///   reconnect_storm --workers 300       how long until all are back
///   reconnect_storm --beats 100000      heartbeats answered a second, with --no-keys for
///   comparison
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "tests/io/broker_process.h"

namespace landseer {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 200s;
constexpr Duration kBeat = 2s;

[[noreturn]] void die(const std::string& what) {
  std::cerr << "reconnect_storm: " << what << '\n';
  std::exit(1);
}

/// What a worker's agent does of it, as far as the broker can tell.
struct Worker {
  Worker(const net::Context& context, const std::string& address, const std::string& worker_name,
         const std::optional<net::ClientKeys>& keys)
      : name(worker_name), dealer(context) {
    if (keys && !dealer.secure(*keys)) die("a key is not taken");
    if (!dealer.connect(address)) die("no such address: " + address);
  }

  void say_hello() {
    protocol::Hello hello;
    hello.uid = hello.name = name;
    hello.instance = 1;
    hello.cpus_milli = 1000;
    hello.memory_bytes = 1 << 30;
    hello.runtimes = {"process"};
    hello.data_address = "tcp://127.0.0.1:1";
    hello.held = held;
    hello.number = ++hellos;
    unwelcome = !dealer.send(protocol::encode(protocol::FromWorker(hello)));
  }

  void take(const protocol::ToWorker& message) {
    if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
      session = welcome->session;
      epoch = welcome->epoch;
      for (const auto& verdict : welcome->verdicts) lost += verdict.keep ? 0 : 1;
    } else if (const auto* assign = std::get_if<protocol::Assign>(&message)) {
      for (const auto& work : assign->attempts) {
        held.push_back({assign->epoch, work.task, work.attempt});
      }
    } else if (std::holds_alternative<protocol::Rehello>(message)) {
      say_hello();
    } else if (std::holds_alternative<protocol::HeartbeatReply>(message)) {
      ++beats;
    } else if (const auto* refused = std::get_if<protocol::Refused>(&message)) {
      die(name + " is refused: " + refused->message);
    }
  }

  void receive() {
    while (const auto frame = dealer.receive()) {
      const auto message = protocol::decode_to_worker(*frame);
      if (!message) die("a message cannot be read");
      take(message->message);
    }
  }

  bool beat() {
    return dealer.send(protocol::encode(protocol::FromWorker(protocol::Heartbeat{session, 1})));
  }

  std::string name;
  net::Dealer dealer;
  bool unwelcome = true;  // Hello could not be sent yet
  std::uint64_t hellos = 0;
  std::uint64_t session = 0;
  std::uint64_t epoch = 0;
  std::uint64_t beats = 0;
  std::uint64_t lost = 0;
  std::vector<protocol::AttemptRef> held;
};

class Storm {
 public:
  Storm(std::size_t count, bool with_keys) : broker_(with_keys) {
    std::vector<std::optional<net::ClientKeys>> keys(count);
    if (with_keys) {
      for (std::size_t i = 0; i < count; ++i) keys[i] = broker_.add(name(i), keys::Role::kWorker);
      me_ = broker_.add("me", keys::Role::kSubmitter);
    }
    broker_.start();
    for (std::size_t i = 0; i < count; ++i) {
      workers_.push_back(
          std::make_unique<Worker>(context_, broker_.addresses[0], name(i), keys[i]));
    }
  }

  /// Seconds until all workers fulfil the condition.
  template <class Condition>
  double until_all(const std::string& what, Condition&& condition) {
    const Instant began = net::now().instant;
    Instant next_beat = began;
    for (std::size_t done = 0; done < workers_.size();) {
      const Instant now = net::now().instant;
      if (now - began > kPatience) {
        die(std::to_string(done) + " of " + std::to_string(workers_.size()) + " " + what);
      }
      const bool beat = now >= next_beat;
      if (beat) next_beat = now + kBeat;
      done = 0;
      for (const auto& worker : workers_) {
        worker->receive();
        if (worker->unwelcome) worker->say_hello();
        if (beat && worker->session != 0) static_cast<void>(worker->beat());
        if (condition(*worker)) ++done;
      }
      net::poll({}, 2ms);
    }
    return std::chrono::duration<double>(net::now().instant - began).count();
  }

  /// One task for each of them.
  void submit() {
    protocol::Submission s;
    s.submission_id = s.name = "storm";
    s.options.resize(1);
    s.tools.push_back({"tool", "image", "run", {}, false});
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      s.configs.push_back("{\"i\":" + std::to_string(i) + "}");
      protocol::TaskEntry task;
      task.config = i;
      s.tasks.push_back(task);
      s.workflows.push_back({"comb_" + std::to_string(i), {i}});
    }
    ask(protocol::SubmitChunk{s.submission_id, 0, true, protocol::encode_submission(s)});
  }

  protocol::ToClient ask(const protocol::FromClient& message) {
    net::Dealer dealer(context_);
    if (me_ && !dealer.secure(*me_)) die("the key is not taken");
    if (!dealer.connect(broker_.addresses[1])) die("no address for clients");
    while (!dealer.send(protocol::encode(message, 1))) net::poll({}, 2ms);
    std::array<net::PollItem, 1> items{{{&dealer}}};
    net::poll(items, kPatience);
    const auto frame = dealer.receive();
    const auto reply = protocol::decode_to_client(frame.value_or(""));
    if (!reply) die("no answer for the client");
    if (const auto* error = std::get_if<protocol::ErrorReply>(&reply->message)) die(error->message);
    return reply->message;
  }

  void crash() {
    broker_.kill();
    broker_.start();
  }

  std::uint64_t running() {
    const auto reply = ask(protocol::WatchPipeline{PipelineId{1}, 0, false});
    return std::get<protocol::PipelineStatus>(reply).row.running;
  }

  Worker& worker(std::size_t i) { return *workers_[i]; }
  std::size_t lost() const {
    std::size_t sum = 0;
    for (const auto& worker : workers_) sum += worker->lost;
    return sum;
  }

 private:
  static std::string name(std::size_t i) { return "w" + std::to_string(i); }

  test::BrokerProcess broker_;
  std::optional<net::ClientKeys> me_;
  net::Context context_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

int reconnect(std::size_t count, bool with_keys, double limit_s) {
  Storm storm(count, with_keys);
  const double first = storm.until_all("are welcome", [](Worker& w) { return w.session != 0; });
  storm.submit();
  storm.until_all("have work", [](Worker& w) { return !w.held.empty(); });
  const std::uint64_t epoch = storm.worker(0).epoch;
  storm.crash();
  const double back = storm.until_all("are back", [&](Worker& w) { return w.epoch > epoch; });
  const std::uint64_t running = storm.running();
  std::cout << count << " workers, " << (with_keys ? "with" : "without") << " keys: welcome after "
            << first << " s; after the crash all back within " << back << " s, " << storm.lost()
            << " attempts lost, " << running << " of " << count << " go on\n";
  return storm.lost() == 0 && running == count && back <= limit_s ? 0 : 1;
}

int beats(std::uint64_t wanted, bool with_keys) {
  constexpr std::uint64_t kWindow = 256;
  Storm storm(1, with_keys);
  storm.until_all("are welcome", [](Worker& w) { return w.session != 0; });
  Worker& worker = storm.worker(0);
  worker.beats = 0;
  const Instant began = net::now().instant;
  for (std::uint64_t sent = 0; worker.beats < wanted;) {
    while (sent < wanted && sent - worker.beats < kWindow && worker.beat()) ++sent;
    std::array<net::PollItem, 1> items{{{&worker.dealer}}};
    net::poll(items, 1s);
    worker.receive();
  }
  const double seconds = std::chrono::duration<double>(net::now().instant - began).count();
  std::cout << wanted << " heartbeats " << (with_keys ? "with" : "without")
            << " keys: " << static_cast<std::uint64_t>(static_cast<double>(wanted) / seconds)
            << " a second\n";
  return 0;
}

}  // namespace
}  // namespace landseer

int main(int argc, char** argv) {
  CLI::App app("Many workers with keys lose their broker at once.");
  std::size_t workers = 60;
  std::uint64_t beats = 0;
  double limit = 200;
  bool no_keys = false;
  app.add_option("--workers", workers)->capture_default_str();
  app.add_option("--limit", limit, "seconds in which all must be back")->capture_default_str();
  app.add_option("--beats", beats, "measure heartbeats instead");
  app.add_flag("--no-keys", no_keys);
  CLI11_PARSE(app, argc, argv);
  return beats > 0 ? landseer::beats(beats, !no_keys)
                   : landseer::reconnect(workers, !no_keys, limit);
}
