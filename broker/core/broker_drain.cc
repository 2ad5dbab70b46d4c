/// Draining workers: what a user takes out of use, for a while or to switch it off.
#include <algorithm>
#include <charconv>

#include "broker/core/broker.h"

namespace landseer::broker {
namespace {

std::optional<WorkerId> id_of(const std::string& text) {
  std::string_view digits = text;
  constexpr std::string_view kPrefix = "worker_";
  if (digits.starts_with(kPrefix)) digits.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return WorkerId{number};
}

/// Of several that had the name, the one that is here, or else the last that was.
std::vector<WorkerId> named(const WorkerTable& workers, const std::string& name) {
  const WorkerRecord* best = nullptr;
  for (const auto& [id, worker] : workers.all()) {
    if (worker.offer.name != name) continue;
    const auto rank = [](const WorkerRecord& w) {
      return std::pair(w.state == WorkerState::kConnected, w.last_seen.unix_ms);
    };
    if (best == nullptr || rank(worker) >= rank(*best)) best = &worker;
  }
  if (best == nullptr) return {};
  return {best->id};
}

Result<std::vector<WorkerId>> find_drained(const WorkerTable& workers, const protocol::Drain& m) {
  if (m.worker.empty() == m.label_key.empty()) {
    return fail(ErrorCode::kInvalid, "exactly one of a worker and a label must be named", "request",
                "check the client");
  }
  std::vector<WorkerId> found;
  if (!m.worker.empty()) {
    found = named(workers, m.worker);
    const auto id = id_of(m.worker);
    if (found.empty() && id && workers.find(*id) != nullptr) found.push_back(*id);
    if (found.empty()) {
      return fail(ErrorCode::kNotFound, "there is no worker '" + m.worker + "'", m.worker,
                  "`landseer workers` lists them");
    }
    return found;
  }
  for (const auto& [id, worker] : workers.all()) {
    const auto label = worker.offer.labels.find(m.label_key);
    if (label != worker.offer.labels.end() && label->second == m.label_value) found.push_back(id);
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                "no worker has the label " + m.label_key + "=" + m.label_value, m.label_key,
                "`landseer workers --json` shows their labels");
  }
  return found;
}

}  // namespace

void Broker::on_client(const FromClientPeer& from, const protocol::Drain& m, const Now& now,
                       Outbox& out) {
  const auto found = find_drained(state_.workers, m);
  if (!found) return reply_error(from, found.error(), out);
  protocol::Drained drained;
  for (const WorkerId id : *found) {
    WorkerRecord& worker = *state_.workers.find(id);
    const bool recall = m.drained && (m.now || worker.recalled);
    const bool changed = worker.drained != m.drained || worker.recalled != recall;
    if (changed) ledger_.commit(WorkerDrained{id, m.drained, recall, now.wall.unix_ms}, now, out);
    if (m.drained && m.now) recall_attempts(worker, out);
    drained.workers.push_back({id, worker.offer.name, changed, worker.attempts.size()});
  }
  reply(from, std::move(drained), out);
}

/// The worker gives back what it has. One that is away is told when it is back.
void Broker::recall_attempts(const WorkerRecord& worker, Outbox& out) {
  if (worker.session == 0 || worker.attempts.empty()) return;
  protocol::Recall recall{worker.session, {}};
  for (const auto& [task, attempt] : worker.attempts) recall.attempts.push_back(attempt);
  out.to_workers.push_back({worker.peer, std::move(recall)});
}

}  // namespace landseer::broker
