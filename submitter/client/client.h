/// A blocking connection to one broker, for programs that do one thing at a time: the command line
/// and tools around it. Connects on first use, once again after a silence, and never for longer
/// than its limits say. One object belongs to one thread.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/cancel.h"
#include "common/net/signals.h"
#include "common/net/socket.h"
#include "common/protocol/codec.h"
#include "common/protocol/submission.h"

namespace landseer::client {

/// How long to wait before a broker counts as unreachable.
struct Limits {
  Duration connect = std::chrono::seconds(5);  ///< for the greeting's reply
  Duration reply = std::chrono::seconds(30);
  Duration commit = std::chrono::minutes(2);  ///< for the last chunk: a million tasks take a while
};

struct ClientOptions {
  std::string broker;  ///< as resolve_address() takes it; resolved anew for each connection
  std::string keys{};  ///< folder with client.key; empty: that of $LANDSEER_HOME
  Limits limits;
  /// If given, a signal ends any wait at once. Must outlive the client.
  net::SignalWatch* signals = nullptr;
  /// If given, its request ends any wait at once, from another thread. Must outlive the client.
  const Cancel* cancel = nullptr;
  /// Called with each message sent and received, on one line.
  std::function<void(const std::string&)> trace;
};

/// What a page of tasks is chosen by.
struct TaskFilter {
  std::uint8_t status = 0;  ///< a domain::TaskStatus; 0: all
  std::string tool;         ///< empty: all
};

class Client {
 public:
  explicit Client(ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Greets the broker, if that was not done yet. kUnavailable when none answers in time, kVersion
  /// when the two share no protocol version.
  Result<protocol::ClientWelcome> connect();

  /// Sends one request and waits for its reply. An ErrorReply becomes an Error; silence is
  /// kUnavailable and makes the next request connect anew.
  Result<protocol::ToClient> request(const protocol::FromClient& message);
  Result<protocol::ToClient> request(const protocol::FromClient& message, Duration limit);

  /// Sends the submission in chunks. Safe to repeat: its id makes it one and the same pipeline.
  Result<protocol::Submitted> submit(const protocol::Submission& submission);
  /// What submitting it would answer now, with `cached` and without a pipeline. Keeps nothing.
  Result<protocol::Submitted> plan(const protocol::Submission& submission);
  Result<std::vector<protocol::PipelineRow>> pipelines();
  /// Returns when the version differs from `known_version`, when the pipeline has ended, or after
  /// ten seconds at the latest. `limit` cuts the wait short with kUnavailable.
  Result<protocol::PipelineStatus> watch(const protocol::WatchPipeline& what, Duration limit);
  Result<protocol::PipelineStatus> status(PipelineId pipeline);
  Result<std::vector<protocol::TaskRow>> tasks(PipelineId pipeline, const TaskFilter& filter = {});
  Result<protocol::TaskDetail> task(TaskId task);
  Result<protocol::Explanation> explain(TaskId task);
  Result<std::vector<protocol::WorkflowRow>> workflows(PipelineId pipeline);
  Result<protocol::WorkerList> workers();
  /// What was learned about these tools, by tool and device.
  Result<std::vector<protocol::ToolTimeRow>> tool_times(const std::vector<std::string>& tools);
  /// Workers that would get work now.
  Result<std::vector<protocol::OfferRow>> offers();
  /// All pages, at least one. The pipeline goes on meanwhile: later pages know more.
  Result<std::vector<protocol::GraphPage>> graph(PipelineId pipeline);
  Result<protocol::Drained> drain(const protocol::Drain& what);
  /// What changed after a position, see protocol::GetChanges.
  Result<protocol::ChangeList> changes(const protocol::GetChanges& what);
  Result<std::vector<protocol::TaskAttempt>> attempts(PipelineId pipeline);
  Result<protocol::StreamOpened> open_stream(const protocol::OpenStream& what);
  Result<protocol::Cancelled> cancel(const protocol::Cancel& what);
  Result<protocol::Retried> retry(const protocol::Retry& what);
  Result<protocol::Paused> set_paused(const protocol::Pause& what);
  Result<protocol::Cancelled> cancel_part(const protocol::CancelPart& what);
  Result<protocol::Retried> retry_part(const protocol::RetryPart& what);
  Result<protocol::PartPaused> pause_part(const protocol::PausePart& what);
  Result<protocol::PrioritySet> set_priority(const protocol::SetPriority& what);

  /// Waits for these to be readable; kUnavailable if a signal came.
  Result<void> wait_for(std::span<const net::PollItem> items, Duration limit);
  /// Sleeps, but not through a signal: kUnavailable if one came.
  Result<void> pause(Duration duration);

  /// The signal that ended a wait, or 0.
  int interrupted_by() const { return interrupted_by_; }
  /// Where the broker was last looked for; empty before the first attempt.
  const std::string& address() const { return address_; }
  const Limits& limits() const { return options_.limits; }
  /// For further connections beside this one.
  const net::Context& context() const { return context_; }
  /// To be secured with, as this one is; empty: the broker has no keys.
  const std::optional<net::ClientKeys>& keys() const { return keys_; }

 private:
  template <class Reply>
  Result<Reply> ask(const protocol::FromClient& message);
  template <class Reply>
  Result<Reply> ask(const protocol::FromClient& message, Duration limit);

  Result<std::uint64_t> send(const protocol::FromClient& message, Instant deadline);
  /// Empty when the connection broke: what was sent may be lost and has to be sent again.
  Result<std::optional<protocol::Envelope<protocol::ToClient>>> receive(Instant deadline);
  Result<protocol::ToClient> exchange(const protocol::FromClient& message, Duration limit);
  Result<protocol::Submitted> hand_in(const protocol::Submission& submission, bool plan_only);
  Result<protocol::Submitted> upload(const std::string& submission_id, const std::string& body,
                                     bool plan_only);
  void disconnect();
  Result<void> open_dealer();
  Error unreachable(const std::string& what);
  std::optional<Error> turned_away();

  ClientOptions options_;
  net::Context context_;
  std::unique_ptr<net::Dealer> dealer_;   // null: not connected
  std::unique_ptr<net::LossWatch> loss_;  // of the dealer
  std::optional<protocol::ClientWelcome> welcome_;
  std::string address_;
  std::optional<net::ClientKeys> keys_;
  std::string key_name_;
  std::uint64_t last_number_ = 0;
  int interrupted_by_ = 0;
};

}  // namespace landseer::client
