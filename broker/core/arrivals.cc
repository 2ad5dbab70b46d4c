#include "broker/core/arrivals.h"

#include <algorithm>

#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// As many bytes as may be staged in parts before they arrive.
constexpr std::size_t kBytesMax = 2 * protocol::kSubmissionBytesMax;
constexpr std::size_t kArrivalsMax = 256;

std::uint64_t tasks_of(const Arrival& arrival) {
  return arrival.built ? arrival.built->record->pipeline->tasks.size() : 0;
}

}  // namespace

void build(Arrival& arrival, const KnownTimes& times) {
  arrival.digest = sha256(arrival.body);
  auto submission = protocol::decode_submission(arrival.body);
  if (!submission) {
    arrival.built = tl::make_unexpected(submission.error());
  } else if (submission->submission_id != arrival.submission_id) {
    arrival.built =
        fail(ErrorCode::kInvalid, "the chunks and their content name different submission ids",
             arrival.submission_id, "check the client");
  } else {
    arrival.built = build_pipeline(*submission, times);
    arrival.model_script = std::move(submission->model_script);
  }
}

Arrival build(BuildRequest request) {
  build(request.arrival, [&](const std::string& tool) -> std::optional<Duration> {
    const auto known = request.times.find(tool);
    return known != request.times.end() ? std::optional(known->second) : std::nullopt;
  });
  return std::move(request.arrival);
}

void Arrivals::add(Arrival arrival) {
  bytes_ += arrival.body.size();
  tasks_ += tasks_of(arrival);
  waiting_.push_back(std::move(arrival));
}

void Arrivals::answered(WorkerId worker, std::uint64_t check) {
  for (Arrival& arrival : waiting_) {
    if (arrival.check <= check) arrival.unanswered.erase(worker);
  }
}

bool Arrivals::is_over_limit() const {
  return waiting_.size() > kArrivalsMax || (bytes_ > kBytesMax && waiting_.size() > 1);
}

std::optional<Arrival> Arrivals::take(Instant now) {
  auto ripe = std::find_if(waiting_.begin(), waiting_.end(), [&](const Arrival& arrival) {
    return arrival.unanswered.empty() || arrival.deadline <= now;
  });
  if (ripe == waiting_.end() && is_over_limit()) ripe = waiting_.begin();
  if (ripe == waiting_.end()) return std::nullopt;
  Arrival arrival = std::move(*ripe);
  waiting_.erase(ripe);
  bytes_ -= arrival.body.size();
  tasks_ -= tasks_of(arrival);
  return arrival;
}

std::optional<Instant> Arrivals::next_deadline() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().deadline;
}

}  // namespace landseer::broker
