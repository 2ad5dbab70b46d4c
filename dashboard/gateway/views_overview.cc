#include <algorithm>
#include <nlohmann/json.hpp>

#include "dashboard/gateway/machines.h"
#include "dashboard/gateway/views.h"
#include "submitter/report/json_rows.h"
#include "submitter/report/utc_time.h"

namespace landseer::gateway {
namespace {

using protocol::PipelineState;

constexpr std::size_t kRecentShown = 10;
constexpr std::size_t kFailuresShown = 20;

bool is_over(const protocol::PipelineRow& row) {
  return row.state != PipelineState::kRunning && row.state != PipelineState::kPaused;
}

Json alarm(const char* code, const std::string& message) {
  return {{"code", code}, {"message", message}};
}

std::string count_text(double count) {
  std::string text = std::to_string(count);
  text.erase(text.find('.') + 2);
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

/// Ready tasks and free machines at once: somebody should look at `explain`.
Json alarms_json(const BrokerState& broker, const Machines& machines, std::uint64_t ready) {
  Json alarms = Json::array();
  if (!broker.connected) alarms.push_back(alarm("broker_away", "the broker does not answer"));
  if (broker.connected && machines.connected == 0) {
    alarms.push_back(alarm("no_worker", "no worker is connected"));
  }
  const std::string tasks = std::to_string(ready) + " tasks are ready";
  if (ready > 0 && machines.gpus_free_milli >= 1000) {
    alarms.push_back(
        alarm("idle_gpus",
              "free GPUs: " + count_text(static_cast<double>(machines.gpus_free_milli) / 1000) +
                  "; " + tasks));
  } else if (ready > 0 && machines.gpus == 0 && machines.cpus_free_milli >= 1000) {
    alarms.push_back(
        alarm("idle_cpus",
              "free CPUs: " + count_text(static_cast<double>(machines.cpus_free_milli) / 1000) +
                  "; " + tasks));
  }
  for (const std::string& name : machines.unfit) {
    alarms.push_back(alarm("worker_unfit", name + " gets no work; see the workers"));
  }
  if (machines.gpus_faulty > 0) {
    alarms.push_back(
        alarm("gpu_faulty", std::to_string(machines.gpus_faulty) + " GPUs are faulty"));
  }
  return alarms;
}

Json counts_json(const protocol::PipelineRow& sum) {
  return {{"total", sum.total},         {"pending", sum.pending}, {"running", sum.running},
          {"completed", sum.completed}, {"failed", sum.failed},   {"skipped", sum.skipped},
          {"cancelled", sum.cancelled}, {"cached", sum.cached}};
}

void add(protocol::PipelineRow& sum, const protocol::PipelineRow& row) {
  sum.total += row.total;
  sum.pending += row.pending;
  sum.running += row.running;
  sum.completed += row.completed;
  sum.failed += row.failed;
  sum.skipped += row.skipped;
  sum.cancelled += row.cancelled;
  sum.cached += row.cached;
  sum.ready += row.state == PipelineState::kPaused ? 0 : row.ready;
}

/// Best first: as the broker ranks them.
Json unfinished_json(const std::vector<protocol::PipelineRow>& rows) {
  std::vector<const protocol::PipelineRow*> sorted;
  for (const protocol::PipelineRow& row : rows) {
    if (!is_over(row)) sorted.push_back(&row);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->priority > b->priority; });
  Json list = Json::array();
  for (const auto* row : sorted) list.push_back(report::to_json(*row));
  return list;
}

Json recent_json(const std::vector<protocol::PipelineRow>& rows) {
  std::vector<const protocol::PipelineRow*> sorted;
  for (const protocol::PipelineRow& row : rows) {
    if (is_over(row)) sorted.push_back(&row);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->finished_at > b->finished_at; });
  if (sorted.size() > kRecentShown) sorted.resize(kRecentShown);
  Json list = Json::array();
  for (const auto* row : sorted) list.push_back(report::to_json(*row));
  return list;
}

Json states_json(const std::vector<protocol::PipelineRow>& rows) {
  Json object = Json::object();
  for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(protocol::kPipelineStateLast); ++i) {
    const auto state = static_cast<PipelineState>(i);
    object[std::string(to_string(state))] = std::count_if(
        rows.begin(), rows.end(), [state](const auto& row) { return row.state == state; });
  }
  return object;
}

void append(Json& to, const Json& from, std::size_t most) {
  for (const Json& item : from) {
    if (to.size() < most) to.push_back(item);
  }
}

}  // namespace

Json broker_json(const BrokerState& broker) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"connected", broker.connected},
          {"address", broker.address},
          {"version", or_null(broker.version)},
          {"last_heard_at", or_null(report::utc_time(broker.last_heard_at))},
          {"message", or_null(broker.message)}};
}

Json overview_view(const OverviewSource& source) {
  protocol::PipelineRow sum;
  for (const protocol::PipelineRow& row : source.rows) {
    if (!is_over(row)) add(sum, row);
  }
  const Machines machines = look_at(source.workers);
  Savings savings;
  Json failures = Json::array();
  Json waiting = Json::array();
  for (const PipelinePtr& pipeline : source.shown) {
    const std::lock_guard lock(pipeline->mutex);
    if (!pipeline->model.loaded()) continue;
    append(failures, failures_json(pipeline->model, kFailuresShown), kFailuresShown);
    if (is_over(pipeline->model.row())) continue;
    savings.add(pipeline->model);
    append(waiting, waiting_json(pipeline->model), 100);
  }
  return {{"broker", broker_json(source.broker)},
          {"pipelines", states_json(source.rows)},
          {"tasks", counts_json(sum)},
          {"ready", sum.ready},
          {"workers",
           {{"total", source.workers.size()},
            {"connected", machines.connected},
            {"cpus", static_cast<double>(machines.cpus_milli) / 1000},
            {"cpus_free", static_cast<double>(machines.cpus_free_milli) / 1000}}},
          {"gpus",
           {{"total", machines.gpus},
            {"free", static_cast<double>(machines.gpus_free_milli) / 1000},
            {"faulty", machines.gpus_faulty}}},
          {"savings", savings.json()},
          {"unfinished", unfinished_json(source.rows)},
          {"recent", recent_json(source.rows)},
          {"failures", std::move(failures)},
          {"waiting", std::move(waiting)},
          {"alarms", alarms_json(source.broker, machines, sum.ready)}};
}

}  // namespace landseer::gateway
