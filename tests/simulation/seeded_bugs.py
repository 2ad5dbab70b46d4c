"""Bugs that the simulator must find: each breaks one promise, and none of them breaks a quiet day.

PATCHES change a source (the text must occur exactly once); SWITCHES are faults of the simulated shells, given to the
simulator with --bug. run_seeded_bugs.py runs them all.
"""
from collections import namedtuple

Patch = namedtuple("Patch", "name file find replacement breaks")
Switch = namedtuple("Switch", "name breaks")

WORKERS = "broker/core/broker_workers.cc"
LIVENESS = "broker/core/broker_liveness.cc"
LEDGER = "broker/core/ledger.cc"
LIFECYCLE = "broker/core/lifecycle.cc"
SCHEDULER = "common/domain/priority_scheduler.cc"
AGENT = "worker/core/agent.cc"

PATCHES = [
    # --- What the broker believes ---
    Patch("ignore_the_attempt_number", WORKERS,
          "    if (known == worker->attempts.end() || known->second != attempt) {\n      ++state_.stale_messages;\n"
          "      continue;\n    }\n    take_result",
          "    if (known == worker->attempts.end()) {\n      ++state_.stale_messages;\n"
          "      continue;\n    }\n    take_result",
          "a result counts whichever attempt it is of"),
    Patch("ignore_the_session", WORKERS, "worker == nullptr || worker->session != session",
          "worker == nullptr", "messages of an old conversation are believed"),
    Patch("believe_an_overtaken_hello", WORKERS, "hello.number != 0 && hello.number <= worker->offer.number",
          "false", "an old Hello takes back what was assigned since"),
    Patch("keep_what_was_given_away", WORKERS, "verdicts.push_back({held, keep});",
          "verdicts.push_back({held, true});", "a worker that comes back goes on with what others were given"),
    Patch("believe_nothing_that_is_held", WORKERS, "known != worker.attempts.end() && known->second == held",
          "known != worker.attempts.end() && held.attempt == 0", "running tools are given away at each Hello"),
    Patch("do_not_take_back_what_is_missing", WORKERS, "if (kept.contains(task)) continue;",
          "if (kept.contains(task) || true) continue;", "an attempt that nobody has stays live for ever"),
    Patch("drop_the_acknowledgement", WORKERS, "out.to_workers.push_back({peer, std::move(ack)});",
          "if (now.instant.nanoseconds % 7 != 0) out.to_workers.push_back({peer, std::move(ack)});",
          "a worker keeps its result for ever"),
    # --- Leases ---
    Patch("forget_the_fence", LIVENESS, "while (is_over(workers.silent(), settings().loss())) {",
          "while (is_over(workers.silent(), settings().silence())) {",
          "tasks are given away while their worker may still run them"),
    Patch("forget_the_drift", "broker/core/settings.h", "return lease + lease / 50 + std::min<Duration>(",
          "return lease - lease / 4 + 0 * std::min<Duration>(", "clocks of different speed run one task twice"),
    Patch("nobody_is_watched_after_a_restart", "broker/core/replay.cc", "    state_.workers.await(worker, now);\n",
          "", "a worker that does not come back after a restart is waited for for ever"),
    Patch("lease_counts_from_the_answer", AGENT,
          "renew_lease(*(beats_sent_.end() - 1 - static_cast<std::ptrdiff_t>(behind)), out);",
          "renew_lease(next_speech_, out);",
          "an answer that was long on its way renews the lease in full"),
    # --- Numbers and order ---
    Patch("reuse_an_attempt", LIFECYCLE, "static_cast<std::uint32_t>(run->attempts.size()) + 1 : 1",
          "std::max(1u, static_cast<std::uint32_t>(run->attempts.size())) : 1",
          "two attempts of a task have one number"),
    Patch("submit_twice", "broker/core/broker_clients.cc",
          "PipelineRecord* record = state_.pipelines.find_submission(submission_id);",
          "PipelineRecord* record = nullptr;", "the same submission id again makes another pipeline"),
    Patch("turn_priorities_round", "broker/core/pipeline_table.h", "return {-record.priority, record.id()};",
          "return {record.priority, record.id()};", "the least urgent pipeline goes first"),
    Patch("dependencies_count_once_reopened", SCHEDULER, "    ++nodes_[dependent].waiting;\n", "",
          "a consumer runs before its input was made again"),
    # --- When a task fails ---
    Patch("one_retry_too_many", LIFECYCLE, "failures >= found.task->options->retries",
          "failures > found.task->options->retries", "a task is tried once more than its retries allow"),
    Patch("losses_are_not_counted", LEDGER, "      ++run.losses;\n", "", "a task may kill workers without end"),
    Patch("no_pause_after_a_failure", LEDGER, "requeue(found, r.delay_ms > 0);", "requeue(found, false);",
          "a failed task is tried again at once"),
    Patch("an_old_pause_ends_a_new_one", LEDGER,
          "std::erase_if(state_.held, [&](const auto& entry) { return entry.second == found.task->id; });", "",
          "after a restart, a pause is cut short by one that was before"),
    Patch("no_quarantine", "broker/core/worker_table.h",
          "offer.unfit.empty() &&\n           host_failures < kHostFailuresMax;", "offer.unfit.empty();",
          "a host that cannot start anything keeps getting work"),
    Patch("forget_to_skip_far_dependents", SCHEDULER, "      open.push_back(dependent);\n", "",
          "what depends on a failed task through another waits for ever"),
    Patch("run_again_what_is_kept", LIFECYCLE, "if (run == nullptr || !run->kept) return false;",
          "if (run == nullptr || !run->kept || true) return false;",
          "tasks whose artifacts are still there run again"),
    Patch("a_cancellation_is_forgotten", LEDGER, "found.record->runs[r.task].cancel_requested = true;",
          "static_cast<void>(found);", "a task that was running when it was cancelled runs again"),
    Patch("a_retry_remembers_failures", "broker/core/ledger_control.cc", "  run.failures = 0;\n", "",
          "a retried task is given up at its first failure"),
    Patch("a_pause_holds_nothing", "broker/core/placement.cc", "    if (record.paused) continue;\n", "",
          "a paused pipeline goes on"),
    # --- Resources ---
    Patch("slots_are_not_given_back", LEDGER,
          "  worker.release(state_.requests.at(worker.request_of(*found.task)));\n", "", "a worker seems busy when it is idle"),
    Patch("promise_too_much", "broker/core/worker_table.cc",
          "return cpus_free_milli + overcommit_milli >= std::int64_t{needs.cpus_milli} &&", "return",
          "a worker is promised more than it may be"),
    Patch("adopted_tools_take_no_slot", AGENT, "  slots_.occupy(job.spec, gpus);\n", "",
          "after an agent's restart, its host runs more than it has"),
    Patch("slot_is_free_when_asked_to_stop", AGENT, "      if (!attempt.stopping) out.push_back(StopRun{key});\n",
          "      if (!attempt.stopping) {\n        out.push_back(StopRun{key});\n"
          "        free_slot(attempt);\n      }\n",
          "a slot is used again while the old tool is still there"),
    # --- The agent's part ---
    Patch("run_an_assignment_again", AGENT,
          "  if (done_.contains(key)) return;  // said again, after it was over\n", "",
          "an assignment that comes twice is run twice"),
    Patch("believe_a_welcome_twice", AGENT, "m.hello != hello_number_ || hello_answered_", "m.hello != hello_number_",
          "a Welcome that comes twice takes away what was assigned since"),
    Patch("ignore_what_overtook_the_welcome", AGENT, "  if (early_session_ >= m.session) {",
          "  if (early_session_ >= m.session && false) {", "an assignment that overtook its Welcome is lost"),
    Patch("results_are_sent_once", AGENT, "      attempt.sent = false;\n", "",
          "a result that was lost on its way is not sent again"),
    Patch("drop_a_reconcile_answer", AGENT, "      stop(key, Outcome::kReturned, out);\n    }\n  }\n}\n",
          "    }\n  }\n}\n", "a tool that the broker gave away runs on"),
    Patch("ignore_a_lost_connection", AGENT,
          "void Agent::connection_lost(const Now& now) {\n  session_ = 0;\n",
          "void Agent::connection_lost(const Now& now) {\n", "what could not be sent is forgotten"),
    # --- Snapshots ---
    Patch("snapshot_shows_what_came_later", "broker/core/snapshot_writer.cc",
          "  if (kept_tasks_.contains(task.id)) return;\n",
          "  if (number(task.id) % 2 == 0 || kept_tasks_.contains(task.id)) return;\n",
          "a recovery from a snapshot arrives at a state that never was"),
]

SWITCHES = [
    Switch("send_before_sync", "what was acknowledged is not in the store"),
    Switch("sync_left_out", "some turns are not synced before their mail leaves"),
    Switch("epoch_not_raised", "attempts and sessions of two starts of the broker have the same numbers"),
    Switch("blobs_not_kept", "the model script of an acknowledged submission is gone"),
    Switch("unreachable_not_told", "the core does not hear that a message could not be sent"),
    Switch("launch_after_lease", "the executor starts tools after the lease is over"),
    Switch("lease_not_kept", "the executor does not stop tools at the end of the lease"),
    Switch("never_killed", "a tool that ignores SIGTERM is not killed"),
    Switch("lease_of_new_executor", "an executor that is started anew gives tools a whole lease"),
    Switch("duration_by_wall_clock", "the broker learns how long tools take from wall clocks that jump"),
]
