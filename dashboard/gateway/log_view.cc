#include "dashboard/gateway/log_view.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "submitter/client/log_stream.h"
#include "submitter/report/json_rows.h"
#include "submitter/report/utf8_end.h"

namespace landseer::gateway {
namespace {

using report::Json;

/// Of one at most: a shorter piece might never hold a whole one.
constexpr std::uint64_t kCharacterBytes = 4;

struct LogQuery {
  std::uint32_t attempt = 0;
  std::uint64_t offset = 0;
  std::uint64_t tail = 0;
  std::uint64_t limit = 262'144;
  std::uint64_t wait = 0;
};

template <class Number>
Result<void> read_number(const Request& request, const char* name, std::uint64_t min,
                         std::uint64_t max, Number& number) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return {};
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return fail(ErrorCode::kInvalid, "'" + text + "' is not a number that fits", name,
                "from " + std::to_string(min) + " to " + std::to_string(max));
  }
  number = static_cast<Number>(value);
  return {};
}

Result<LogQuery> log_query(const Request& request) {
  constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 53;  // what a page can count to
  LogQuery query;
  for (const auto& read :
       {read_number(request, "attempt", 1, UINT32_MAX, query.attempt),
        read_number(request, "offset", 0, kOffsetMax, query.offset),
        read_number(request, "tail", 1, kOffsetMax, query.tail),
        read_number(request, "limit", kCharacterBytes, protocol::kBlobChunkBytesMax, query.limit),
        read_number(request, "wait", 0, 1, query.wait)}) {
    if (!read) return tl::make_unexpected(read.error());
  }
  return query;
}

struct Part {
  client::LogPiece piece;
  std::uint64_t skipped = 0;  // passed over, because the viewer is behind
};

class Reader {
 public:
  Reader(client::LogStream& stream, const LogQuery& query, std::uint64_t left)
      : stream_(stream), query_(query), left_(left), most_(std::min(query.limit, left)) {}

  Result<Part> read() {
    if (query_.tail != 0) return read_tail();
    auto first = next(query_.offset, most_, query_.wait != 0);
    if (!first) return tl::make_unexpected(first.error());
    if (query_.wait == 0) return Part{std::move(*first)};
    const std::uint64_t from = follow_from(query_.offset, first->size, left_, most_);
    if (from == query_.offset) return Part{std::move(*first)};
    auto end = next(from, most_, false);
    if (!end) return tl::make_unexpected(end.error());
    return begin_with_a_line({std::move(*end), from - query_.offset});
  }
  /// Also what was only looked at.
  std::uint64_t fetched() const { return fetched_; }

 private:
  /// The size is known only from a first look.
  Result<Part> read_tail() {
    auto look = next(0, 1, false);
    if (!look) return tl::make_unexpected(look.error());
    auto piece = next(look->size - std::min(look->size, query_.tail), most_, false);
    if (!piece) return tl::make_unexpected(piece.error());
    return Part{std::move(*piece)};
  }
  Result<client::LogPiece> next(std::uint64_t offset, std::uint64_t most, bool wait) {
    stream_.limit_pieces(static_cast<std::uint32_t>(most));
    stream_.seek(offset);
    auto piece = stream_.next(wait);
    if (piece) fetched_ += piece->data.size();
    return piece;
  }
  static Part begin_with_a_line(Part part) {
    const auto end = part.piece.data.find('\n');
    if (end == std::string_view::npos) return part;
    part.piece.data.remove_prefix(end + 1);
    part.piece.offset += end + 1;
    part.skipped += end + 1;
    return part;
  }

  client::LogStream& stream_;
  const LogQuery& query_;
  const std::uint64_t left_;
  const std::uint64_t most_;  // in one piece
  std::uint64_t fetched_ = 0;
};

Response to_response(TaskId task, const client::LogStream& stream, const Part& part) {
  std::string text(part.piece.data);
  if (!part.piece.finished) text.resize(text.size() - report::unfinished_bytes(text));
  const Json object{{"task_id", to_string(task)},
                    {"attempt", stream.attempt()},
                    {"worker", stream.worker()},
                    {"offset", part.piece.offset},
                    {"next_offset", part.piece.offset + text.size()},
                    {"left_out", part.piece.left_out},
                    {"skipped", part.skipped},
                    {"size", part.piece.size},
                    {"finished", part.piece.finished},
                    {"text", text}};
  return text_response(200, "application/json", report::dump(object));
}

}  // namespace

Response log_view(client::Client& client, TaskId task, const Request& request, LogBudget& budget,
                  const std::string& viewer) {
  const auto query = log_query(request);
  if (!query) return error_response(query.error());
  const std::uint64_t left = budget.left(viewer, query->limit, net::now().instant);
  if (left == 0) {
    return error_response(Error{ErrorCode::kLimit, "this session reads logs too fast",
                                to_string(task), "1 MiB a second goes through; wait a second"});
  }
  client::LogStream stream(client, task, false);
  if (auto opened = stream.open(query->attempt); !opened) return error_response(opened.error());
  Reader reader(stream, *query, left);
  const auto part = reader.read();
  budget.charge(viewer, reader.fetched());
  if (!part) return error_response(part.error());
  return to_response(task, stream, *part);
}

}  // namespace landseer::gateway
