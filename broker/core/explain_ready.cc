/// Why a task that is ready has no worker: what each lacks, in numbers, and what would do. The
/// conditions are those by which placement chooses, asked of the same functions.
#include <algorithm>
#include <map>

#include "broker/core/explain_parts.h"
#include "broker/core/request_text.h"
#include "broker/core/requirements.h"
#include "common/base/units.h"

namespace landseer::broker {
namespace {

using protocol::Condition;

constexpr std::size_t kGroupsShown = 20;
constexpr std::size_t kNamesShown = 5;  // of workers in one position
/// Workers looked at one by one; whether any can run it is known of all.
constexpr std::size_t kWorkersLooked = 2000;

/// How one worker, or several of them alike, stand to the task.
struct Position {
  std::vector<Condition> conditions;
  std::vector<std::string> names;
  std::size_t count = 0;
  bool lasting = false;

  std::string text() const {
    std::string all;
    for (const Condition& one : conditions) all += (all.empty() ? "" : "; ") + one.text;
    return all;
  }
};

class Survey {
 public:
  Survey(const Question& question, protocol::Explanation& out)
      : question_(question), request_(question.request()), out_(out) {}

  void look() {
    const std::size_t all = question_.state.workers.size();
    for (const auto& [id, worker] : question_.state.workers.all()) {
      if (++looked_ > kWorkersLooked) break;
      if (worker.state == WorkerState::kLost) {
        ++lost_;
      } else {
        look_at(worker);
      }
    }
    name_shared();
    name_positions();
    if (all > kWorkersLooked) {
      out_.reasons.push_back(std::to_string(all - kWorkersLooked) + " more workers not listed");
    }
    name_reservation();
    sum_up();
  }

 private:
  void look_at(const WorkerRecord& worker);
  void look_at_able(const WorkerRecord& worker, Position& position);
  void forecast(const WorkerRecord& worker, const std::vector<Unmet>& unmet);
  void name_shared();
  void name_positions();
  void name_reservation();
  void sum_up();
  bool sum_up_without_any();
  void sum_up_with_able();
  void change_by_waiting();
  bool is_held_for_others();

  const Question& question_;
  const Request& request_;
  protocol::Explanation& out_;
  std::map<std::string, Position> positions_;
  std::vector<std::string> order_;
  std::size_t looked_ = 0;
  std::size_t lost_ = 0;
  std::size_t known_ = 0;
  std::size_t able_ = 0;   // take work, and could run it, busy or not
  std::size_t right_ = 0;  // of those, nothing else is in the way
  std::size_t timelines_ = 0;
  const WorkerRecord* idle_ = nullptr;      // could run it now
  const WorkerRecord* refusing_ = nullptr;  // could run it, but takes no work
  const WorkerRecord* other_ = nullptr;     // could, but has something else by its names
  const WorkerRecord* unheard_ = nullptr;   // did not say yet what it offers
  const Reservation* kept_ = nullptr;       // where there would be room
  const WorkerRecord* next_ = nullptr;      // that should have room first
  Reservations::Room next_room_;
  std::string next_lacks_;
  const WorkerRecord* smaller_ = nullptr;  // that would have room for less
  double smaller_gap_ = 0;
  std::string smaller_change_;
  bool short_of_shared_ = false;
};

void Survey::look_at(const WorkerRecord& worker) {
  ++known_;
  Position position;
  const auto refusal = worker.why_refused();
  if (!refusal.kind.empty()) {
    position.conditions.push_back(
        {std::string(refusal.kind), refusal.said(sees_all(question_.caller)), {}, 0, false});
  }
  const bool is_unheard = worker.offer.runtimes.empty();
  if (is_unheard) {
    unheard_ = &worker;
    position.conditions.push_back({"unheard", "has not said yet what it offers", {}, 0, false});
  }
  const auto ever = is_unheard ? std::vector<Unmet>{} : unmet_ever(worker, request_);
  for (const Unmet& unmet : ever) {
    position.conditions.push_back({unmet.kind, unmet.text, {}, 0, true});
    position.lasting = true;
  }
  if (!is_unheard && ever.empty()) {
    if (worker.takes_work()) {
      ++able_;
    } else if (refusing_ == nullptr) {
      refusing_ = &worker;
    }
    look_at_able(worker, position);
  }
  if (position.conditions.empty()) {
    if (idle_ == nullptr) idle_ = &worker;
    return;
  }
  Position& same = positions_.try_emplace(position.text(), position).first->second;
  if (same.count++ == 0) order_.push_back(position.text());
  if (same.names.size() < kNamesShown) same.names.push_back(worker.offer.name);
}

/// It could run it, if nothing else were in the way.
void Survey::look_at_able(const WorkerRecord& worker, Position& position) {
  const std::vector<Unmet> now = unmet_now(worker, request_);
  for (const Unmet& unmet : now) {
    position.conditions.push_back({unmet.kind, unmet.text, {}, 0, false});
  }
  const FoundTask& found = question_.found;
  const std::string other = question_.reuse.contradiction(*found.record, *found.task, worker);
  if (!other.empty()) {
    position.conditions.push_back({"content", other, {}, 0, false});
    if (other_ == nullptr && worker.takes_work()) other_ = &worker;
    return;
  }
  if (question_.placement.avoids(found, worker)) {
    position.conditions.push_back(
        {"failed_there", "could not start it before, and others may", {}, 0, false});
    return;
  }
  if (!worker.takes_work()) return;
  ++right_;
  const Reservations& kept = question_.placement.reservations();
  if (!now.empty()) {
    forecast(worker, now);
  } else if (!kept.allows(worker, found, question_.now)) {
    kept_ = kept.at(worker.id);
    position.conditions.push_back(
        {"kept",
         "is kept free for " + task_text(question_, kept_->task) + ", which should start there " +
             left_text(kept_->start - question_.now.instant) + "; this one may take " +
             format_duration(expected_run(question_.state, *found.task)) +
             ", or would not leave it enough",
         {},
         0,
         false});
  }
}

/// When it should have room, and for what it has some now.
void Survey::forecast(const WorkerRecord& worker, const std::vector<Unmet>& unmet) {
  double gap = 0;
  std::string change;
  for (const Unmet& one : unmet) {
    gap += one.gap;
    change += (change.empty() ? "" : ", and ") + one.change;
    if (one.change.starts_with("ask for no ") || one.change.empty()) gap = 1000;
  }
  if (gap < 1000 && (smaller_ == nullptr || gap < smaller_gap_)) {
    smaller_ = &worker;
    smaller_gap_ = gap;
    smaller_change_ = change;
  }
  if (++timelines_ > Reservations::kTimelinesMax || request_.runtime == kNoopRuntime) return;
  const auto room =
      question_.placement.reservations().time_to_room(worker, request_, question_.now);
  if (next_ != nullptr && next_room_.time <= room.time) return;
  next_ = &worker;
  next_room_ = room;
  next_lacks_.clear();
  for (const Unmet& one : unmet) next_lacks_ += (next_lacks_.empty() ? "" : "; ") + one.text;
}

void Survey::name_shared() {
  for (const Unmet& unmet : unmet_shared_ever(question_.state, request_)) {
    const std::string text = "the broker " + unmet.text;
    name_condition(out_, {"shared", text, {}, 0, true}, text);
  }
  if (!out_.conditions.empty() || request_.runtime == kNoopRuntime) return;
  for (const Unmet& unmet : unmet_shared_now(question_.state, request_)) {
    const std::string text = "the broker " + unmet.text;
    name_condition(out_, {"shared", text, {}, 0, false}, text);
    short_of_shared_ = true;
  }
}

/// Those that could run it first, then those that are many.
void Survey::name_positions() {
  std::stable_sort(order_.begin(), order_.end(), [&](const auto& a, const auto& b) {
    const Position& left = positions_.at(a);
    const Position& right = positions_.at(b);
    return std::pair(left.lasting, right.count) < std::pair(right.lasting, left.count);
  });
  for (std::size_t i = 0; i < std::min(order_.size(), kGroupsShown); ++i) {
    const Position& position = positions_.at(order_[i]);
    std::string names;
    for (const std::string& name : position.names) names += (names.empty() ? "" : ", ") + name;
    if (position.count > kNamesShown) {
      names += " and " + std::to_string(position.count - kNamesShown) + " more";
    }
    out_.reasons.push_back(names + (position.count > 1 ? " each " : " ") + order_[i]);
    for (Condition condition : position.conditions) {
      condition.workers = position.names;
      condition.count = position.count;
      out_.conditions.push_back(std::move(condition));
    }
  }
  if (order_.size() > kGroupsShown) {
    out_.reasons.push_back("and " + std::to_string(order_.size() - kGroupsShown) +
                           " more kinds of worker");
  }
}

void Survey::name_reservation() {
  const Reservation* kept = question_.placement.reservations().find(question_.found.task->request);
  const WorkerRecord* worker =
      kept != nullptr ? question_.state.workers.find(kept->worker) : nullptr;
  if (worker == nullptr) return;
  const Duration left = kept->start - question_.now.instant;
  const bool is_own = kept->task == question_.found.task->id;
  out_.kept_at = worker->offer.name;
  out_.kept_since = kept->since.unix_ms;
  if (is_own) out_.expected_at = after(question_.now, left).unix_ms;
  const Duration since =
      std::chrono::milliseconds(question_.now.wall.unix_ms - kept->since.unix_ms);
  out_.reasons.push_back(
      "room is kept at " + worker->offer.name + " for " + format_duration(since) + " now, where " +
      (is_own ? "it" : task_text(question_, kept->task)) + " should start " + left_text(left));
}

/// Free, but placement passed over somebody for want of it.
bool Survey::is_held_for_others() {
  for (const auto& [name, amount] : request_.shared) {
    const std::uint64_t held = question_.placement.held_shared(name);
    const std::int64_t free = question_.state.workers.shared_free().at(name);
    if (free - static_cast<std::int64_t>(amount) >= static_cast<std::int64_t>(held)) continue;
    const std::string text = "the broker has " + std::to_string(free) + " " + name + " free, but " +
                             std::to_string(held) + " are held for a task ahead of it";
    name_condition(out_, {"shared_held", text, {}, 0, false}, text);
    set_change(out_, "wait", "wait: " + text);
    return true;
  }
  return false;
}

/// Nobody who takes work can run it. True if so.
bool Survey::sum_up_without_any() {
  const std::string& never = question_.placement.impossible(question_.found.task->request);
  const std::string asks = request_text(request_);
  if (known_ == 0) {
    out_.summary = "it is ready, but no worker is connected; start one with landseer-worker";
    if (lost_ > 0) out_.summary += " (" + std::to_string(lost_) + " known before are lost)";
    set_change(out_, "worker", "start a worker: landseer-worker --broker ADDRESS");
  } else if (!never.empty()) {
    out_.summary = "it is ready, but " + never;
    set_change(out_, "request", smallest_change(question_.state, question_.found.task->request));
  } else if (able_ > 0 || question_.placement.is_possible(question_.found.task->request)) {
    return false;
  } else {
    out_.summary = "it is ready, but no connected worker can run what asks for " + asks;
    if (refusing_ != nullptr) {
      const auto why = refusing_->why_refused();
      set_change(out_, "worker",
                 why.kind == "drained"
                     ? "`landseer undrain " + refusing_->offer.name + "`"
                     : "mend or replace " + refusing_->offer.name + ", which could run it: it " +
                           why.said(sees_all(question_.caller)));
    } else if (unheard_ != nullptr) {
      set_change(out_, "wait",
                 "wait: " + unheard_->offer.name + " has not said yet what it offers");
    }
  }
  return true;
}

void Survey::sum_up() {
  if (!sum_up_without_any()) sum_up_with_able();
}

void Survey::sum_up_with_able() {
  const std::string asks = request_text(request_);
  if (right_ == 0 && other_ != nullptr) {
    const std::string why =
        question_.reuse.contradiction(*question_.found.record, *question_.found.task, *other_);
    out_.summary = "it is ready, but no worker has what its pipeline began with";
    const bool passes = !why.starts_with("has another");
    set_change(out_, passes ? "wait" : "worker",
               passes
                   ? "wait: " + other_->offer.name + " " + why
                   : "give a worker the contents that the pipeline began with, or submit it anew");
  } else if (short_of_shared_) {
    out_.summary = "it is ready and waits for what all workers share; it asks for " + asks;
    set_change(out_, "wait", "wait: " + out_.conditions.front().text);
  } else if (idle_ != nullptr && is_held_for_others()) {
    out_.summary = "it is ready, but what all workers share is held for a task ahead of it";
  } else if (idle_ != nullptr) {
    out_.summary = "it is ready, and " + idle_->offer.name + " has room: its turn comes next";
    set_change(out_, "wait", "wait: its turn comes next");
  } else if (kept_ != nullptr && next_ == nullptr) {
    const std::string whom = task_text(question_, kept_->task);
    out_.summary = "it is ready, but the room there is, is kept for " + whom;
    wait_for(question_, kept_->task, out_);
    set_change(out_, "wait", "wait: " + whom + " comes first");
  } else {
    out_.summary = "it is ready and waits for room; it asks for " + asks;
    change_by_waiting();
  }
}

void Survey::change_by_waiting() {
  if (next_ == nullptr) return set_change(out_, "wait", "wait: somebody has room in time");
  std::string text = "wait: " + next_->offer.name + " " + next_lacks_;
  if (const auto last = question_.state.pipelines.find_task(next_room_.last_ended)) {
    wait_for(question_, last->task->id, out_);
    if (out_.expected_at == 0) {
      out_.expected_at = after(question_.now, next_room_.time).unix_ms;
    }
    text += "; " + task_text(question_, last->task->id) + " there " +
            (knows_run(question_.state, *last->task)
                 ? "should end " + left_text(next_room_.time)
                 : "may take until its time limit, " + left_text(next_room_.time));
  }
  if (smaller_ != nullptr) {
    text += "; or " + smaller_change_ + ", which " + smaller_->offer.name + " has free now";
  }
  set_change(out_, "wait", text);
}

}  // namespace

void explain_ready(const Question& question, protocol::Explanation& out) {
  Survey(question, out).look();
  explain_queue(question, out);
}

}  // namespace landseer::broker
