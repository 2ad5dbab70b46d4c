#include "dashboard/gateway/log_view.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/protocol/limits.h"
#include "submitter/client/log_stream.h"
#include "submitter/report/json_rows.h"
#include "submitter/report/utf8_end.h"

namespace landseer::gateway {
namespace {

using report::Json;

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
        read_number(request, "limit", 1, protocol::kBlobChunkBytesMax, query.limit),
        read_number(request, "wait", 0, 1, query.wait)}) {
    if (!read) return tl::make_unexpected(read.error());
  }
  return query;
}

/// Begins where the query says; the size is known only from a first look.
Result<client::LogPiece> read(client::LogStream& stream, const LogQuery& query) {
  stream.seek(query.tail != 0 ? 0 : query.offset);
  auto piece = stream.next(query.wait != 0 && query.tail == 0);
  if (!piece || query.tail == 0 || piece->size <= query.tail) return piece;
  stream.seek(piece->size - query.tail);
  return stream.next(false);
}

}  // namespace

Response log_view(client::Client& client, TaskId task, const Request& request) {
  const auto query = log_query(request);
  if (!query) return error_response(query.error());
  client::LogStream stream(client, task, false);
  if (auto opened = stream.open(query->attempt); !opened) return error_response(opened.error());
  auto piece = read(stream, *query);
  if (!piece) return error_response(piece.error());
  std::string text(piece->data.substr(0, query->limit));
  const bool is_last = piece->finished && text.size() == piece->data.size();
  if (!is_last) text.resize(text.size() - report::unfinished_bytes(text));
  const Json object{{"task_id", to_string(task)},
                    {"attempt", stream.attempt()},
                    {"worker", stream.worker()},
                    {"offset", piece->offset},
                    {"next_offset", piece->offset + text.size()},
                    {"left_out", piece->left_out},
                    {"size", piece->size},
                    {"finished", piece->finished},
                    {"text", text}};
  return text_response(200, "application/json", report::dump(object));
}

}  // namespace landseer::gateway
