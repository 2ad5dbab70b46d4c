#include <deque>
#include <memory>
#include <queue>
#include <random>

#include "bench/figures.h"
#include "bench/load/simulated_worker.h"
#include "bench/load/workloads.h"
#include "bench/submissions.h"
#include "common/net/clock.h"

namespace landseer::bench {
namespace {

constexpr Duration kBeat = std::chrono::seconds(2);
constexpr Duration kWelcomeLimit = std::chrono::minutes(3);

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class Crowd {
 public:
  Crowd(const Cluster& cluster, std::size_t count) {
    const auto keys = worker_keys(cluster.keys_folder());
    for (std::size_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<SimulatedWorker>(
          context_, cluster.workers_address(), keys, unlike_worker(i, 1),
          [this](SimulatedWorker& worker, const protocol::Assign& assign) {
            for (const auto& attempt : assign.attempts) begin(worker, assign.epoch, attempt);
          }));
    }
    beats_.resize(count);
  }

  void await_welcome() {
    const Instant deadline = net::now().instant + kWelcomeLimit;
    for (std::size_t welcome = 0; welcome < workers_.size();) {
      if (net::now().instant > deadline) die("not all workers are welcome");
      welcome = 0;
      for (const auto& worker : workers_) {
        worker->turn();
        if (worker->is_welcome()) ++welcome;
      }
      net::poll({}, std::chrono::milliseconds(1));
    }
  }

  /// Heartbeats are spread over the interval; attempts last one to ten seconds.
  void live(Duration duration) {
    const Instant end = net::now().instant + duration;
    std::size_t next = 0;
    const Instant began = net::now().instant;
    std::uint64_t sent = 0;
    for (Instant now = began; now < end; now = net::now().instant) {
      const auto due = static_cast<std::uint64_t>(static_cast<double>(workers_.size()) *
                                                  milliseconds(now - began) / milliseconds(kBeat));
      for (; sent < due; ++sent, next = (next + 1) % workers_.size()) beat(next);
      for (std::size_t i = 0; i < workers_.size(); ++i) look(i);
      end_attempts(now);
      net::poll({}, std::chrono::milliseconds(1));
    }
  }

  const std::vector<double>& waits() const { return waits_; }
  std::size_t late() const { return late_; }
  std::size_t begun() const { return begun_; }
  std::size_t ended() const { return ended_; }

 private:
  struct Running {
    Instant until;
    SimulatedWorker* worker = nullptr;
    protocol::AttemptRef attempt;
    bool operator<(const Running& other) const { return until > other.until; }
  };
  struct Beat {
    std::uint64_t number = 0;  // of the last; 0: none is under way
    Instant sent;
  };

  void begin(SimulatedWorker& worker, std::uint64_t epoch, const protocol::Assignment& attempt) {
    const Duration lasts =
        std::chrono::milliseconds(std::uniform_int_distribution<int>(1000, 10'000)(random_));
    running_.push({net::now().instant + lasts, &worker, {epoch, attempt.task, attempt.attempt}});
    ++begun_;
  }

  void end_attempts(Instant now) {
    while (!running_.empty() && running_.top().until <= now) {
      running_.top().worker->send_results({running_.top().attempt});
      running_.pop();
      ++ended_;
    }
  }

  void beat(std::size_t i) {
    if (beats_[i].sent != Instant{}) ++late_;  // the one before was not answered in time
    beats_[i].sent = net::now().instant;
    workers_[i]->send_heartbeat(++beats_[i].number);
  }

  void look(std::size_t i) {
    workers_[i]->turn();
    if (beats_[i].sent == Instant{} || workers_[i]->answered() != beats_[i].number) return;
    waits_.push_back(milliseconds(net::now().instant - beats_[i].sent));
    beats_[i].sent = Instant{};
  }

  net::Context context_;
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
  std::vector<Beat> beats_;
  std::priority_queue<Running> running_;
  std::mt19937 random_{1};
  std::vector<double> waits_;
  std::size_t late_ = 0;
  std::size_t begun_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace

void measure_crowd(const LoadOptions& options) {
  Figures figures;
  figures.workload = "W7 crowd";
  figures.n = options.tasks != 0 ? options.tasks : 100'000;
  figures.unit = "ms, heartbeat's answer p99";
  std::vector<double> longest;
  std::size_t late = 0;
  std::size_t begun = 0;
  std::size_t ended = 0;
  for (int i = 0; i < options.runs; ++i) {
    // All of them have the one key of this host.
    Cluster cluster({options.folder, options.with_keys, {"--connections-per-key", "5000"}});
    cluster.start_broker();
    Crowd crowd(cluster, options.workers);
    crowd.await_welcome();
    client::Client client(cluster.client_options());
    const auto submitted = client.submit(unlike_tasks(figures.n, "crowd"));
    if (!submitted) die("submitting: " + submitted.error().to_string());
    crowd.live(std::chrono::seconds(options.seconds));
    figures.runs.push_back(quantile(crowd.waits(), 0.99));
    longest.push_back(quantile(crowd.waits(), 1));
    late += crowd.late();
    begun += crowd.begun();
    ended += crowd.ended();
  }
  figures.extra = {{"workers", options.workers},
                   {"longest_ms", quantile(longest, 1)},
                   {"late_heartbeats", late},
                   {"attempts_begun", begun},
                   {"attempts_ended", ended}};
  print(figures);
}

}  // namespace landseer::bench
