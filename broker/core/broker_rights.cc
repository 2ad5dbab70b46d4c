/// What stands before every handler of a client's message: rights, quotas, and the note that an
/// accepted change leaves.
#include "broker/core/broker.h"
#include "broker/core/rights.h"

namespace landseer::broker {

bool sees_all(const Caller& caller) {
  return caller.role == keys::Role::kAdmin || caller.acts_for == keys::kEverybody;
}

bool sees(const Caller& caller, const PipelineRecord& record) {
  return sees_all(caller) || caller.acts_for == record.owner;
}

bool sees(const Caller& caller, const PipelineTable& pipelines, TaskId task) {
  if (sees_all(caller)) return true;
  const auto found = pipelines.find_task(task);
  return found && sees(caller, *found->record);
}

namespace {

/// Others' pipelines do not exist, as far as the caller can tell.
template <class Message>
std::optional<Error> refuse_foreign(const PipelineTable& pipelines, const Caller& caller,
                                    const Message& m) {
  if constexpr (NamesPipeline<Message>) {
    const PipelineRecord* record = pipelines.find(m.pipeline);
    if (record != nullptr && !sees(caller, *record)) return no_pipeline(m.pipeline);
  }
  if constexpr (NamesTask<Message>) {
    const auto found = number(m.task) != 0 ? pipelines.find_task(m.task) : std::nullopt;
    if (found && !sees(caller, *found->record)) return no_task(m.task);
  }
  if constexpr (NamesPart<Message>) {
    for (const auto& [first, last] : m.what.workflows) {
      for (const WorkflowId id : {first, last}) {
        const PipelineRecord* record = pipelines.find_workflow(id);
        if (record != nullptr && !sees(caller, *record)) return no_workflow(id);
      }
    }
    return refuse_foreign(pipelines, caller, m.what);
  }
  return std::nullopt;
}

/// What something would do is not done.
template <class Message>
bool is_question(const Message& m) {
  if constexpr (requires { m.plan_only; }) return m.plan_only;
  return false;
}

template <class Message>
std::string target_of(const Message& m) {
  if constexpr (NamesPipeline<Message>) {
    if (number(m.pipeline) != 0) return to_string(m.pipeline);
  }
  if constexpr (NamesTask<Message>) {
    if (number(m.task) != 0) return to_string(m.task);
  }
  if constexpr (NamesPart<Message>) {
    const auto& workflows = m.what.workflows;
    return workflows.empty() ? target_of(m.what) : to_string(workflows.front().first);
  }
  return {};
}

}  // namespace

std::optional<protocol::ErrorReply> Broker::refuse(const FromClientPeer& from, const Now& now) {
  const Caller& caller = from.caller;
  if (!caller.name.empty()) {
    if (const auto wait = quota_.take(caller.name, now.instant)) {
      const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(*wait).count();
      return protocol::ErrorReply{
          ErrorCode::kBusy, "the key '" + caller.name + "' asks for too much at once", caller.name,
          "ask again a little later", static_cast<std::uint32_t>(wait_ms)};
    }
  }
  const Rights& rights = rights_of(from.message);
  const Reach reach = rights.of(caller.role);
  if (reach == Reach::kNone) {
    return protocol::ErrorReply{ErrorCode::kNotAllowed,
                                "the key '" + caller.name + "' is that of a " +
                                    std::string(to_string(caller.role)) + ", who may not " +
                                    std::string(rights.verb),
                                caller.name, "`landseer keys add` gives keys with other roles"};
  }
  if (reach == Reach::kAll) return std::nullopt;
  const auto foreign = std::visit(
      [&](const auto& m) { return refuse_foreign(state_.pipelines, caller, m); }, from.message);
  if (!foreign) return std::nullopt;
  return protocol::ErrorReply{foreign->code, foreign->message, foreign->where, foreign->hint};
}

void Broker::on_client_peer(const FromClientPeer& from, const Now& now, Outbox& out) {
  if (auto refused = refuse(from, now)) return reply(from, std::move(*refused), out);
  const std::size_t before = out.to_clients.size();
  std::visit([&](const auto& message) { on_client(from, message, now, out); }, from.message);
  const Rights& rights = rights_of(from.message);
  if (!rights.changes || out.to_clients.size() == before) return;
  const protocol::ToClient& answer = out.to_clients.back().message;
  if (std::holds_alternative<protocol::ErrorReply>(answer)) return;
  // A submission is noted when it makes a pipeline, which may be later.
  if (std::holds_alternative<protocol::SubmitChunk>(from.message)) return;
  if (std::visit([](const auto& m) { return is_question(m); }, from.message)) return;
  note_change(from.caller, rights.verb,
              std::visit([](const auto& m) { return target_of(m); }, from.message), out);
}

void Broker::note_change(const Caller& caller, std::string_view verb, std::string target,
                         Outbox& out) {
  out.audits.push_back(
      {caller.name, std::string(to_string(caller.role)), std::string(verb), std::move(target)});
}

}  // namespace landseer::broker
