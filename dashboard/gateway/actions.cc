#include "dashboard/gateway/actions.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/ids.h"
#include "common/net/clock.h"
#include "submitter/report/json_rows.h"

namespace landseer::gateway {
namespace {

using report::Json;

constexpr const char* kPriority = "priority";  // the verb, and what its body says
constexpr const char* kTool = "tool";
constexpr std::size_t kKeyMin = 8;
constexpr std::size_t kKeyMax = 128;

bool is_key(const std::string& key) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return key.size() >= kKeyMin && key.size() <= kKeyMax &&
         std::all_of(key.begin(), key.end(), is_allowed);
}

/// What the body of a request says besides the path.
struct Body {
  std::int64_t priority = 0;
  std::string tool;  ///< to pause or resume only its tasks
};

/// What an action is done to; exactly one of the two is not 0.
struct Target {
  PipelineId pipeline{};
  TaskId task{};
};

Result<Json> cancel(client::Client& client, const Target& target) {
  const auto done = client.cancel({target.pipeline, target.task});
  if (!done) return tl::make_unexpected(done.error());
  return Json{{"tasks", done->tasks}, {"running", done->running}};
}

Result<Json> retry(client::Client& client, const Target& target) {
  const auto done = client.retry({target.pipeline, target.task});
  if (!done) return tl::make_unexpected(done.error());
  return Json{{"tasks", done->tasks}, {"paused", done->paused}};
}

Result<Json> set_paused(client::Client& client, const Target& target, bool paused) {
  const auto done = client.set_paused({target.pipeline, paused});
  if (!done) return tl::make_unexpected(done.error());
  return Json{{"state", paused ? "paused" : "running"},
              {"changed", done->changed},
              {"running", done->running}};
}

Result<Json> pause_part(client::Client& client, const protocol::Selection& what, bool paused) {
  const auto done = client.pause_part({what, paused, false});
  if (!done) return tl::make_unexpected(done.error());
  return Json{{"state", paused ? "paused" : "running"},
              {"changed", done->changed},
              {"tasks", done->tasks},
              {"running", done->running},
              {"shared", done->shared},
              {"still_paused", done->still_paused},
              {"why", done->why},
              {"paused", done->pipeline_paused}};
}

Result<Json> set_priority(client::Client& client, PipelineId pipeline, std::int64_t priority) {
  const auto done = client.set_priority({pipeline, priority});
  if (!done) return tl::make_unexpected(done.error());
  return Json{{"priority", priority}, {"changed", done->before != priority}};
}

Result<Json> set_drained(client::Client& client, const std::string& worker, bool drained) {
  const auto done = client.drain({worker, "", "", drained, false});
  if (!done) return tl::make_unexpected(done.error());
  if (done->workers.empty()) return fail(ErrorCode::kNotFound, "there is no such worker", worker);
  return Json{{"changed", done->workers.front().changed},
              {"running", done->workers.front().running}};
}

tl::unexpected<Error> no_action(const Action& action) {
  return fail(ErrorCode::kNotFound, "there is no such action: " + action.verb, action.id,
              "see docs/openapi.yaml");
}

/// The one place where verbs are: another one is a line here and one in docs/openapi.yaml.
Result<Json> perform(client::Client& client, const Action& action, const Body& body) {
  if (action.kind == "pipelines") {
    const auto id = parse_id<PipelineId>(action.id);
    if (!id) return no_action(action);
    const Target target{*id, {}};
    if (action.verb == "cancel") return cancel(client, target);
    if (action.verb == "retry") return retry(client, target);
    const bool is_pause = action.verb == "pause";
    if ((is_pause || action.verb == "resume") && !body.tool.empty()) {
      return pause_part(client, {*id, {}, body.tool, {}, false}, is_pause);
    }
    if (is_pause) return set_paused(client, target, true);
    if (action.verb == "resume") return set_paused(client, target, false);
    if (action.verb == kPriority) return set_priority(client, *id, body.priority);
  } else if (action.kind == "tasks") {
    const auto id = parse_id<TaskId>(action.id);
    if (!id) return no_action(action);
    const Target target{{}, *id};
    if (action.verb == "cancel") return cancel(client, target);
    if (action.verb == "retry") return retry(client, target);
    if (action.verb == "pause") return pause_part(client, {{}, *id, {}, {}, false}, true);
    if (action.verb == "resume") return pause_part(client, {{}, *id, {}, {}, false}, false);
  } else if (action.kind == "workers") {
    if (!parse_id<WorkerId>(action.id)) return no_action(action);
    if (action.verb == "drain") return set_drained(client, action.id, true);
    if (action.verb == "undrain") return set_drained(client, action.id, false);
  }
  return no_action(action);
}

Response answer_with(const Action& action, const Json& result) {
  Json object{{"action", action.verb}};
  const bool is_worker = action.kind == "workers";
  object[action.kind == "tasks" ? "task_id" : is_worker ? "worker_id" : "pipeline_id"] = action.id;
  object.update(result);
  return text_response(200, "application/json", report::dump(object));
}

/// A priority for the verb of that name, perhaps a tool of a pipeline to pause or resume, nothing
/// or an empty object for others.
Result<Body> read_body(const Action& action, const std::string& body) {
  const Json object = body.empty() ? Json::object() : Json::parse(body, nullptr, false);
  if (action.verb != kPriority) {
    if (object.is_object() && object.empty()) return Body{};
    const bool may_name_tool =
        action.kind == "pipelines" && (action.verb == "pause" || action.verb == "resume");
    if (may_name_tool) {
      const bool is_tool = object.is_object() && object.size() == 1 && object.contains(kTool) &&
                           object[kTool].is_string() && !object[kTool].get<std::string>().empty();
      if (is_tool) return Body{0, object[kTool].get<std::string>()};
      return fail(ErrorCode::kInvalid, "this action takes the name of a tool, or nothing", "body",
                  "send {\"tool\": \"trades\"}, {} or nothing");
    }
    return fail(ErrorCode::kInvalid, "this action takes an empty JSON object", "body",
                "send {} or nothing");
  }
  const bool is_good = object.is_object() && object.size() == 1 && object.contains(kPriority) &&
                       object[kPriority].is_number_integer();
  if (is_good) return Body{object[kPriority].get<std::int64_t>(), {}};
  return fail(ErrorCode::kInvalid, "this action takes a whole number, the priority", "body",
              "send {\"priority\": 5}");
}

}  // namespace

Response Actions::act(client::Client& client, const Request& request, const Session& session,
                      const Action& action) {
  const std::string& key = request.header("idempotency-key");
  if (!session.may_act) {
    return error_response(Error{ErrorCode::kNotAllowed, "this session may look only", action.id,
                                "say `landseer dashboard --control` for a link that may act"});
  }
  if (!is_key(key)) {
    return error_response(Error{ErrorCode::kInvalid, "the header Idempotency-Key is missing or odd",
                                "Idempotency-Key", "8 to 128 of A-Z a-z 0-9 _ -"});
  }
  const auto body = read_body(action, request.body);
  if (!body) return error_response(body.error());
  const std::string name = session.id + " " + key;
  if (auto known = begin(name, request.path + " " + request.body, net::now().wall.unix_ms))
    return *known;
  const auto result = perform(client, action, *body);
  const Response response = result ? answer_with(action, *result) : error_response(result.error());
  spdlog::info("session {} {} {}: {}", session.id.substr(0, 8), action.verb, action.id,
               response.status);
  finish(name, response);
  return response;
}

std::optional<Response> Actions::begin(const std::string& key, const std::string& what,
                                       std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  forget_old(now_ms);
  const auto known = done_.find(key);
  if (known == done_.end()) {
    done_[key] = {what, std::nullopt, now_ms};
    order_.push_back(key);
    return std::nullopt;
  }
  if (known->second.what != what) {
    return error_response(Error{ErrorCode::kConflict, "this key was used for another request",
                                "Idempotency-Key", "make a new key for each request"});
  }
  if (!known->second.response) {
    Response busy =
        error_response(Error{ErrorCode::kConflict, "the same request is under way",
                             "Idempotency-Key", "ask again in a second with the same key"});
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  }
  return known->second.response;
}

/// What the broker could not be asked is not remembered: the same key may try again.
void Actions::finish(const std::string& key, const Response& response) {
  const std::lock_guard lock(mutex_);
  if (response.status >= 500) {
    done_.erase(key);
    std::erase(order_, key);
  } else if (const auto found = done_.find(key); found != done_.end()) {
    found->second.response = response;
  }
}

void Actions::forget_old(std::int64_t now_ms) {
  while (!order_.empty()) {
    const auto oldest = done_.find(order_.front());
    const bool is_old = oldest == done_.end() || oldest->second.at + kKeyLifeMs < now_ms;
    if (!is_old && done_.size() < kKeysMax) return;
    if (oldest != done_.end()) done_.erase(oldest);
    order_.pop_front();
  }
}

}  // namespace landseer::gateway
