/// Asking why a task waits, or why it ran although work like it was done before.
/// docs/protocol.md, "Client messages".
#pragma once

#include <string>
#include <vector>

#include "common/protocol/client_rows.h"

namespace landseer::protocol {

/// Why a task is not running, or why it ran.
struct GetExplanation {
  TaskId task{};
  bool operator==(const GetExplanation&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
  }
};

/// One ingredient of a task's identity that is another one in an earlier task.
struct Difference {
  std::string ingredient;  ///< `command`, `config/epochs`, `image content`
  std::string here;        ///< empty: absent
  std::string there;
  bool operator==(const Difference&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("ingredient", m.ingredient);
    visit("here", m.here);
    visit("there", m.there);
  }
};

struct Explanation {
  TaskRow row;
  std::string summary;               ///< one sentence
  std::vector<std::string> reasons;  ///< each condition that is not met, with numbers
  TaskId compared_with{};            ///< the earlier task that is most like it; none: no such
  TaskId differs_at{};               ///< where the difference begins: the task or an ancestor
  std::vector<Difference> differences;
  bool operator==(const Explanation&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("row", m.row);
    visit("summary", m.summary);
    visit("reasons", m.reasons);
    visit("compared_with", m.compared_with);
    visit("differs_at", m.differs_at);
    visit("differences", m.differences);
  }
};

}  // namespace landseer::protocol
