#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/domain/types.h"
#include "common/protocol/limits.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/log_text.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

// How long `logs -f` rests when the log has not grown: each poll costs the worker one message.
constexpr Duration kPollInterval = std::chrono::milliseconds(200);
// How often `logs -f` asks whether a pending task has started.
constexpr Duration kStartInterval = std::chrono::seconds(1);

class LogReader {
 public:
  LogReader(Context& context, client::Client& client, TaskId task, const LogsOptions& options)
      : context_(context),
        client_(client),
        options_(options),
        what_{task, options.attempt, 0, protocol::kLogChunkBytesMax, false},
        text_(!context.out().terminal || context.json()) {}

  Result<int> run() {
    if (options_.follow && options_.attempt == 0) {
      if (auto begun = wait_for_attempt(); !begun) return tl::make_unexpected(begun.error());
    }
    if (options_.tail) {
      if (auto found = go_to_tail(*options_.tail); !found) {
        return tl::make_unexpected(found.error());
      }
    }
    while (true) {
      auto piece = client_.read_log(what_);
      if (!piece) return tl::make_unexpected(piece.error());
      what_.attempt = piece->attempt;  // "the latest" is settled by the first answer
      if (!piece->data.empty()) {
        print(*piece);
        what_.offset = piece->offset + piece->data.size();
        if (what_.offset < piece->size) continue;
      }
      if (!options_.follow || piece->finished) return finish(*piece);
      if (!context_.json()) context_.print(text_.take_rest(false));
      if (auto paused = client_.pause(kPollInterval); !paused) {
        return tl::make_unexpected(paused.error());
      }
    }
  }

 private:
  /// A task that is still to run has no log yet: -f waits for it.
  Result<void> wait_for_attempt() {
    bool noted = false;
    while (true) {
      const auto detail = client_.task(what_.task);
      if (!detail) return tl::make_unexpected(detail.error());
      const auto status = static_cast<domain::TaskStatus>(detail->row.status);
      if (detail->row.attempts > 0 || domain::is_terminal(status)) return {};
      if (!noted) context_.note(to_string(what_.task) + " has not started yet; waiting");
      noted = true;
      if (auto paused = client_.pause(kStartInterval); !paused) return paused;
    }
  }

  /// Reads backwards until the piece holds enough lines, and sets the offset of the first wanted.
  Result<void> go_to_tail(std::uint64_t lines) {
    what_.from_end = true;
    auto piece = client_.read_log(what_);
    what_.from_end = false;
    if (!piece) return tl::make_unexpected(piece.error());
    what_.attempt = piece->attempt;
    std::string seen = std::move(piece->data);
    std::uint64_t begin = piece->offset;
    while (begin > 0 && count_lines(seen) <= lines) {
      const std::uint64_t step = std::min<std::uint64_t>(begin, protocol::kLogChunkBytesMax);
      what_.offset = begin - step;
      what_.limit = static_cast<std::uint32_t>(step);
      auto earlier = client_.read_log(what_);
      if (!earlier) return tl::make_unexpected(earlier.error());
      if (earlier->data.size() != step) break;  // the log was cut meanwhile
      seen.insert(0, earlier->data);
      begin -= step;
    }
    what_.limit = protocol::kLogChunkBytesMax;
    what_.offset = begin + tail_begin(seen, static_cast<std::size_t>(lines));
    return {};
  }

  void print(const protocol::LogPiece& piece) {
    if (!context_.json()) {
      context_.print(text_.add(piece.data));
    } else if (options_.follow) {
      print_line(context_, {{"task_id", to_string(what_.task)},
                            {"attempt", piece.attempt},
                            {"offset", piece.offset},
                            {"text", piece.data}});
    } else {
      collected_ += piece.data;
    }
  }

  Result<int> finish(const protocol::LogPiece& last) {
    if (!context_.json()) {
      context_.print(text_.take_rest(true));
      if (!last.finished) context_.next("landseer logs -f " + to_string(what_.task));
    } else if (!options_.follow) {
      print_document(context_, {{"task_id", to_string(what_.task)},
                                {"attempt", last.attempt},
                                {"size", last.size},
                                {"finished", last.finished},
                                {"text", collected_}});
    }
    return kSuccess;
  }

  Context& context_;
  client::Client& client_;
  const LogsOptions& options_;
  protocol::ReadLog what_;
  LogText text_;
  std::string collected_;
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
