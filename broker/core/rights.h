/// Who may ask for what: one line for each message of clients, and nothing that has no line. A new
/// message does not compile before it has one. What workers may say is decided by the door: only
/// their keys open the workers port. docs/protocol.md, "Rights".
#pragma once

#include <string_view>
#include <variant>

#include "broker/core/events.h"
#include "broker/core/pipeline_table.h"

namespace landseer::broker {

enum class Reach : std::uint8_t {
  kNone,
  kOwn,  ///< if the pipeline, or the task's, that the message names is the caller's
  kAll,
};

struct Rights {
  std::string_view verb;  ///< for people and the audit log
  Reach reader = Reach::kNone;
  Reach submitter = Reach::kNone;
  Reach admin = Reach::kNone;
  bool changes = false;  ///< accepted ones are noted in the audit log

  constexpr Reach of(keys::Role role) const {
    switch (role) {
      case keys::Role::kReader:
        return reader;
      case keys::Role::kSubmitter:
        return submitter;
      case keys::Role::kAdmin:
        return admin;
      case keys::Role::kWorker:
        break;
    }
    return Reach::kNone;
  }
};

template <class Message>
inline constexpr bool kHasLine = false;
template <class Message>
constexpr Rights make_rights() {
  static_assert(kHasLine<Message>, "a message of clients without a line in broker/core/rights.h");
  return {};
}
template <class Message>
inline constexpr Rights kRights = make_rights<Message>();

// The handlers of those without kOwn that list something leave out what the caller does not see.
template <>
inline constexpr Rights kRights<protocol::ClientHello>{"greet", Reach::kAll, Reach::kAll,
                                                       Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListPipelines>{"list pipelines", Reach::kAll, Reach::kAll,
                                                         Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListWorkers>{"list workers", Reach::kAll, Reach::kAll,
                                                       Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::WatchPipeline>{"watch", Reach::kOwn, Reach::kOwn,
                                                         Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListTasks>{"list tasks", Reach::kOwn, Reach::kOwn,
                                                     Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::GetTask>{"show a task", Reach::kOwn, Reach::kOwn,
                                                   Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListWorkflows>{"list workflows", Reach::kOwn, Reach::kOwn,
                                                         Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::GetExplanation>{"explain", Reach::kOwn, Reach::kOwn,
                                                          Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::OpenStream>{"read logs and artifacts", Reach::kOwn,
                                                      Reach::kOwn, Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::SubmitChunk>{"submit", Reach::kNone, Reach::kAll,
                                                       Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::Cancel>{"cancel", Reach::kNone, Reach::kOwn, Reach::kAll,
                                                  true};
template <>
inline constexpr Rights kRights<protocol::Retry>{"retry", Reach::kNone, Reach::kOwn, Reach::kAll,
                                                 true};
template <>
inline constexpr Rights kRights<protocol::Pause>{"pause", Reach::kNone, Reach::kOwn, Reach::kAll,
                                                 true};

template <>
inline constexpr Rights kRights<protocol::CancelPart>{"cancel a part", Reach::kNone, Reach::kOwn,
                                                      Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::RetryPart>{"retry a part", Reach::kNone, Reach::kOwn,
                                                     Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::PausePart>{"pause a part", Reach::kNone, Reach::kOwn,
                                                     Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::SetPriority>{"change a priority", Reach::kNone,
                                                       Reach::kOwn, Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::Drain>{"drain workers", Reach::kNone, Reach::kNone,
                                                 Reach::kAll, true};
template <>
inline constexpr Rights kRights<protocol::GetToolTimes>{"show times of tools", Reach::kAll,
                                                        Reach::kAll, Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListOffers>{"list offers", Reach::kAll, Reach::kAll,
                                                      Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::GetGraph>{"show a graph", Reach::kOwn, Reach::kOwn,
                                                    Reach::kAll};

template <>
inline constexpr Rights kRights<protocol::GetChanges>{"follow changes", Reach::kAll, Reach::kAll,
                                                      Reach::kAll};
template <>
inline constexpr Rights kRights<protocol::ListAttempts>{"list attempts", Reach::kOwn, Reach::kOwn,
                                                        Reach::kAll};

template <class Message>
concept NamesPipeline = requires(const Message& message) {
  message.pipeline;
};
template <class Message>
concept NamesTask = requires(const Message& message) {
  message.task;
};

/// A protocol::Selection, which may name a pipeline by its workflows.
template <class Message>
concept NamesPart = requires(const Message& message) {
  message.what.workflows;
};

template <class Message>
constexpr const Rights& rights_of() {
  constexpr const Rights& kLine = kRights<Message>;
  constexpr bool kOwns = kLine.reader == Reach::kOwn || kLine.submitter == Reach::kOwn;
  static_assert(!kOwns || NamesPipeline<Message> || NamesTask<Message> || NamesPart<Message>,
                "kOwn needs a field `pipeline`, `task` or `what` to find the owner by");
  return kLine;
}

inline const Rights& rights_of(const protocol::FromClient& message) {
  return std::visit(
      []<class Message>(const Message&) -> const Rights& { return rights_of<Message>(); }, message);
}

/// Whether it is one of those the caller acts for.
bool sees(const Caller& caller, const PipelineRecord& record);
/// Whoever submitted it.
bool sees_all(const Caller& caller);
/// The same of a task by its id, which may be of a pipeline that is forgotten: seen by those who
/// see all. `none` included: nothing to see.
bool sees(const Caller& caller, const PipelineTable& pipelines, TaskId task);

}  // namespace landseer::broker
