/// What each verb can be told: plain data, filled by the command line, taken by the verb.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace landseer::cli {

/// A pipeline file and how it becomes workflows: the same for `plan` and `submit`.
struct FileOptions {
  std::string file;
  std::string tools;
  std::string datasets;
  std::string evaluators;
  std::string expansion;  ///< empty: as the file says, else permutations
  std::uint64_t max_workflows = 100'000;
  std::vector<std::string> set;
};

/// How long somebody waits for a forecast. Zero: none is made.
struct ForecastOptions {
  Duration limit = std::chrono::seconds(10);
};

struct PlanOptions {
  FileOptions source;
  std::vector<std::string> workers;         ///< imagined ones, a case each; empty: the broker's
  std::vector<std::string> policies;        ///< a case each; empty: the file's
  std::string durations;                    ///< file; empty: only what the broker has learned
  std::optional<std::uint64_t> stop_after;  ///< complete workflows
  ForecastOptions forecast;
};

struct SubmitOptions {
  FileOptions source;
  std::string name;    ///< empty: the file's
  std::string policy;  ///< empty: the file's
  std::optional<std::int64_t> priority;
  std::string submission_id;  ///< empty: a new one
  bool wait = false;
  bool no_cache = false;
  std::optional<std::uint64_t> stop_after;  ///< complete workflows
  std::vector<std::string> stop_when;       ///< rules, instead of the file's
};

struct PipelineOptions {
  std::string pipeline = "last";
};

struct StatusOptions {
  std::string pipeline = "last";
  ForecastOptions forecast{std::chrono::seconds(3)};
};

struct WaitOptions {
  std::string pipeline;
  std::optional<Duration> timeout;
};

struct TasksOptions {
  std::string pipeline = "last";
  std::string status;
  std::string tool;
};

struct LogsOptions {
  std::string task;
  std::uint32_t attempt = 0;  ///< 0: the latest
  bool follow = false;
  std::optional<std::uint64_t> tail;  ///< lines
  bool timestamps = false;
};

struct FetchOptions {
  std::string task;
  std::string folder;  ///< empty: task_7 here
  bool force = false;
};

struct CancelOptions {
  std::string target;
  bool yes = false;
  std::string tool{};  ///< only its tasks
  bool dry_run = false;
};

/// Exactly one of the two is said.
struct DrainOptions {
  std::string worker;
  std::string label;  ///< KEY=VALUE
  bool now = false;
};

struct WorkersOptions {
  std::string label;  ///< KEY=VALUE; empty: all
};

struct RetryOptions {
  std::string target;
  std::string tool{};   ///< only its tasks
  bool pruned = false;  ///< only what rules gave up
};

/// At most one of the last four is said.
struct PauseOptions {
  std::string target;
  std::string tool{};       ///< only its tasks
  std::string workflow{};   ///< of the target, as ids: `workflow_7-9`, `7`
  std::string task{};       ///< of the target
  bool everything = false;  ///< to resume: whatever of it is paused
};

struct PriorityOptions {
  std::string pipeline;
  std::int64_t priority = 0;
};

struct ResultsOptions {
  std::string pipeline = "last";
  std::string csv;  ///< folder; empty: no files
  bool interactions = false;
  std::string metric;  ///< of the interactions; empty: the first that is known
};

struct DashboardOptions {
  bool control = false;  ///< the link lets its user act, not only look
};

struct KeysAddOptions {
  std::string name;
  std::string role;
  std::string owner;     ///< whose pipelines it sees; empty: those of its name
  bool replace = false;  ///< the key of that name, with a new pair
};

struct UpOptions {
  std::uint32_t workers = 2;
  std::string cpus;  ///< of each worker; empty: this host's divided by their number
  std::vector<std::string> data;
  std::string images;
  std::string runtime = "process";
  std::string lease;
  std::string workers_bind = "tcp://127.0.0.1:0";
  std::string clients_bind = "tcp://127.0.0.1:0";
  std::string bulk_bind = "tcp://127.0.0.1:0";
  std::string dashboard_bind = "127.0.0.1:0";
  bool no_dashboard = false;
};

}  // namespace landseer::cli
