#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/protocol/limits.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/log_follower.h"
#include "submitter/cli/log_text.h"
#include "submitter/cli/log_times.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/log_stream.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

class LogReader {
 public:
  LogReader(Context& context, client::Client& client, TaskId task, const LogsOptions& options)
      : context_(context),
        options_(options),
        task_(task),
        stream_(client, task, options.timestamps),
        follower_(context, task),
        text_(!context.out().interprets || context.json()) {}

  Result<int> run() {
    std::uint32_t attempt = options_.attempt;
    if (goes_on()) {
      // All attempts, from the latest on.
      auto first = follower_.wait_for_attempt_after(0);
      if (!first) return tl::make_unexpected(first.error());
      attempt = first->value_or(0);
    }
    for (bool first = true;; first = false) {
      auto read = show(attempt, first);
      if (!read) return tl::make_unexpected(read.error());
      if (!goes_on()) return finish();
      auto next = follower_.wait_for_attempt_after(attempt);
      if (!next) return tl::make_unexpected(next.error());
      if (!*next) return finish();
      attempt = **next;
      print_text(text_.take_rest(true));
    }
  }

 private:
  /// Without a number, -f follows the task and not one attempt of it.
  bool goes_on() const { return options_.follow && options_.attempt == 0; }

  /// Everything of one attempt, with -f until it is over.
  Result<void> show(std::uint32_t attempt, bool first) {
    bool begun = false;
    bool stale = true;  // the leave to read is
    while (true) {
      auto done = !begun ? begin(attempt, first) : stale ? reopen() : read_piece();
      if (done && *done) return {};
      if (done) {
        begun = true;
        stale = false;
        continue;
      }
      if (!options_.follow) return tl::make_unexpected(done.error());
      auto worth = follower_.ride_out(attempt, done.error());
      if (!worth) return tl::make_unexpected(worth.error());
      if (!*worth) return cut_short(done.error());
      stale = true;
    }
  }

  // Of these, true means that the log is at its end.

  Result<bool> begin(std::uint32_t attempt, bool first) {
    if (auto opened = stream_.open(attempt); !opened) return tl::make_unexpected(opened.error());
    stream_.seek(0);
    if (first && options_.tail) {
      if (auto found = go_to_tail(*options_.tail); !found) {
        return tl::make_unexpected(found.error());
      }
    }
    return false;
  }

  Result<bool> reopen() {
    if (auto again = stream_.open(stream_.attempt()); !again) {
      return tl::make_unexpected(again.error());
    }
    return false;
  }

  Result<bool> read_piece() {
    auto piece = stream_.next(options_.follow);
    if (!piece) return tl::make_unexpected(piece.error());
    follower_.reset();
    size_ = piece->size;
    finished_ = piece->finished;
    if (!piece->data.empty() || piece->left_out > 0) print(*piece);
    if (finished_) return true;
    if (!options_.follow) return stream_.received() >= piece->size;
    if (!piece->data.empty()) return false;
    if (!context_.json()) context_.print(text_.take_rest(false));
    // Nothing for a while: the broker may know why.
    return reopen();
  }

  /// The attempt is over and its worker is away: what it wrote last cannot be had now.
  Result<void> cut_short(const Error& error) {
    if (!goes_on()) return tl::make_unexpected(error);
    context_.warn("the log of attempt " + std::to_string(stream_.attempt()) +
                  " ends here: " + error.message);
    return {};
  }

  /// Reads backwards until there are enough lines, and goes to the beginning of the first wanted.
  Result<void> go_to_tail(std::uint64_t lines) {
    auto probe = stream_.next(false);
    if (!probe) return tl::make_unexpected(probe.error());
    const std::uint64_t end = probe->size;
    std::string seen;
    std::uint64_t begin = end;
    while (begin > 0 && count_lines(seen) <= lines) {
      const std::uint64_t step = std::min<std::uint64_t>(begin, protocol::kBlobChunkBytesMax);
      stream_.seek(begin - step);
      std::string earlier;
      while (stream_.received() < begin) {
        auto piece = stream_.next(false);
        if (!piece) return tl::make_unexpected(piece.error());
        // The ring of a full log begins here: the tail cannot begin earlier.
        if (piece->left_out > 0 || piece->data.empty()) {
          stream_.seek(std::min(piece->offset, end));
          return {};
        }
        earlier += piece->data;
      }
      earlier.resize(static_cast<std::size_t>(step));
      seen.insert(0, earlier);
      begin -= step;
    }
    stream_.seek(begin + tail_begin(seen, static_cast<std::size_t>(lines)));
    return {};
  }

  void print(const client::LogPiece& piece) {
    const bool as_it_is = text_.raw() && !options_.timestamps && !context_.json();
    if (as_it_is && piece.left_out == 0) return context_.print(piece.data);
    std::string data;
    if (piece.left_out > 0) {
      left_out_ += piece.left_out;
      data = "\n[landseer: " + std::to_string(piece.left_out) +
             " bytes of output were left out here: the log has its limit]\n";
    }
    data += options_.timestamps && !context_.json()
                ? stamps_.add(piece.offset, piece.data, piece.times)
                : std::string(piece.data);
    if (!context_.json()) {
      print_text(text_.add(data));
    } else if (options_.follow) {
      Json line{{"task_id", to_string(task_)},
                {"attempt", stream_.attempt()},
                {"offset", piece.offset},
                {"left_out", piece.left_out},
                {"text", data}};
      if (options_.timestamps) line["times"] = times_json(piece.times);
      print_line(context_, line);
    } else {
      collected_ += data;
      times_.insert(times_.end(), piece.times.begin(), piece.times.end());
    }
  }

  void print_text(const std::string& text) {
    if (!context_.json()) context_.print(text);
  }

  static Json times_json(const std::vector<protocol::LogTime>& times) {
    Json list = Json::array();
    for (const protocol::LogTime& time : times) {
      list.push_back({{"offset", time.offset}, {"time", utc_time(time.unix_ms)}});
    }
    return list;
  }

  Result<int> finish() {
    if (!context_.json()) {
      context_.print(text_.take_rest(true));
      if (!finished_) context_.next("landseer logs -f " + to_string(task_));
    } else if (!options_.follow) {
      Json document{
          {"task_id", to_string(task_)}, {"attempt", stream_.attempt()}, {"size", size_},
          {"finished", finished_},       {"left_out", left_out_},        {"text", collected_}};
      if (options_.timestamps) document["times"] = times_json(times_);
      print_document(context_, document);
    }
    return kSuccess;
  }

  Context& context_;
  const LogsOptions& options_;
  TaskId task_;
  client::LogStream stream_;
  LogFollower follower_;
  LogText text_;
  LogStamps stamps_;
  std::string collected_;
  std::vector<protocol::LogTime> times_;
  std::uint64_t size_ = 0;
  std::uint64_t left_out_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<int> run_logs(Context& context, const LogsOptions& options) {
  const auto task = client::select_task(options.task);
  if (!task) return tl::make_unexpected(task.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  return LogReader(context, **client, *task, options).run();
}

}  // namespace landseer::cli
