/// A pipeline's progress as text: one line for logs, a few lines for a terminal, and the decision
/// which changes are worth a line. Pure: the time comes in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/protocol/client_messages.h"
#include "submitter/cli/screen.h"

namespace landseer::cli {

/// Tasks that will not change any more.
std::uint64_t ended_tasks(const protocol::PipelineRow& row);
/// 0 to 100, and 100 only when everything has ended.
unsigned percent_ended(const protocol::PipelineRow& row);

/// `[########........]`, `columns` wide with its brackets.
std::string progress_bar(const Screen& screen, const protocol::PipelineRow& row,
                         std::size_t columns);

std::string progress_bar(const Screen& screen, std::uint64_t done, std::uint64_t total,
                         std::size_t columns);

/// `pipeline_3 'digits' running 57% 137/240 ended, 4 running, 2 failed, 12 cached, eta 3m05s`.
std::string progress_line(const protocol::PipelineRow& row);

/// Name, bar, counts, a line for each stage, notices. No line is wider than the screen.
std::vector<std::string> progress_lines(const Screen& screen,
                                        const protocol::PipelineStatus& status, WallTime now);

/// Without a terminal: a line when the state changed, at each further 10 % and after 30 s.
class ProgressFilter {
 public:
  bool is_due(const protocol::PipelineRow& row, Instant now);

 private:
  std::optional<protocol::PipelineState> state_;
  unsigned step_ = 0;
  Instant last_{};
};

/// Shows progress on one screen: redrawn in place on a terminal, filtered lines elsewhere.
class ProgressView {
 public:
  explicit ProgressView(const Screen& screen) : screen_(screen) {}
  void show(const protocol::PipelineStatus& status, Now now);

 private:
  const Screen& screen_;
  ProgressFilter filter_;
  std::size_t drawn_ = 0;  // lines on the terminal that the next call replaces
};

}  // namespace landseer::cli
