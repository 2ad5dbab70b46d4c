#include "submitter/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/domain/types.h"
#include "submitter/cli/text_width.h"
#include "submitter/cli/times.h"

namespace landseer::cli {
namespace {

constexpr Duration kLineInterval = std::chrono::seconds(30);
constexpr unsigned kStepPercent = 10;
constexpr std::size_t kBarColumns = 32;

std::string eta_text(const protocol::PipelineRow& row) {
  if (row.eta_ms < 0 || row.finished_at > 0) return {};
  return ", eta " + format_duration(std::chrono::milliseconds(row.eta_ms));
}

/// `137/240 ended, 4 running, 2 failed`: counts of 0 are left out.
std::string counts_text(const protocol::PipelineRow& row) {
  std::string text = fmt::format("{}/{} ended", ended_tasks(row), row.total);
  const auto add = [&text](std::uint64_t count, const char* word) {
    if (count > 0) text += fmt::format(", {} {}", count, word);
  };
  add(row.running, "running");
  add(row.ready, "ready");
  add(row.failed, "failed");
  add(row.skipped, "skipped");
  add(row.cancelled - std::min(row.cancelled, row.pruned), "cancelled");
  add(row.pruned, "pruned");
  add(row.cached, "cached");
  return text;
}

std::string milliseconds_text(std::uint64_t ms) {
  return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

/// `  stop_when      clean_accuracy < 0.5: held 3 times, 12 tasks pruned, about 2h10m saved`.
std::string pruning_line(const protocol::PruningRow& row) {
  std::string line = fmt::format("  {:<14} {}: ", "rule", row.rule);
  if (row.times == 0) return line + "did not hold so far";
  line += fmt::format("held {}, {} tasks pruned",
                      row.times == 1 ? "once" : fmt::format("{} times", row.times), row.tasks);
  if (row.saved_ms > 0) line += ", about " + milliseconds_text(row.saved_ms) + " saved";
  if (row.gpu_ms > 0) line += ", " + milliseconds_text(row.gpu_ms) + " of GPUs";
  if (row.unknown > 0) line += fmt::format(", {} of unknown length", row.unknown);
  return line;
}

std::string stage_line(const Screen& screen, const protocol::StageCounts& stage) {
  const auto type = domain::to_string(static_cast<domain::TaskType>(stage.type));
  std::string line = fmt::format("  {:<14} {:>6}/{}", type, stage.completed, stage.total);
  if (stage.running > 0) line += fmt::format(", {} running", stage.running);
  if (stage.failed > 0) line += fmt::format(", {} not completed", stage.failed);
  return fit(line, screen.width == 0 ? line.size() : screen.width, screen.ellipsis());
}

}  // namespace

std::uint64_t ended_tasks(const protocol::PipelineRow& row) {
  return row.completed + row.failed + row.skipped + row.cancelled;
}

unsigned percent_ended(const protocol::PipelineRow& row) {
  if (row.total == 0) return 100;
  return static_cast<unsigned>(ended_tasks(row) * 100 / row.total);
}

std::string progress_bar(const Screen& screen, const protocol::PipelineRow& row,
                         std::size_t columns) {
  return progress_bar(screen, ended_tasks(row), row.total, columns);
}

std::string progress_bar(const Screen& screen, std::uint64_t done, std::uint64_t total,
                         std::size_t columns) {
  const std::size_t inner = columns > 2 ? columns - 2 : 0;
  const std::size_t full =
      total == 0 ? inner : static_cast<std::size_t>(std::min(done, total) * inner / total);
  std::string bar = "[";
  for (std::size_t i = 0; i < inner; ++i) {
    if (screen.unicode) {
      bar += i < full ? "\u2588" : "\u00b7";
    } else {
      bar += i < full ? '#' : '.';
    }
  }
  return bar + "]";
}

std::string progress_line(const protocol::PipelineRow& row) {
  return strip_control(fmt::format("{} '{}' {} {}% {}{}", to_string(row.pipeline), row.name,
                                   protocol::to_string(row.state), percent_ended(row),
                                   counts_text(row), eta_text(row)),
                       false);
}

std::vector<std::string> progress_lines(const Screen& screen,
                                        const protocol::PipelineStatus& status, WallTime now) {
  const protocol::PipelineRow& row = status.row;
  const auto fitted = [&screen](const std::string& text) {
    const std::string clean = one_line(text);
    return screen.width == 0 ? clean : fit(clean, screen.width, screen.ellipsis());
  };
  std::vector<std::string> lines;
  const std::string state(protocol::to_string(row.state));
  const std::string since = elapsed(row.submitted_at, row.finished_at, now.unix_ms);
  const std::string head = fitted(fmt::format("{}  {}  ", to_string(row.pipeline), row.name));
  const std::string rank = row.priority == 0 ? "" : fmt::format("  priority {}", row.priority);
  const std::string tail = fmt::format("  {}{}", since, rank);
  const std::size_t used = display_width(head) + state.size() + tail.size();
  // Colour codes must not be cut: without room the plain text is.
  lines.push_back(screen.width == 0 || used <= screen.width
                      ? head + paint(screen, color_of(row.state), state) + tail
                      : fitted(head + state + tail));
  const std::size_t bar = screen.width == 0 ? kBarColumns : std::min(kBarColumns, screen.width / 3);
  lines.push_back(fitted(fmt::format("  {} {:>3}%  {}{}", progress_bar(screen, row, bar),
                                     percent_ended(row), counts_text(row), eta_text(row))));
  lines.push_back(fitted(
      fmt::format("  {:<14} {:>6}/{}", "workflows", row.workflows_completed, row.workflows)));
  for (const protocol::StageCounts& stage : status.stages) {
    if (stage.total > 0) lines.push_back(stage_line(screen, stage));
  }
  for (const protocol::PruningRow& rule : status.prunings) {
    lines.push_back(fitted(pruning_line(rule)));
  }
  for (const std::string& notice : status.notices) lines.push_back(fitted("  ! " + notice));
  return lines;
}

bool ProgressFilter::is_due(const protocol::PipelineRow& row, Instant now) {
  const unsigned step = percent_ended(row) / kStepPercent;
  const bool due = state_ != row.state || step > step_ || now - last_ >= kLineInterval;
  if (!due) return false;
  state_ = row.state;
  step_ = step;
  last_ = now;
  return true;
}

void ProgressView::show(const protocol::PipelineStatus& status, Now now) {
  if (!screen_.terminal) {
    if (filter_.is_due(status.row, now.instant)) {
      screen_.stream << progress_line(status.row) << std::endl;
      // Whoever waits for it should know that waiting alone does not help.
      if (status.row.state != protocol::PipelineState::kPaused) return;
      for (const std::string& notice : status.notices) {
        screen_.stream << "  ! " << one_line(notice) << std::endl;
      }
    }
    return;
  }
  // Up to the first line drawn before, then clear to the end of the screen.
  if (drawn_ > 0) screen_.stream << "\x1b[" << drawn_ << "A\r\x1b[J";
  const auto lines = progress_lines(screen_, status, now.wall);
  for (const std::string& line : lines) screen_.stream << line << '\n';
  screen_.stream.flush();
  drawn_ = lines.size();
}

}  // namespace landseer::cli
