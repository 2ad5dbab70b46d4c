#include "dashboard/gateway/feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "dashboard/gateway/event_data.h"

namespace landseer::gateway {
namespace {

/// Between two looks at changes: short for a person, long enough to tell a burst as one.
constexpr Duration kPause = std::chrono::milliseconds(150);
constexpr std::uint32_t kWaitMs = 2000;
constexpr Duration kWorkersPause = std::chrono::seconds(2);
/// Listing workers costs the broker time for each of them: at most one part in so many.
constexpr int kWorkersShare = 100;
constexpr Duration kRetryPause = std::chrono::milliseconds(500);
/// Tasks asked about one by one between two looks at changes: those tried again within the pause.
constexpr std::size_t kMissedMax = 100;
/// Tasks whose results were used again: how many are asked about between two looks, and wait for
/// it at most; a large pipeline that is all in the cache is counted over some minutes.
constexpr std::size_t kSavedAtOnce = 20;
constexpr std::size_t kSavedMax = 50'000;
/// As many as the broker keeps: older ones are not told any more.
constexpr std::size_t kCountedMax = protocol::kKeptTasksMax;
/// A worker's clock may be behind ours by so much before what ended there counts as earlier.
constexpr std::int64_t kClockSlackMs = 60'000;

bool is_success(const protocol::AttemptRow& row) {
  return static_cast<protocol::Outcome>(row.outcome) == protocol::Outcome::kSucceeded;
}

/// Its time multiplied by its GPUs.
std::uint64_t gpu_ms(const protocol::AttemptRow& row) {
  if (row.started_at == 0 || row.finished_at < row.started_at) return 0;
  return static_cast<std::uint64_t>(row.finished_at - row.started_at) * row.gpus.size();
}

client::ClientOptions options_for(const BrokerAccess& broker, const Cancel& cancel) {
  client::ClientOptions options;
  options.broker = broker.address;
  options.keys = broker.keys;
  options.limits.connect = std::chrono::seconds(3);
  options.limits.reply = std::chrono::seconds(10);
  options.cancel = &cancel;
  return options;
}

}  // namespace

Feed::Feed(Model& model, EventLog& events, const BrokerAccess& broker)
    : model_(model),
      events_(events),
      client_(options_for(broker, cancel_)),
      started_ms_(net::now().wall.unix_ms - kClockSlackMs) {}

void Feed::stop() {
  cancel_.request();
  if (thread_.joinable()) thread_.join();
}

void Feed::start() {
  thread_ = std::thread([this] { run(); });
}

void Feed::run() {
  while (!cancel_.requested()) {
    const Error why = follow();
    if (cancel_.requested()) return;
    set_connected(false, why.message);
    static_cast<void>(client_.pause(kRetryPause));
  }
}

Error Feed::follow() {
  const auto welcome = client_.connect();
  broker_.address = client_.address();
  if (!welcome) return welcome.error();
  broker_.version = welcome->program_version;
  while (true) {
    if (auto stepped = step(); !stepped) return stepped.error();
    set_connected(true, "");
  }
}

/// The position first, then the lists: what changes between the two is told later.
Result<void> Feed::begin() {
  const auto changes = client_.changes({0, 0});
  if (!changes) return tl::make_unexpected(changes.error());
  auto rows = client_.pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  position_ = changes->position;
  model_.reset(std::move(*rows));
  if (has_begun_) counts_.resets += 1;
  publish_reset(has_begun_ ? "the broker started anew, or too much changed at once"
                           : "the broker is known from here on");
  has_begun_ = true;
  return look_at_workers();
}

Result<void> Feed::step() {
  if (position_ == 0) {
    if (auto begun = begin(); !begun) return begun;
  }
  const auto changes = client_.changes({position_, used_again_.empty() ? kWaitMs : 0});
  if (!changes) return tl::make_unexpected(changes.error());
  if (changes->reset) {
    position_ = 0;
    return {};
  }
  const bool is_all = changes->tasks.size() < protocol::kPageRowsMax;
  position_ = changes->position;
  take(*changes);
  if (auto counted = count_missed(); !counted) return counted;
  if (auto counted = count_saved(); !counted) return counted;
  if (net::now().instant >= workers_due_) {
    if (auto looked = look_at_workers(); !looked) return looked;
  }
  return is_all ? client_.pause(kPause) : Result<void>{};
}

Result<void> Feed::look_at_workers() {
  const Instant begun = net::now().instant;
  auto rows = client_.workers();
  if (!rows) return tl::make_unexpected(rows.error());
  const Instant ended = net::now().instant;
  counts_.answers.add(ended - begun);
  workers_due_ = ended + std::max(kWorkersPause, kWorkersShare * (ended - begun));
  const WorkerNews news = model_.set_workers(std::move(rows->rows));
  if (!news.empty()) events_.publish("workers", workers_data(news));
  return {};
}

void Feed::take(const protocol::ChangeList& changes) {
  const std::int64_t now_ms = net::now().wall.unix_ms;
  counts_.changes += changes.tasks.size();
  for (const protocol::TaskChange& change : changes.tasks) count(change);
  const auto applied = model_.apply(changes, now_ms);
  if (!changes.pipelines.empty() || !changes.forgotten.empty()) {
    events_.publish("pipelines", pipelines_data(changes.pipelines, changes.forgotten));
  }
  for (const AppliedChange& change : applied) {
    events_.publish("tasks", tasks_data(change), change.pipeline);
  }
}

/// A task may be told again after its attempt ended, and an attempt that was followed by another at
/// once is not told at all: each counts once.
void Feed::count(const protocol::TaskChange& change) {
  const std::uint64_t task = number(change.row.task);
  if (counted_.size() + hits_.size() >= kCountedMax) {
    counted_.clear();
    hits_.clear();
  }
  if (change.row.cached) {
    if (!hits_.insert(task).second) return;
    counts_.cache_hits += 1;
    const bool is_known = number(change.row.cached_from) != 0;
    if (is_known && used_again_.size() < kSavedMax) used_again_.push_back(change.row.cached_from);
    return;
  }
  const std::uint32_t last = change.last.attempt;
  const std::uint32_t counted = counted_[task];
  if (last > counted + 1 && missed_.size() < kMissedMax) {
    missed_.push_back(change.row.task);
  } else {
    count(change.row.task, change.last);
  }
}

void Feed::count(TaskId task, const protocol::AttemptRow& row) {
  std::uint32_t& counted = counted_[number(task)];
  if (row.outcome == 0 || row.attempt <= counted) return;
  counted = row.attempt;
  if (row.finished_at < started_ms_) return;  // before anybody counted
  counts_.attempts[std::min<std::size_t>(row.outcome, counts_.attempts.size() - 1)] += 1;
  (is_success(row) ? counts_.gpu_ms_succeeded : counts_.gpu_ms_lost) += gpu_ms(row);
}

Result<void> Feed::count_missed() {
  for (const TaskId task : std::exchange(missed_, {})) {
    const auto detail = client_.task(task);
    if (!detail && detail.error().code != ErrorCode::kNotFound) {
      return tl::make_unexpected(detail.error());
    }
    if (!detail) continue;  // forgotten meanwhile
    for (const protocol::AttemptRow& row : detail->attempts) count(task, row);
  }
  return {};
}

Result<void> Feed::count_saved() {
  for (std::size_t i = 0; i < kSavedAtOnce && !used_again_.empty(); ++i) {
    const auto detail = client_.task(used_again_.front());
    if (!detail && detail.error().code != ErrorCode::kNotFound) {
      return tl::make_unexpected(detail.error());
    }
    used_again_.pop_front();
    if (!detail || detail->attempts.empty()) continue;  // forgotten meanwhile
    const protocol::AttemptRow& row = detail->attempts.back();
    if (is_success(row)) counts_.gpu_ms_saved += gpu_ms(row);
  }
  return {};
}

void Feed::set_connected(bool connected, const std::string& message) {
  const bool changed = connected != broker_.connected;
  broker_.connected = connected;
  broker_.message = message;
  if (connected) broker_.last_heard_at = net::now().wall.unix_ms;
  model_.set_broker(broker_);
  if (!changed) return;
  if (connected) {
    spdlog::info("the broker at {} answers", broker_.address);
  } else {
    spdlog::warn("the broker at {} does not answer: {}", broker_.address, message);
  }
  events_.publish("broker", broker_data(connected));
}

void Feed::publish_reset(const std::string& reason) {
  events_.publish_with_position(
      "reset", [&](const std::string& position) { return reset_data(reason, position); });
}

}  // namespace landseer::gateway
