#include "dashboard/gateway/metrics.h"

#include <algorithm>
#include <array>
#include <map>

#include "common/domain/types.h"
#include "dashboard/gateway/machines.h"
#include "dashboard/gateway/metric_families.h"
#include "landseer_version.h"

namespace landseer::gateway {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

void add_pipelines(Families& families, const std::vector<protocol::PipelineRow>& rows) {
  std::array<std::uint64_t, 6> tasks{};
  std::array<std::uint64_t, 6> pipelines{};
  std::uint64_t ready = 0;
  for (const protocol::PipelineRow& row : rows) {
    const std::array<std::uint64_t, 6> counts{row.pending, row.running, row.completed,
                                              row.failed,  row.skipped, row.cancelled};
    for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i] += counts[i];
    ++pipelines.at(static_cast<std::size_t>(row.state));
    ready += row.state == protocol::PipelineState::kPaused ? 0 : row.ready;
  }
  MetricFamily& by_state = families.add(MetricType::Gauge, "landseer_tasks",
                                        "Tasks of the pipelines that are known, by state");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto status = static_cast<domain::TaskStatus>(i + 1);
    Families::sample(by_state, "state", to_string(status), number(tasks[i]));
  }
  families.gauge("landseer_ready_tasks", "Tasks that could run now", number(ready));
  MetricFamily& states =
      families.add(MetricType::Gauge, "landseer_pipelines", "Pipelines that are known, by state");
  for (std::size_t i = 1; i < pipelines.size(); ++i) {
    const auto state = static_cast<protocol::PipelineState>(i);
    Families::sample(states, "state", to_string(state), number(pipelines[i]));
  }
}

void add_amount(Families& families, const std::string& name, const std::string& help,
                std::uint64_t all, std::uint64_t free, double unit) {
  free = std::min(all, free);
  MetricFamily& family = families.add(MetricType::Gauge, name, help);
  Families::sample(family, "state", "free", number(free) / unit);
  Families::sample(family, "state", "busy", number(all - free) / unit);
}

/// Of the workers that may run something: what they have together, and the longest silence.
void add_hosts(Families& families, const std::vector<protocol::WorkerRow>& rows,
               std::int64_t heard_at) {
  std::uint64_t memory = 0;
  std::uint64_t memory_free = 0;
  std::uint64_t scratch = 0;
  std::uint64_t scratch_free = 0;
  std::int64_t longest_ms = 0;
  for (const protocol::WorkerRow& row : rows) {
    if (row.state == "lost" || row.state == "left") continue;
    longest_ms = std::max(longest_ms, heard_at - row.last_seen_at);
    if (row.state == "silent") continue;
    memory += row.memory_bytes;
    memory_free += row.memory_free_bytes;
    scratch += row.scratch_bytes;
    scratch_free += row.scratch_free_bytes;
  }
  add_amount(families, "landseer_memory_bytes", "Memory that the workers here offer", memory,
             memory_free, 1);
  add_amount(families, "landseer_scratch_bytes",
             "Room in the scratch folders of the workers here: free, or promised to tasks", scratch,
             scratch_free, 1);
  families.gauge("landseer_workers_longest_silent_seconds",
                 "Since the broker heard the worker that has been silent longest, lost ones aside",
                 static_cast<double>(longest_ms) / 1000);
}

void add_workers(Families& families, const std::vector<protocol::WorkerRow>& rows) {
  std::map<std::string, std::uint64_t> workers;
  for (const char* state : {"connected", "silent", "lost", "left", "quarantined", "unfit"}) {
    workers[state] = 0;
  }
  std::uint64_t fetched = 0;
  for (const protocol::WorkerRow& row : rows) {
    ++workers[row.state];
    fetched += row.bytes_fetched;
  }
  const Machines machines = look_at(rows);
  MetricFamily& by_state = families.add(MetricType::Gauge, "landseer_workers", "Workers by state");
  for (const auto& [state, count] : workers) {
    Families::sample(by_state, "state", state, number(count));
  }
  const double gpus_free = number(machines.gpus_free_milli) / 1000;
  const double gpus_faulty = number(machines.gpus_faulty);
  MetricFamily& gpus = families.add(MetricType::Gauge, "landseer_gpus",
                                    "GPUs of the connected workers, shared ones by their parts");
  Families::sample(gpus, "state", "free", gpus_free);
  Families::sample(gpus, "state", "faulty", gpus_faulty);
  Families::sample(gpus, "state", "busy", number(machines.gpus) - gpus_faulty - gpus_free);
  add_amount(families, "landseer_cpus", "CPUs that the connected workers offer",
             machines.cpus_milli, machines.cpus_free_milli, 1000);
  families.counter("landseer_artifact_bytes_fetched_total",
                   "Bytes of artifacts that workers got from each other", number(fetched));
}

void add_feed(Families& families, const FeedCounts& feed) {
  MetricFamily& attempts =
      families.add(MetricType::Counter, "landseer_attempts_total",
                   "Attempts that ended since the gateway started, by outcome");
  for (std::size_t i = 1; i < feed.attempts.size(); ++i) {
    Families::sample(attempts, "outcome", to_string(static_cast<protocol::Outcome>(i)),
                     number(feed.attempts[i]));
  }
  families.counter("landseer_cache_hits_total",
                   "Tasks that needed no attempt, since the gateway started",
                   number(feed.cache_hits));
  MetricFamily& gpu_time =
      families.add(MetricType::Counter, "landseer_gpu_seconds_total",
                   "Time of ended attempts multiplied by their GPUs, since the gateway started");
  Families::sample(gpu_time, "use", "succeeded", number(feed.gpu_ms_succeeded) / 1000);
  Families::sample(gpu_time, "use", "lost", number(feed.gpu_ms_lost) / 1000);
  families.counter("landseer_gpu_seconds_saved_total",
                   "GPU time of the attempts whose results were used again, as far as the broker "
                   "still knows them, since the gateway started",
                   number(feed.gpu_ms_saved) / 1000);
  families.histogram("landseer_broker_answer_seconds",
                     "How long the broker took to answer the gateway's request for its workers",
                     feed.answers);
  families.counter("landseer_task_changes_total", "Changes of tasks that the broker told",
                   number(feed.changes));
  families.counter("landseer_feed_resets_total", "Times when everything had to be listed anew",
                   number(feed.resets));
}

void add_server(Families& families, const MetricSources& sources) {
  MetricFamily& requests = families.add(MetricType::Counter, "landseer_http_requests_total",
                                        "Requests by what became of them");
  const HttpCounts& http = sources.http;
  Families::sample(requests, "outcome", "answered", number(http.answered));
  Families::sample(requests, "outcome", "refused", number(http.refused));
  Families::sample(requests, "outcome", "failed", number(http.failed));
  Families::sample(requests, "outcome", "malformed", number(http.malformed));
  families.gauge("landseer_http_connections", "Connections that are open",
                 number(http.connections));
  families.gauge("landseer_event_streams", "Event streams that are open", number(http.streams));
  families.counter("landseer_event_streams_dropped_total",
                   "Event streams closed because their client did not read",
                   number(http.dropped_streams));
  families.counter("landseer_events_total", "Events published", number(sources.events.published()));
  families.gauge("landseer_event_log_bytes", "Kept for streams that come back",
                 number(sources.events.bytes()));
}

}  // namespace

std::string metrics_text(const MetricSources& sources, std::int64_t now_ms) {
  Families families;
  const BrokerState broker = sources.model.broker();
  families.gauge("landseer_broker_up", "Whether the broker answers", broker.connected ? 1 : 0);
  const std::int64_t silent_ms = broker.last_heard_at == 0 ? 0 : now_ms - broker.last_heard_at;
  families.gauge("landseer_broker_silent_seconds", "Since the broker was heard last",
                 static_cast<double>(silent_ms) / 1000);
  add_pipelines(families, sources.model.rows());
  add_workers(families, sources.model.workers());
  add_hosts(families, sources.model.workers(), broker.last_heard_at);
  add_feed(families, sources.feed);
  add_server(families, sources);
  Families::sample(
      families.add(MetricType::Gauge, "landseer_build_info", "Always 1, with the versions"),
      {{"version", kProgramVersion}, {"commit", kGitCommit}, {"broker_version", broker.version}},
      1);
  return families.text();
}

}  // namespace landseer::gateway
