#include "submitter/client/piece_window.h"

namespace landseer::client {

void PieceWindow::seek(std::uint64_t offset) {
  received_ = offset;
  size_.reset();
  forget();
}

void PieceWindow::forget() {
  pending_.clear();
  asked_ = received_;
}

std::optional<PieceWindow::Ask> PieceWindow::next() {
  const bool alone = !size_ || asked_ >= *size_;
  if (pending_.size() >= kPiecesAhead || (alone && !pending_.empty())) return std::nullopt;
  pending_.push_back({++last_number_, asked_, piece_bytes_});
  asked_ += piece_bytes_;
  return pending_.back();
}

bool PieceWindow::expects(std::uint64_t number) const {
  return !pending_.empty() && number >= pending_.front().number && number <= last_number_;
}

PieceWindow::Verdict PieceWindow::take(std::uint64_t number, std::uint64_t offset,
                                       std::uint64_t size, std::uint64_t bytes) {
  if (!expects(number)) return Verdict::kIgnored;
  if (number != pending_.front().number) {
    forget();  // replies come in order, so those before it were lost
    return Verdict::kIgnored;
  }
  const Ask ask = pending_.front();
  pending_.pop_front();
  if (offset < ask.offset || bytes > ask.limit || offset + bytes > size) return Verdict::kWrong;
  size_ = size;
  received_ = offset + bytes;
  // Shorter than asked, or further on: the requests behind it miss.
  if (received_ != ask.offset + ask.limit) forget();
  return Verdict::kTaken;
}

}  // namespace landseer::client
