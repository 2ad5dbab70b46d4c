#include "submitter/client/log_stream.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/net/clock.h"

namespace landseer::client {
namespace {

/// How long a worker is asked to wait for more: long beside a round trip, and short enough that its
/// death, which nobody tells us, is noticed soon.
constexpr Duration kWait = std::chrono::seconds(2);
/// Beyond that wait: a live worker answers within milliseconds.
constexpr Duration kSilenceMax = std::chrono::seconds(5);
/// While the connection is being made, a request is tried again this often.
constexpr Duration kSendRetry = std::chrono::milliseconds(5);
constexpr Duration kBusyRetry = std::chrono::milliseconds(100);
constexpr int kReopensMax = 3;

std::uint32_t milliseconds(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Result<void> LogStream::open(std::uint32_t attempt) {
  auto reply = client_.open_stream({task_, attempt, false});
  if (!reply) return tl::make_unexpected(reply.error());
  if (reply->sources.empty()) {
    return fail(ErrorCode::kUnavailable, "no worker has the log", to_string(task_));
  }
  attempt_ = reply->attempt;
  over_ = reply->finished;
  worker_ = reply->sources.front().worker;
  ticket_ = std::move(reply->sources.front().ticket);
  window_.forget();
  return stream_.connect(reply->bulk_address);
}

Result<LogPiece> LogStream::next(bool follow) {
  Instant deadline = net::now().instant + kWait + kSilenceMax;
  while (true) {
    if (auto asked = ask(follow); !asked) return tl::make_unexpected(asked.error());
    const Duration left = deadline - net::now().instant;
    if (left <= Duration::zero()) {
      window_.forget();
      return fail(ErrorCode::kUnavailable, "no answer from worker '" + worker_ + "'",
                  to_string(task_), "see `landseer workers`");
    }
    auto news = stream_.wait(window_.waits() ? left : std::min(left, kSendRetry));
    if (!news) return tl::make_unexpected(news.error());
    auto piece = take(std::move(*news));
    if (!piece) return tl::make_unexpected(piece.error());
    if (!*piece) continue;
    reopened_ = 0;
    return std::move(**piece);
  }
}

Result<void> LogStream::ask(bool follow) {
  // At the end of a log that is over for the broker, nothing more can come.
  const std::uint32_t wait_ms = follow && !over_ ? milliseconds(kWait) : 0;
  while (const auto ask = window_.next()) {
    const protocol::GetLog request{ticket_, {}, 0, ask->offset, ask->limit, wait_ms, with_times_};
    if (stream_.send(request, ask->number)) continue;
    window_.forget();
    return {};
  }
  return {};
}

Result<std::optional<LogPiece>> LogStream::take(StreamNews news) {
  if (news.lost) window_.forget();
  if (!news.reply || !window_.expects(news.reply->number)) return std::nullopt;
  if (const auto* error = std::get_if<protocol::StreamError>(&news.reply->message)) {
    if (auto handled = on_error(*error); !handled) return tl::make_unexpected(handled.error());
    return std::nullopt;
  }
  auto* data = std::get_if<protocol::LogDataView>(&news.reply->message);
  if (data == nullptr) return std::nullopt;
  const std::uint64_t before = window_.received();
  const std::uint64_t number = news.reply->number;
  const auto verdict = data->found
                           ? window_.take(number, data->offset, data->size, data->data.size())
                           : PieceWindow::Verdict::kTaken;
  if (verdict == PieceWindow::Verdict::kIgnored) return std::nullopt;
  if (!data->found && !over_) {
    return fail(ErrorCode::kUnavailable, "worker '" + worker_ + "' has not started the tool yet",
                to_string(task_), "`landseer logs -f` waits for it");
  }
  if (!data->found || verdict == PieceWindow::Verdict::kWrong) {
    return fail(ErrorCode::kNotFound,
                data->found ? "worker '" + worker_ + "' answers with what was not asked for"
                            : "worker '" + worker_ + "' has no log of this attempt any more",
                to_string(task_), "logs are kept until the worker needs the space");
  }
  return LogPiece{data->offset,         data->offset > before ? data->offset - before : 0,
                  data->size,           (data->finished || over_) && window_.at_end(),
                  data->data,           std::move(data->times),
                  std::move(news.frame)};
}

/// An expired ticket, or one of another start of the broker, is replaced; the rest is for the
/// caller.
Result<void> LogStream::on_error(const protocol::StreamError& error) {
  window_.forget();
  if (error.code == ErrorCode::kLimit) return client_.pause(kBusyRetry);
  if (error.code == ErrorCode::kNotAllowed && reopened_++ < kReopensMax) return open(attempt_);
  return fail(error.code, "cannot read from worker '" + worker_ + "': " + error.message,
              to_string(task_), error.hint);
}

}  // namespace landseer::client
