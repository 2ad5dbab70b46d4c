#include "tests/simulation/schedule.h"

#include <algorithm>

#include "broker/core/settings.h"
#include "tests/simulation/broker_host.h"
#include "tests/simulation/client.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using namespace std::chrono_literals;

World::World(const Plan& chosen, Kernel& running, const Switches& wrong)
    : plan(chosen), kernel(running), switches(wrong), workload(chosen) {
  Random& random = kernel.random;
  const auto drift = [&] { return random.between(-plan.drift_ppm_max, plan.drift_ppm_max); };
  network = std::make_unique<Network>(*this);
  model = std::make_unique<Model>(*this);
  broker = std::make_unique<BrokerHost>(*this, drift());
  for (std::uint32_t i = 0; i < plan.hosts; ++i) {
    hosts.push_back(std::make_unique<WorkerHost>(*this, i, drift()));
  }
  for (std::uint32_t i = 0; i < plan.clients; ++i) {
    clients.push_back(std::make_unique<Client>(*this, i));
  }
}

World::~World() = default;

namespace {

class Schedule {
 public:
  explicit Schedule(World& world) : world_(world), kernel_(world.kernel), faults_(world) {}

  void run() {
    begin();
    run_until(Instant{} + world_.plan.trouble);
    // Some could not be injected when they were due.
    const Instant limit = kernel_.now() + 300s;
    while (faults_.injected() < world_.plan.faults && kernel_.now() < limit) {
      run_until(kernel_.now() + 100ms);
    }
    heal();
    converge();
    come_to_rest();
  }
  std::uint32_t injected() const { return faults_.injected(); }

 private:
  void begin() {
    world_.broker->start();
    for (auto& host : world_.hosts) {
      kernel_.after(kernel_.random.uniform(0ms, 200ms), [&host = *host] { host.start_agent(); });
    }
    const auto count = static_cast<std::uint32_t>(world_.workload.submissions().size());
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool repeats = i >= world_.plan.submissions;  // soon, or when much is known already
      const Duration when = i == 0    ? Duration(10ms)
                            : repeats ? kernel_.random.log_uniform(10ms, world_.plan.trouble)
                                      : kernel_.random.uniform(10ms, world_.plan.trouble / 2);
      Client& client = *world_.clients[i % world_.clients.size()];
      kernel_.after(when, [&client, i] { client.submit(i); });
    }
    faults_.schedule_all();
    const std::int64_t moves = world_.plan.reuse.tags_move ? kernel_.random.between(2, 12) : 0;
    for (std::int64_t i = 0; i < moves; ++i) {
      WorkerHost& host = *kernel_.random.pick(world_.hosts);
      kernel_.after(kernel_.random.uniform(0ms, world_.plan.trouble),
                    [&host, &healed = world_.healed] {
                      if (!healed) host.move_tag();
                    });
    }
  }

  void run_until(Instant end) {
    bool over = false;
    kernel_.at(end, [&over] { over = true; });
    while (!over) kernel_.step();
  }

  void heal() {
    if (kernel_.tracing()) kernel_.say("everything is healed");
    world_.healed = true;
    world_.network->heal();
    world_.broker->heal();
    const auto& workers = world_.broker->core().state().workers;
    for (auto& host : world_.hosts) {
      const bool quarantined =
          std::any_of(workers.all().begin(), workers.all().end(), [&](const auto& entry) {
            return entry.second.offer.name == "host" + std::to_string(host->index()) &&
                   entry.second.host_failures >= broker::kHostFailuresMax;
          });
      host->heal(quarantined);
    }
    healed_at_ = kernel_.now();
    resume_now_and_then();
  }

  /// What was under way at the healing may still pause something.
  void resume_now_and_then() {
    for (auto& client : world_.clients) client->resume_all();
    kernel_.after(10s, [this] { resume_now_and_then(); });
  }

  /// The longest time in which nothing needs to become durable: a worker must be found lost or come
  /// back, a tool run until its time limit, a pause after a failure or a frozen machine end.
  Duration patience() const {
    broker::Settings settings;
    settings.lease = world_.plan.lease;
    return settings.loss() * 2 + broker::kExpiryFreezeMax + world_.plan.timeout * 2 +
           world_.plan.grace() + 60s;
  }

  void converge() {
    const Instant frozen_until = healed_at_ + 300s;  // what is suspended now goes on by itself
    while (!world_.model->all_over()) {
      kernel_.step();
      const Instant since = std::max({world_.model->last_progress(), healed_at_});
      if (kernel_.now() - since < patience() || kernel_.now() < frozen_until) continue;
      throw Violation("nothing happens any more, and these are not over: " +
                      world_.model->describe_open());
    }
  }

  void come_to_rest() {
    const Instant limit = kernel_.now() + patience() + 300s;
    const auto is_idle = [&] {
      return std::all_of(world_.hosts.begin(), world_.hosts.end(),
                         [](const auto& host) { return host->is_idle(); });
    };
    while (!is_idle()) {
      run_until(kernel_.now() + 100ms);
      if (kernel_.now() < limit) continue;
      for (const auto& host : world_.hosts) {
        if (host->is_idle()) continue;
        throw Violation("host " + std::to_string(host->index()) +
                        " does not come to rest: " + host->describe());
      }
    }
    for (auto& client : world_.clients) client->submit_all_again();
    while (std::any_of(world_.clients.begin(), world_.clients.end(),
                       [](const auto& client) { return client->is_waiting(); })) {
      run_until(kernel_.now() + 100ms);
      if (kernel_.now() > limit + 60s) throw Violation("a client gets no answer");
    }
    if (!world_.model->all_over()) {  // a late request to retry something
      converge();
      return come_to_rest();
    }
    world_.broker->core().check_invariants();
    world_.model->check_rest(world_.broker->core().state());
    world_.broker->check_replay();
  }

  World& world_;
  Kernel& kernel_;
  Faults faults_;
  Instant healed_at_{};
};

}  // namespace

ScheduleResult run_schedule(const ScheduleOptions& options) {
  Plan plan = make_plan(options.seed);
  if (options.wall_seed != 0) plan.wall_seed = options.wall_seed;
  Kernel kernel(options.seed, options.trace);
  ScheduleResult result;
  result.planned_faults = plan.faults;
  try {
    World world(plan, kernel, options.switches);
    world.inputs = options.inputs;
    kernel.counters.tasks = world.workload.tasks();
    Schedule schedule(world);
    try {
      schedule.run();
    } catch (const Violation& violation) {
      result.violation = violation.what();
    }
    result.injected_faults = schedule.injected();
  } catch (const Violation& violation) {
    result.violation = violation.what();
  }
  if (result.violation.empty() && result.injected_faults < result.planned_faults) {
    result.violation = "only " + std::to_string(result.injected_faults) + " faults of " +
                       std::to_string(result.planned_faults) + " were injected";
  }
  kernel.counters.schedules = 1;
  kernel.counters.virtual_ms = static_cast<std::uint64_t>(kernel.now().nanoseconds / 1'000'000);
  result.counters = kernel.counters;
  result.trace_hash = kernel.trace_hash();
  return result;
}

}  // namespace landseer::simulation
