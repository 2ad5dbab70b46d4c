#include "tests/simulation/broker_host.h"

#include <algorithm>

#include "broker/core/groups.h"
#include "broker/core/state_digest.h"
#include "broker/core/trace_step.h"
#include "common/protocol/codec.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"

namespace landseer::simulation {
namespace {

using namespace std::chrono_literals;
using broker::Broker;
using broker::PeerId;

constexpr std::uint64_t kFullCheckEvery = 64;
/// How long an armed crash waits for a turn with records.
constexpr Duration kArmedMax = 5s;

std::uint64_t session_of(const protocol::FromWorker& message) {
  return std::visit(
      [](const auto& m) -> std::uint64_t {
        if constexpr (requires { m.session; }) {
          return m.session;
        } else {
          return 0;
        }
      },
      message);
}

}  // namespace

BrokerHost::BrokerHost(World& world, std::int64_t drift_ppm)
    : world_(world),
      store_(world),
      clock_(Instant{world.kernel.random.between(1'000'000'000, 1'000'000'000'000)}, drift_ppm) {}

std::unique_ptr<Broker> BrokerHost::recovered(bool is_traced) {
  broker::Settings settings;
  settings.epoch = epoch_;
  settings.seed = epoch_;
  settings.lease = world_.plan.lease;
  settings.bulk_address = "bulk";
  // Some brokers build beside the loop, and some look for known results in the smallest slices.
  if (world_.plan.seed % 2 == 0) settings.built_inline_bytes_max = 0;
  if (world_.plan.seed % 3 == 0) settings.hit_looks_max = 1 + world_.plan.seed % 7;
  auto core = std::make_unique<Broker>(settings);
  if (is_traced && world_.inputs != nullptr) {
    core->trace_to([this](const broker::TraceStep& step) {
      broker::append_entry(*world_.inputs, broker::encode_step(step));
    });
  }
  store_.recover(*core, now(), world_.kernel.random.chance(0.5));
  return core;
}

void BrokerHost::start() {
  // Durable before anything else happens, as StateFolder::open does.
  if (!world_.switches.is("epoch_not_raised") || epoch_ == 0) ++epoch_;
  ++life_;
  core_ = recovered(true);
  if (!digest_before_.empty()) {
    if (state_digest(core_->state()) != digest_before_) {
      throw Violation("what was replayed differs from what was there");
    }
    ++world_.kernel.counters.recoveries;
  }
  core_->end_replay(now());
  digest_before_ = {};
  core_->check_invariants();
  world_.model->started_epoch(epoch_);
  world_.model->check_recovered(core_->state());
  world_.network->broker_started();
  world_.kernel.note(30, epoch_);
  if (world_.kernel.tracing()) world_.kernel.say("broker starts, epoch " + std::to_string(epoch_));
  wake_ = Instant{};
  paused_until_ = Instant{};
  wake_at(world_.kernel.now());
}

void BrokerHost::crash(CrashPoint point, Duration down) {
  down_ = down;
  armed_ = point;
  if (point == CrashPoint::kNow) return die();
  world_.kernel.after(kArmedMax, [this, life = life_] {
    if (life == life_ && armed_ && core_) die();
  });
}

void BrokerHost::die() {
  if (digest_before_.empty()) digest_before_ = state_digest(core_->state());
  if (world_.kernel.tracing()) world_.kernel.say("broker dies");
  world_.kernel.note(31, static_cast<int>(armed_.value_or(CrashPoint::kNow)));
  armed_.reset();
  core_.reset();
  inbox_.clear();
  builds_.clear();
  built_.clear();
  outbox_.clear();
  store_.crash();
  ++wakes_;
  world_.network->broker_died();
  world_.kernel.after(down_, [this, life = life_] {
    if (life == life_ && !core_) start();
  });
}

void BrokerHost::heal() {
  armed_.reset();
  if (!core_) start();
  if (paused_until_ > world_.kernel.now()) {
    paused_until_ = world_.kernel.now();
    wake_at(paused_until_);
  }
}

void BrokerHost::pause(Duration length) {
  paused_until_ = std::max(paused_until_, world_.kernel.now() + length);
}

void BrokerHost::receive(std::uint32_t host, broker::FromWorkerPeer event, bool replayed) {
  if (!core_) return;
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(host) + " to broker" +
                      (replayed ? " again: " : ": ") + protocol::describe(event.message));
  }
  world_.kernel.note(32, host, event.message.index(), session_of(event.message));
  inbox_.emplace_back(host, std::move(event));
  wake_at(world_.kernel.now());
}

void BrokerHost::receive(std::uint32_t client, broker::FromClientPeer event) {
  if (!core_) return;
  if (world_.kernel.tracing()) {
    world_.kernel.say("client " + std::to_string(client) +
                      " to broker: " + protocol::describe(event.message));
  }
  world_.kernel.note(33, client, event.message.index(), event.number);
  inbox_.emplace_back(client, std::move(event));
  wake_at(world_.kernel.now());
}

/// At most one turn is scheduled; an earlier one replaces a later one.
void BrokerHost::wake_at(Instant when) {
  when = std::max({when, world_.kernel.now(), paused_until_});
  if (wake_ != Instant{} && wake_ <= when) return;
  wake_ = when;
  world_.kernel.at(when, [this, number = ++wakes_] {
    if (number != wakes_ || !core_) return;
    wake_ = Instant{};
    if (world_.kernel.now() < paused_until_) return wake_at(paused_until_);
    turn();
  });
}

/// Tells the oracle of a sign of life. True for a message of a conversation that is over.
bool BrokerHost::observe(const broker::FromWorkerPeer& event) {
  auto& workers = const_cast<broker::WorkerTable&>(core_->state().workers);
  if (const auto* hello = std::get_if<protocol::Hello>(&event.message)) {
    const broker::WorkerRecord* worker = workers.find_uid(hello->uid);
    const bool is_old = worker != nullptr && worker->offer.instance == hello->instance &&
                        hello->number <= worker->offer.number;
    // With the name of another worker it is refused.
    const broker::WorkerRecord* namesake = workers.find_name(hello->name);
    const bool is_refused = namesake != nullptr && namesake->offer.uid != hello->uid &&
                            namesake->state == broker::WorkerState::kConnected;
    if (is_old || is_refused) return false;
    if (worker != nullptr) world_.model->heard(worker->id);
    world_.model->offered(hello->uid, hello->images, hello->datasets);
    return false;
  }
  const broker::WorkerRecord* worker = workers.find_peer(event.peer);
  if (worker == nullptr || worker->session != session_of(event.message)) return true;
  world_.model->heard(worker->id);
  if (const auto* offer = std::get_if<protocol::Offer>(&event.message)) {
    world_.model->offered(worker->offer.uid, offer->images, offer->datasets);
  }
  return false;
}

/// Of the results that were taken since, somebody has the artifacts, as far as the broker can know.
void BrokerHost::check_hits(std::size_t first) const {
  for (std::size_t i = first; i < outbox_.records.size(); ++i) {
    const auto* cached = std::get_if<broker::TasksCached>(&outbox_.records[i]);
    if (cached == nullptr) continue;
    for (const broker::TaskHit& hit : cached->tasks) {
      const auto found = *core_->state().pipelines.find_task(hit.task);
      if (Model::is_available(core_->state(), found.record->find_run(hit.task)->artifact)) continue;
      throw Violation(to_string(hit.task) + " takes the result of " + to_string(hit.from) +
                      ", which nobody has");
    }
  }
}

/// It may only be answered with Rehello.
void BrokerHost::check_stale(std::uint32_t host, std::size_t records, std::size_t mail) const {
  const bool changed = outbox_.records.size() != records;
  const bool answered =
      outbox_.to_workers.size() > mail &&
      !std::holds_alternative<protocol::Rehello>(outbox_.to_workers.back().message);
  if (!changed && !answered) return;
  throw Violation("a message of host " + std::to_string(host) +
                  " from a conversation that is over has effect");
}

void BrokerHost::turn() {
  ++world_.kernel.counters.steps;
  // Only while a crash is due, because it is expensive.
  if (armed_ && *armed_ <= CrashPoint::kBeforeSync) digest_before_ = state_digest(core_->state());
  const Now moment = now();
  for (auto& [from, event] : inbox_) {
    const auto* worker = std::get_if<broker::FromWorkerPeer>(&event);
    const bool is_stale = worker != nullptr && observe(*worker);
    const std::size_t records = outbox_.records.size();
    const std::size_t mail = outbox_.to_workers.size();
    core_->handle(event, moment, outbox_);
    check_hits(records);
    if (is_stale) check_stale(from, records, mail);
    const bool is_hello =
        worker != nullptr && std::holds_alternative<protocol::Hello>(worker->message);
    if (is_hello) world_.model->said_hello(from, outbox_.records.size());
    if (outbox_.to_workers.size() == mail) continue;
    // One that leaves is only told that others have it: it keeps what it has.
    const auto& all = core_->state().workers.all();
    const bool leaves = std::any_of(all.begin(), all.end(), [&](const auto& known) {
      return worker != nullptr && known.second.peer == worker->peer && known.second.leaving;
    });
    const auto* given = std::get_if<protocol::Release>(&outbox_.to_workers.back().message);
    if (given != nullptr && !leaves) {
      world_.model->said_release(outbox_.records.size(), given->artifacts);
    }
  }
  inbox_.clear();
  const std::size_t records = outbox_.records.size();
  take_built();
  core_->settle(moment, outbox_);
  check_hits(records);
  if (!flush()) return;
  digest_before_ = {};
  check_step();
  if (const auto deadline = core_->next_deadline(moment)) wake_at(clock_.when(*deadline));
  if (core_->snapshot_active()) wake_at(world_.kernel.now() + 1ms);
}

bool BrokerHost::dies_at(CrashPoint point) {
  if (armed_ != point) return false;
  die();
  return true;
}

/// Each takes its own time: the order is another than that of the submissions.
void BrokerHost::hand_out_builds() {
  for (broker::BuildRequest& request : outbox_.builds) {
    const std::uint64_t build_number = request.arrival.build;
    builds_.emplace(build_number, std::move(request));
    world_.kernel.after(world_.kernel.random.chance(0.5) ? 1ms : 300ms,
                        [this, build_number, life = life_] {
                          if (life != life_ || !core_) return;
                          built_.push_back(build(std::move(builds_.at(build_number))));
                          builds_.erase(build_number);
                          wake_at(world_.kernel.now());
                        });
  }
  outbox_.builds.clear();
  outbox_.discarded.clear();
}

void BrokerHost::take_built() {
  if (built_.empty() || !core_->has_room_for_built()) return;
  core_->take_built(std::move(built_.front()), now(), outbox_);
  built_.pop_front();
  if (!built_.empty()) wake_at(world_.kernel.now() + 1ms);
}

/// The order of broker/io/server.cc. False: the process died on the way.
bool BrokerHost::flush() {
  const bool has_records = !outbox_.records.empty();
  if (!world_.switches.is("blobs_not_kept")) {
    for (const broker::Blob& blob : outbox_.blobs) blobs_.insert(blob.digest);
  }
  if (world_.switches.is("send_before_sync") && has_records) {
    if (!send_mail(true)) return false;
  }
  if (has_records) {
    if (dies_at(CrashPoint::kBeforeAppend)) return false;
    store_.append(outbox_.records, core_->fingerprint());
    if (dies_at(CrashPoint::kBeforeSync)) return false;
    store_turn();
    digest_before_ = {};
    if (dies_at(CrashPoint::kAfterSync)) return false;
  } else if (core_->snapshot_active()) {
    store_turn();
  }
  return send_mail(has_records);
}

/// The end of Server::store_turn().
void BrokerHost::store_turn() {
  if (core_->snapshot_active()) {
    std::string part = core_->next_snapshot_part(64);
    store_.add_part(std::move(part), !core_->snapshot_active());
  }
  const bool forgets = world_.switches.is("sync_left_out") && turns_++ % 4 == 0;
  if (!forgets) store_.sync();
  if (!store_.wants_snapshot(core_->snapshot_active())) return;
  core_->begin_snapshot();
  store_.begin_snapshot();
}

bool BrokerHost::send_mail(bool may_die) {
  hand_out_builds();
  auto to_workers = std::move(outbox_.to_workers);
  auto to_clients = std::move(outbox_.to_clients);
  outbox_.to_workers.clear();
  outbox_.to_clients.clear();
  outbox_.blobs.clear();
  outbox_.notices.clear();
  for (const Digest& blob : outbox_.unneeded_blobs) blobs_.erase(blob);
  outbox_.unneeded_blobs.clear();
  std::size_t left = may_die && armed_ == CrashPoint::kWhileSending
                         ? world_.kernel.random.below(to_workers.size() + to_clients.size() + 1)
                         : ~std::size_t{0};
  const bool is_oracle_awake = !world_.switches.is("send_before_sync");
  for (broker::WorkerMail& mail : to_workers) {
    if (left-- == 0) return !dies_at(CrashPoint::kWhileSending);
    const auto host = static_cast<std::uint32_t>(static_cast<std::uint64_t>(mail.peer) % 64);
    if (is_oracle_awake) world_.model->told_worker(host, mail.message);
    if (world_.kernel.tracing()) {
      world_.kernel.say("broker to host " + std::to_string(host) + ": " +
                        protocol::describe(mail.message));
    }
    if (!world_.network->broker_to_worker(mail.peer, std::move(mail.message))) {
      if (world_.switches.is("unreachable_not_told")) continue;
      core_->handle(broker::WorkerUnreachable{mail.peer}, now(), outbox_);
    }
  }
  for (broker::ClientMail& mail : to_clients) {
    if (left-- == 0) return !dies_at(CrashPoint::kWhileSending);
    if (is_oracle_awake) world_.model->told_client(mail.message);
    static_cast<void>(
        world_.network->broker_to_client(mail.peer, mail.number, std::move(mail.message)));
  }
  if (left != 0 && may_die && armed_ == CrashPoint::kWhileSending) {
    return !dies_at(CrashPoint::kWhileSending);
  }
  return true;
}

void BrokerHost::check_step() {
  world_.model->check_touched(core_->state());
  if (world_.kernel.counters.steps % kFullCheckEvery != 0) return;
  core_->check_invariants();
  world_.model->check_all(core_->state());
}

void BrokerHost::check_replay() {
  auto copy = recovered(false);
  copy->end_replay(now());
  copy->check_invariants();
  if (state_digest(copy->state()) != state_digest(core_->state())) {
    throw Violation("what a restart would find differs from what is there");
  }
}

}  // namespace landseer::simulation
