/// Answers what is asked below `/api/v1/`: finds out what is meant, and asks the model or the
/// broker for it. Runs in the pools' threads; events and sessions are the server's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dashboard/gateway/access.h"
#include "dashboard/gateway/actions.h"
#include "dashboard/gateway/brief_cache.h"
#include "dashboard/gateway/broker_pool.h"
#include "dashboard/gateway/http_types.h"
#include "dashboard/gateway/log_budget.h"
#include "dashboard/gateway/model.h"

namespace landseer::gateway {

using Reply = std::function<void(Response)>;

class Api {
 public:
  Api(Model& model, Actions& actions, const BrokerAccess& broker, std::string instance);

  /// Calls `reply` once, from any thread.
  void answer(Request request, const Session& session, Reply reply);
  /// From here on nothing is answered any more.
  void stop();

 private:
  Response answer_now(client::Client& client, const Request& request, const Session& session);
  Response answer_get(client::Client& client, const Request& request, const Session& session);
  Response pipeline(client::Client& client, const Request& request,
                    const std::vector<std::string>& parts);
  Response task(client::Client& client, const Request& request, const Session& session,
                const std::vector<std::string>& parts);
  Response act(client::Client& client, const Request& request, const Session& session,
               const std::vector<std::string>& parts);
  Response overview(client::Client& client);
  Response detail(client::Client& client, PipelineId id);
  Response critical_path(client::Client& client, PipelineId id);
  Response worker(const std::string& text);
  /// Its tasks too, asked from the broker the first time.
  Result<PipelinePtr> loaded(client::Client& client, PipelineId id);
  Response session(const Session& session) const;
  /// Adds the tag, and drops the body if the asker has it.
  Response tagged(const Request& request, Response response, std::uint64_t version,
                  std::string_view what) const;

  Model& model_;
  Actions& actions_;
  const std::string instance_;
  BriefCache brief_;
  LogBudget log_budget_;
  // The last members: their jobs use the others.
  BrokerPool logs_;  // waits for workers
  BrokerPool answers_;
  BrokerPool control_;  // with keys of its own
};

}  // namespace landseer::gateway
