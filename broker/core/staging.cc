#include "broker/core/staging.h"

#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

constexpr std::size_t kStagedBytesMax = 2 * protocol::kSubmissionBytesMax;

}  // namespace

std::list<Staging::Staged>::iterator Staging::find(PeerId peer, const std::string& submission_id) {
  auto it = staged_.begin();
  while (it != staged_.end() && (it->peer != peer || it->submission_id != submission_id)) ++it;
  return it;
}

void Staging::drop(std::list<Staged>::iterator staged) {
  bytes_ -= staged->body.size();
  staged_.erase(staged);
}

void Staging::make_room() {
  while (staged_.size() > protocol::kStagedSubmissionsMax ||
         (bytes_ > kStagedBytesMax && staged_.size() > 1)) {
    drop(staged_.begin());
  }
}

Result<void> Staging::add(PeerId peer, const protocol::SubmitChunk& chunk) {
  auto found = find(peer, chunk.submission_id);
  if (chunk.index == 0) {
    if (found != staged_.end()) drop(found);
    staged_.push_back({peer, chunk.submission_id, 0, {}});
    found = std::prev(staged_.end());
  }
  if (found == staged_.end() || chunk.index != found->next) {
    if (found != staged_.end()) drop(found);
    return fail(ErrorCode::kConflict,
                "chunk " + std::to_string(chunk.index) + " of the submission is out of order",
                chunk.submission_id, "submit again from the first chunk");
  }
  if (found->body.size() + chunk.data.size() > protocol::kSubmissionBytesMax) {
    drop(found);
    return fail(ErrorCode::kLimit, "the submission is larger than 256 MiB", chunk.submission_id,
                "submit fewer workflows at once");
  }
  found->body += chunk.data;
  ++found->next;
  bytes_ += chunk.data.size();
  staged_.splice(staged_.end(), staged_, found);
  make_room();
  return {};
}

std::string Staging::take(PeerId peer, const std::string& submission_id) {
  const auto found = find(peer, submission_id);
  if (found == staged_.end()) return {};
  std::string body = std::move(found->body);
  bytes_ -= body.size();
  staged_.erase(found);
  return body;
}

}  // namespace landseer::broker
