#include "dashboard/gateway/api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/net/clock.h"
#include "dashboard/gateway/compress.h"
#include "dashboard/gateway/expected_times.h"
#include "dashboard/gateway/log_view.h"
#include "dashboard/gateway/views.h"
#include "landseer_version.h"
#include "submitter/report/interactions.h"
#include "submitter/report/json_rows.h"
#include "submitter/report/result_rows.h"
#include "submitter/report/utc_time.h"

namespace landseer::gateway {
namespace {

constexpr std::size_t kAnswerThreads = 3;
constexpr std::size_t kLogThreads = 4;
constexpr std::size_t kControlThreads = 2;
constexpr std::size_t kQueueMax = 200;
constexpr std::size_t kPageMax = 1000;
/// Pipelines whose failures and waiting tasks the front page shows.
constexpr std::size_t kShownMax = 6;

Response json_response(const Json& json) {
  return text_response(200, "application/json", report::dump(json));
}

Response bad(const std::string& message, const std::string& where, const std::string& hint = "") {
  return error_response(Error{ErrorCode::kInvalid, message, where, hint});
}

Response no_path(const Request& request) {
  return error_response(
      Error{ErrorCode::kNotFound, "there is no such path", request.path, "see docs/openapi.yaml"});
}

/// The parts behind `/api/v1/`.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::string_view rest = std::string_view(path).substr(std::string_view("/api/v1/").size());
  while (true) {
    const auto slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    rest.remove_prefix(slash + 1);
  }
}

Result<std::size_t> number_of(const Request& request, const std::string& name, std::size_t fallback,
                              std::size_t min, std::size_t max) {
  const std::string text = request.query_or(name, std::to_string(fallback));
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return fail(ErrorCode::kInvalid, "'" + text + "' is not a number that fits", name,
                "from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

Result<Page> page_of(const Request& request) {
  const auto offset = number_of(request, "offset", 0, 0, 1'000'000'000);
  if (!offset) return tl::make_unexpected(offset.error());
  const auto limit = number_of(request, "limit", 100, 1, kPageMax);
  if (!limit) return tl::make_unexpected(limit.error());
  return Page{*offset, *limit};
}

Result<std::vector<domain::TaskStatus>> statuses_of(std::string text) {
  std::vector<domain::TaskStatus> statuses;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string word = text.substr(0, comma);
    const auto status = domain::parse_task_status(word);
    if (!status) return fail(ErrorCode::kInvalid, "'" + word + "' is no status", "status");
    statuses.push_back(*status);
    text = comma == std::string::npos ? "" : text.substr(comma + 1);
  }
  return statuses;
}

Result<TaskQuery> task_query(const Request& request) {
  TaskQuery query;
  const auto page = page_of(request);
  if (!page) return tl::make_unexpected(page.error());
  query.page = *page;
  auto statuses = statuses_of(request.query_or("status", ""));
  if (!statuses) return tl::make_unexpected(statuses.error());
  query.statuses = std::move(*statuses);
  if (const std::string type = request.query_or("type", ""); !type.empty()) {
    query.type = domain::parse_task_type(type);
    if (!query.type) return fail(ErrorCode::kInvalid, "'" + type + "' is no type", "type");
  }
  if (const std::string workflow = request.query_or("workflow", ""); !workflow.empty()) {
    query.workflow = parse_id<WorkflowId>(workflow);
    if (!query.workflow) {
      return fail(ErrorCode::kInvalid, "'" + workflow + "' is no workflow", "workflow");
    }
  }
  query.tool = request.query_or("tool", "");
  query.search = request.query_or("search", "").substr(0, 200);
  query.sort = request.query_or("sort", "");
  return query;
}

std::optional<protocol::PipelineState> parse_state(const std::string& text) {
  for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(protocol::kPipelineStateLast); ++i) {
    const auto state = static_cast<protocol::PipelineState>(i);
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

/// Why nothing moves; the broker's last word if it cannot be asked now.
std::vector<std::string> notices_of(client::Client& client, SharedPipeline& pipeline,
                                    PipelineId id) {
  const auto status = client.status(id);
  const std::lock_guard lock(pipeline.mutex);
  if (status) pipeline.notices = status->notices;
  return pipeline.notices;
}

report::Results results_of(const PipelineModel& model) {
  std::vector<protocol::WorkflowRow> workflows;
  for (std::size_t i = 0; i < model.workflows().size(); ++i) {
    workflows.push_back(model.workflow_now(i));
  }
  return report::join_results(model.row(), workflows, model.tasks());
}

Response interactions(const PipelineModel& model, const std::string& metric) {
  const auto found = report::find_interactions(results_of(model), metric);
  return found ? json_response(report::to_json(*found)) : error_response(found.error());
}

/// `what` of a loaded pipeline whose lock is held. Empty: there is no such thing.
std::optional<Response> view_of(const PipelineModel& model, const std::string& what,
                                const Request& request) {
  if (what == "tasks") {
    const auto query = task_query(request);
    if (!query) return error_response(query.error());
    return json_response(tasks_view(model, *query));
  }
  if (what == "workflows") {
    const auto page = page_of(request);
    if (!page) return error_response(page.error());
    return json_response(workflows_view(model, *page));
  }
  if (what == "graph") {
    const std::string view = request.query_or("view", "groups");
    if (view == "groups") return json_response(group_graph_view(model));
    if (view == "tasks") return json_response(task_graph_view(model));
    return bad("there is no such view: " + view, "view", "groups or tasks");
  }
  if (what == "timeline") return json_response(timeline_view(model, net::now().wall.unix_ms));
  if (what == "results") return json_response(report::to_json(results_of(model), false));
  if (what == "interactions") return interactions(model, request.query_or("metric", ""));
  return std::nullopt;
}

Response busy() {
  return error_response(
      503, "unavailable",
      Error{ErrorCode::kUnavailable, "too much is asked for at once", "", "ask again in a second"});
}

}  // namespace

Api::Api(Model& model, Actions& actions, const BrokerAccess& broker, std::string instance)
    : model_(model),
      actions_(actions),
      instance_(std::move(instance)),
      logs_(broker.address, broker.keys, kLogThreads, kQueueMax),
      answers_(broker.address, broker.keys, kAnswerThreads, kQueueMax),
      control_(broker.address, broker.control_keys, kControlThreads, kQueueMax) {}

void Api::answer(Request request, const Session& session, Reply reply) {
  const bool is_log = request.path.ends_with("/log");
  BrokerPool& pool = request.method == "POST" ? control_ : is_log ? logs_ : answers_;
  auto job = [this, request = std::move(request), session, reply](client::Client& client) {
    reply(compressed(request, answer_now(client, request, session)));
  };
  if (!pool.post(std::move(job))) reply(busy());
}

void Api::stop() {
  logs_.stop();
  answers_.stop();
  control_.stop();
}

Response Api::answer_now(client::Client& client, const Request& request, const Session& session) {
  const std::vector<std::string> parts = parts_of(request.path);
  if (request.method == "POST") return act(client, request, session, parts);
  return answer_get(client, request, session);
}

Response Api::act(client::Client& client, const Request& request, const Session& session,
                  const std::vector<std::string>& parts) {
  if (parts.size() != 3) return no_path(request);
  return actions_.act(client, request, session, {parts[0], parts[1], parts[2]});
}

Response Api::answer_get(client::Client& client, const Request& request, const Session& session) {
  const std::vector<std::string> parts = parts_of(request.path);
  const std::string& what = parts[0];
  if (what == "pipelines" && parts.size() >= 2) return pipeline(client, request, parts);
  if (what == "tasks" && parts.size() >= 2) return task(client, request, session, parts);
  if (what == "workers" && parts.size() == 2) return worker(parts[1]);
  if (parts.size() != 1) return no_path(request);
  const std::uint64_t version = model_.version();
  if (what == "pipelines") {
    const auto page = page_of(request);
    if (!page) return error_response(page.error());
    const std::string text = request.query_or("state", "");
    const auto state = parse_state(text);
    if (!text.empty() && !state) return bad("there is no such state: " + text, "state");
    return tagged(request, json_response(pipelines_view(model_.rows(), state, *page)), version,
                  "p");
  }
  if (what == "workers") {
    Json list = Json::array();
    for (const auto& row : model_.workers()) list.push_back(report::to_json(row));
    return json_response({{"workers", std::move(list)}});
  }
  if (what == "session") return this->session(session);
  if (what == "overview") {
    return brief_.get(what, net::now().wall.unix_ms, [&] { return overview(client); });
  }
  if (what == "gpus") return json_response(gpus_view(model_.workers(), model_.pipelines()));
  return no_path(request);
}

Response Api::session(const Session& session) const {
  return json_response({{"role", session.may_act ? "user" : "reader"},
                        {"may_act", session.may_act},
                        {"actions", Actions::verbs()},
                        {"expires_at", report::utc_time(session.expires_at)},
                        {"version", kProgramVersion},
                        {"broker", broker_json(model_.broker())}});
}

Result<PipelinePtr> Api::loaded(client::Client& client, PipelineId id) {
  PipelinePtr pipeline = model_.find(id);
  if (!pipeline) {
    // So new that the feed has not told it yet.
    const auto status = client.status(id);
    if (!status) return tl::make_unexpected(status.error());
    protocol::ChangeList news;
    news.pipelines = {status->row};
    model_.apply(news, net::now().wall.unix_ms);
    pipeline = model_.find(id);
    if (!pipeline) return fail(ErrorCode::kUnavailable, "the broker starts anew", to_string(id));
  }
  const std::lock_guard loading(pipeline->loading);
  {
    const std::lock_guard lock(pipeline->mutex);
    pipeline->used_at = net::now().wall.unix_ms;
    if (pipeline->model.loaded()) return pipeline;
    pipeline->model.begin_loading();
  }
  auto workflows = client.workflows(id);
  auto tasks = workflows ? client.tasks(id) : tl::make_unexpected(workflows.error());
  auto attempts = tasks ? client.attempts(id) : tl::make_unexpected(tasks.error());
  {
    const std::lock_guard lock(pipeline->mutex);
    if (!attempts) {
      pipeline->model.stop_loading();
      return tl::make_unexpected(attempts.error());
    }
    pipeline->model.fill({std::move(*workflows), std::move(*tasks), std::move(*attempts)});
  }
  model_.make_room();
  return pipeline;
}

Response Api::pipeline(client::Client& client, const Request& request,
                       const std::vector<std::string>& parts) {
  const auto id = parse_id<PipelineId>(parts[1]);
  if (!id || parts.size() > 3) return no_path(request);
  if (parts.size() == 2) {
    return brief_.get(to_string(*id), net::now().wall.unix_ms, [&] { return detail(client, *id); });
  }
  if (parts[2] == "critical-path") {
    return brief_.get(parts[2] + to_string(*id), net::now().wall.unix_ms,
                      [&] { return critical_path(client, *id); });
  }
  const auto pipeline = loaded(client, *id);
  if (!pipeline) return error_response(pipeline.error());
  std::unique_lock lock((*pipeline)->mutex);
  const PipelineModel& model = (*pipeline)->model;
  const std::uint64_t version = model.version();
  const std::string tag = parts[1] + parts[2];
  if (const auto same = tagged(request, Response{}, version, tag); same.status == 304) return same;
  auto response = view_of(model, parts[2], request);
  lock.unlock();
  if (!response) return no_path(request);
  const bool is_moving = parts[2] == "timeline";  // it says what time it is
  if (response->status != 200 || is_moving) return *response;
  return tagged(request, std::move(*response), version, tag);
}

Response Api::detail(client::Client& client, PipelineId id) {
  const auto pipeline = loaded(client, id);
  if (!pipeline) return error_response(pipeline.error());
  const auto notices = notices_of(client, **pipeline, id);
  const std::lock_guard lock((*pipeline)->mutex);
  return json_response(pipeline_view((*pipeline)->model, notices));
}

Response Api::critical_path(client::Client& client, PipelineId id) {
  const auto pipeline = loaded(client, id);
  if (!pipeline) return error_response(pipeline.error());
  const std::int64_t now_ms = net::now().wall.unix_ms;
  const auto times = expected_times(client, **pipeline, now_ms);
  if (!times) return error_response(times.error());
  const std::lock_guard lock((*pipeline)->mutex);
  const PipelineModel& model = (*pipeline)->model;
  return json_response(critical_path_view(model, find_critical_path(model, *times, now_ms)));
}

Response Api::tagged(const Request& request, Response response, std::uint64_t version,
                     std::string_view what) const {
  std::string tag =
      "\"" + instance_ + "-" + std::string(what) + "-" + std::to_string(version) + "-";
  std::string query;
  for (const auto& [name, value] : request.query) query += name + "=" + value + "&";
  tag += sha256(query).hex().substr(0, 8) + "\"";
  if (request.header("if-none-match") == tag) {
    response.status = 304;
    response.body = nullptr;
  }
  response.headers.emplace_back("ETag", tag);
  return response;
}

Response Api::task(client::Client& client, const Request& request, const Session& session,
                   const std::vector<std::string>& parts) {
  const auto id = parse_id<TaskId>(parts[1]);
  if (!id || parts.size() > 3) return no_path(request);
  if (parts.size() == 3 && parts[2] == "log") {
    return log_view(client, *id, request, log_budget_, session.id);
  }
  if (parts.size() == 3 && parts[2] == "explain") {
    const auto why = client.explain(*id);
    return why ? json_response(report::to_json(*why)) : error_response(why.error());
  }
  if (parts.size() == 3) return no_path(request);
  const auto detail = client.task(*id);
  if (!detail) return error_response(detail.error());
  const auto pipeline = loaded(client, detail->row.pipeline);
  if (!pipeline) return error_response(pipeline.error());
  const std::lock_guard lock((*pipeline)->mutex);
  return json_response(task_view((*pipeline)->model, *detail));
}

Response Api::worker(const std::string& text) {
  const auto id = parse_id<WorkerId>(text);
  for (const protocol::WorkerRow& row : model_.workers()) {
    if (!id || row.worker != *id) continue;
    return json_response(
        {{"worker", report::to_json(row)}, {"attempts", running_view(model_.pipelines(), *id)}});
  }
  return error_response(Error{ErrorCode::kNotFound, "there is no " + text, text, ""});
}

/// Shows the unfinished pipelines, the best first, and those that ended last.
Response Api::overview(client::Client& client) {
  OverviewSource source{model_.broker(), model_.rows(), model_.workers(), {}};
  std::vector<protocol::PipelineRow> rows = source.rows;
  const auto rank = [](const protocol::PipelineRow& row) {
    return std::tuple(row.finished_at == 0 ? 0 : 1, -row.priority, -row.finished_at,
                      number(row.pipeline));
  };
  std::sort(rows.begin(), rows.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (rows.size() > kShownMax) rows.resize(kShownMax);
  for (const protocol::PipelineRow& row : rows) {
    const auto pipeline = loaded(client, row.pipeline);
    if (pipeline) source.shown.push_back(*pipeline);
  }
  return json_response(overview_view(source));
}

}  // namespace landseer::gateway
