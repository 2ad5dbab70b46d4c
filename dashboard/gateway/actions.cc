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

tl::unexpected<Error> no_action(const Action& action) {
  return fail(ErrorCode::kNotFound, "there is no such action: " + action.verb, action.id,
              "see docs/openapi.yaml");
}

/// The one place where verbs are: another one is a line here and one in docs/openapi.yaml.
Result<Json> perform(client::Client& client, const Action& action) {
  if (action.kind == "pipelines") {
    const auto id = parse_id<PipelineId>(action.id);
    if (!id) return no_action(action);
    const Target target{*id, {}};
    if (action.verb == "cancel") return cancel(client, target);
    if (action.verb == "retry") return retry(client, target);
    if (action.verb == "pause") return set_paused(client, target, true);
    if (action.verb == "resume") return set_paused(client, target, false);
  } else if (action.kind == "tasks") {
    const auto id = parse_id<TaskId>(action.id);
    if (!id) return no_action(action);
    const Target target{{}, *id};
    if (action.verb == "cancel") return cancel(client, target);
    if (action.verb == "retry") return retry(client, target);
  }
  return no_action(action);
}

Response answer_with(const Action& action, const Json& result) {
  Json object{{"action", action.verb}};
  object[action.kind == "tasks" ? "task_id" : "pipeline_id"] = action.id;
  object.update(result);
  return text_response(200, "application/json", report::dump(object));
}

/// An empty object or nothing: no action of this version takes anything.
bool is_empty_object(const std::string& body) {
  if (body.empty()) return true;
  const Json object = Json::parse(body, nullptr, false);
  return object.is_object() && object.empty();
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
  if (!is_empty_object(request.body)) {
    return error_response(Error{ErrorCode::kInvalid, "this action takes an empty JSON object",
                                "body", "send {} or nothing"});
  }
  const std::string name = session.id + " " + key;
  if (auto known = begin(name, request.path, net::now().wall.unix_ms)) return *known;
  const auto result = perform(client, action);
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
