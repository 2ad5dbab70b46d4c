/// The policy `finish-first`: whole workflows early, and no GPU idle at the end.
///
/// A task's *price* is the expected time of GPUs that a finished workflow costs from here on: of
/// all sets of open tasks that begin with this one and hold, with a task, what it depends on, that
/// of the cheapest. The lowest price goes first. So work goes on where most of it is done already.
/// On trees the price is exact; a task that depends on several open ones is shared among these.
///
/// The *guard* goes before that: while the longest path from a ready task is no shorter than what
/// each running task's share of the remaining work takes, that path would end alone, with the other
/// GPUs idle. So it is followed first.
///
/// Source: Horn, Single-machine job sequencing with treelike precedence ordering and linear delay
/// penalties, 1972; figures: docs/testing.md, "Scheduling quality".
#pragma once

#include <memory>

#include "common/domain/policy.h"

namespace landseer::domain {

/// Shows the price in milliseconds of one GPU; 0 for what is over, `kNoWorkflow` if nothing is
/// finished by it. O(n log n) when built; an update costs what the tasks above have as dependents.
std::unique_ptr<Policy> make_finish_first();

/// Shown for a task all of whose workflows are lost: it goes last.
inline constexpr std::int64_t kNoWorkflow = std::int64_t{1} << 50;

}  // namespace landseer::domain
