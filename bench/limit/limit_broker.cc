#include <unistd.h>

#include <algorithm>

#include "bench/limit/limit.h"
#include "broker/core/groups.h"
#include "broker/core/records.h"
#include "broker/io/store_format.h"
#include "common/base/check.h"
#include "common/net/clock.h"
#include "common/net/doorkeeper.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::bench {
namespace {

/// As many no-op tasks as the broker has under way with one worker.
constexpr std::size_t kWindow = 2048;
constexpr int kDrainMax = 1024;

class LimitBroker {
 public:
  explicit LimitBroker(const LimitSetup& setup)
      : setup_(setup), workers_(context_), clients_(context_) {
    if (setup.with_keys) {
      keeper_ = std::move(*net::Doorkeeper::start(
          context_, [](const std::string&, const std::string&) { return "peer"; }));
      CHECK(workers_.secure({"workers", setup.server.secret_key}), "keys are good");
      CHECK(clients_.secure({"clients", setup.server.secret_key}), "keys are good");
    }
    database_ = std::move(*broker::open_store_database(setup.folder + "/limit.sqlite", false));
    row_ = std::move(*database_->prepare("INSERT INTO journal VALUES(?1, ?2, ?3)"));
    body_row_ = std::move(*database_->prepare("INSERT INTO submissions VALUES(1, ?1, ?2)"));
  }

  std::string bind() {
    return *workers_.bind("tcp://127.0.0.1:0") + " " + *clients_.bind("tcp://127.0.0.1:0") + "\n";
  }

  void serve() {
    while (!told_) {
      std::array<net::PollItem, 2> items{{{&workers_}, {&clients_}}};
      net::poll(items, Duration(-1));
      receive();
      assign();
      commit();
      send();
    }
  }

 private:
  void receive() {
    for (int i = 0; i < kDrainMax; ++i) {
      const auto received = workers_.receive();
      if (!received) break;
      worker_ = received->peer;
      const auto decoded = protocol::decode_from_worker(received->frame);
      if (const auto* results = std::get_if<protocol::Results>(&decoded->message)) take(*results);
    }
    for (int i = 0; i < kDrainMax; ++i) {
      const auto received = clients_.receive();
      if (!received) break;
      client_ = received->peer;
      const auto decoded = protocol::decode_from_client(received->frame);
      take(std::get<protocol::SubmitChunk>(decoded->message));
    }
  }

  void take(const protocol::SubmitChunk& chunk) {
    body_ += chunk.data;
    if (!chunk.last) return;
    submission_ = *protocol::decode_submission(body_);
    next_ = 0;
  }

  void take(const protocol::Results& results) {
    protocol::ResultsAck ack;
    for (const auto& result : results.results) {
      broker::AttemptEnded ended;
      ended.result = result;
      ended.decision = broker::Decision::kComplete;
      ended.at = result.finished_at;
      ended.device = "cpu";
      broker::append_entry(group_, broker::encode_record(ended));
      ack.attempts.push_back({1, result.task, result.attempt});
    }
    under_way_ -= results.results.size();
    done_ += results.results.size();
    acks_.push_back(std::move(ack));
  }

  void assign() {
    const std::size_t all = submission_.tasks.size();
    while (!worker_.empty() && next_ < all && under_way_ < kWindow) {
      protocol::Assign message;
      message.session = message.epoch = 1;
      const std::size_t count =
          std::min({all - next_, kWindow - under_way_, std::size_t{protocol::kBatchMax}});
      for (const auto& tool : submission_.tools) {
        protocol::WorkSpec spec;
        spec.tool = tool.name;
        spec.image = tool.image;
        spec.command = tool.command;
        spec.runtime = *tool.runtime;
        message.specs.push_back(std::move(spec));
      }
      for (std::size_t i = 0; i < count; ++i, ++next_) {
        const auto& task = submission_.tasks[next_];
        message.attempts.push_back({TaskId{next_ + 1},
                                    1,
                                    PipelineId{1},
                                    task.tool,
                                    submission_.configs[task.config],
                                    {},
                                    {}});
        broker::append_entry(group_, broker::encode_record(broker::AttemptAssigned{
                                         {1, TaskId{next_ + 1}, 1}, WorkerId{1}, 1}));
      }
      under_way_ += count;
      assigns_.push_back(std::move(message));
    }
  }

  void commit() {
    if (group_.empty() && stored_ == body_.size()) return;
    CHECK(database_->execute("BEGIN IMMEDIATE"), "the disk works");
    constexpr std::size_t kPart = 1 << 20;
    for (; stored_ < body_.size() && !submission_.tasks.empty(); stored_ += kPart) {
      body_row_.bind(1, static_cast<std::int64_t>(stored_ / kPart));
      body_row_.bind_blob(2, std::string_view(body_).substr(stored_, kPart));
      CHECK(body_row_.run(), "the disk works");
    }
    stored_ = std::min(stored_, body_.size());
    if (!group_.empty()) {
      chain_ = broker::chain_journal(chain_, ++position_, group_);
      const std::string hex = chain_.hex();
      row_.bind(1, static_cast<std::int64_t>(position_)).bind_blob(2, hex).bind_blob(3, group_);
      CHECK(row_.run(), "the disk works");
      group_.clear();
    }
    CHECK(database_->execute("COMMIT"), "the disk works");
  }

  void send() {
    for (const auto& ack : acks_) workers_.send(worker_, protocol::encode(protocol::ToWorker(ack)));
    for (const auto& message : assigns_) {
      workers_.send(worker_, protocol::encode(protocol::ToWorker(message)));
    }
    acks_.clear();
    assigns_.clear();
    if (submission_.tasks.empty() || done_ < submission_.tasks.size()) return;
    protocol::Submitted submitted;
    submitted.tasks = done_;
    told_ = clients_.send(client_, protocol::encode(protocol::ToClient(submitted), 1));
  }

  LimitSetup setup_;
  net::Context context_;
  std::unique_ptr<net::Doorkeeper> keeper_;
  net::Router workers_;
  net::Router clients_;
  std::unique_ptr<broker::Database> database_;
  broker::Statement row_;
  broker::Statement body_row_;
  std::string worker_;
  std::string client_;
  std::string body_;
  std::size_t stored_ = 0;
  protocol::Submission submission_;
  std::size_t next_ = 0;
  std::size_t under_way_ = 0;
  std::size_t done_ = 0;
  std::string group_;
  Digest chain_;
  std::uint64_t position_ = 0;
  std::vector<protocol::ResultsAck> acks_;
  std::vector<protocol::Assign> assigns_;
  bool told_ = false;
};

}  // namespace

void serve_limit(const LimitSetup& setup, int addresses) {
  LimitBroker broker(setup);
  const std::string line = broker.bind();
  CHECK(write(addresses, line.data(), line.size()) == static_cast<ssize_t>(line.size()),
        "a pipe takes a line");
  broker.serve();
  net::poll({}, std::chrono::milliseconds(200));  // the last message leaves
}

}  // namespace landseer::bench
