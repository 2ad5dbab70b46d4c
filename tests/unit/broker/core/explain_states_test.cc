/// Why a task is where it is, if it is not ready: it waits for others, runs, or is over.
#include "tests/unit/broker/core/explain_fixture.h"

namespace landseer::broker::testing {
namespace {

using H = BrokerHarness&;

protocol::Submission chain(const std::string& text) {
  protocol::Submission submission = BrokerHarness::chains(text);
  for (auto& tool : submission.tools) tool.image.clear();
  return submission;
}

protocol::Submission sharing(const std::string& text, const std::string& id) {
  protocol::Submission submission = chain(text);
  submission.submission_id = id;
  submission.use_cache = true;
  return submission;
}

OptionsEntry retried(std::uint32_t times) {
  OptionsEntry options;
  options.retries = times;
  return options;
}

/// Fails with backoff; beats meanwhile.
void wait(H h, const std::string& worker, Duration time) {
  h.beat(h.workers[worker]);
  h.advance(time);
}

const std::string kNoWorker = "ready, but no worker is connected; start one with landseer-worker";
const std::string kStartWorker = "start a worker: landseer-worker --broker ADDRESS";

const std::vector<Situation> kWaiting{
    {.name = "its pipeline is paused",
     .set_up =
         [](H h) {
           h.submit(asking("a"));
           pauses(1)(h);
           h.worker("w");
         },
     .summary = "it is ready, but its pipeline is paused",
     .reasons = {"pipeline_1 is paused: `landseer resume pipeline_1`"},
     .kinds = {"paused"},
     .absent = {"can run", "CPUs"},
     .change = "`landseer resume pipeline_1`",
     .make_change = pauses(1, false)},
    {.name = "its pipeline is paused, and nobody could run it",
     .set_up =
         [](H h) {
           h.submit(asking("a", cpus(8)));
           pauses(1)(h);
           h.worker("w", 4);
         },
     .summary = "it is ready, but its pipeline is paused",
     .reasons = {"w has 4 CPUs, it asks for 8"},
     .kinds = {"cpus", "paused"},
     .change = "`landseer resume pipeline_1`, and ask for at most 4 CPUs",
     .make_change = then(pauses(1, false), submits("b", cpus(4))),
     .starts = 2},
    {.name = "its tool is paused",
     .set_up =
         [](H h) {
           h.submit(asking("a"));
           pauses_part({PipelineId{1}, {}, "a", {}, false})(h);
           h.worker("w");
         },
     .summary = "it is paused",
     .reasons = {"the tool 'a' is paused: `landseer resume pipeline_1 --tool 'a'`"},
     .kinds = {"paused"},
     .absent = {"can run", "CPUs"},
     .change = "`landseer resume pipeline_1 --tool 'a'`",
     .make_change = pauses_part({PipelineId{1}, {}, "a", {}, false}, false)},
    {.name = "it and all workflows that want it are paused",
     .set_up =
         [](H h) {
           h.submit(asking("a"));
           pauses_part({{}, TaskId{1}, "", {}, false})(h);
           pauses_part({{}, {}, "", {{WorkflowId{1}, WorkflowId{1}}}, false})(h);
           h.worker("w");
         },
     .summary = "it is paused",
     .reasons = {"task_1 is paused", "all workflows that want it are paused"},
     .kinds = {"paused", "paused"},
     .change = "`landseer resume task_1` and `landseer resume workflow_1`",
     .make_change =
         then(pauses_part({{}, TaskId{1}, "", {}, false}, false),
              pauses_part({{}, {}, "", {{WorkflowId{1}, WorkflowId{1}}}, false}, false))},
    {.name = "what it depends on is paused",
     .set_up =
         [](H h) {
           h.submit(chain("a b"));
           pauses_part({{}, TaskId{1}, "", {}, false})(h);
           h.worker("w");
         },
     .task = 2,
     .summary = "it waits for task_1 (a), which is paused",
     .reasons = {"its dependency task_1 (a) is pending",
                 "task_1: task_1 is paused: `landseer resume task_1`"},
     .kinds = {"dependency", "paused"},
     .change = "`landseer resume task_1`",
     .make_change =
         [](H h) {
           pauses_part({{}, TaskId{1}, "", {}, false}, false)(h);
           h.finish(h.workers["w"]);
         }},
    {.name = "what it depends on has no worker",
     .set_up = [](H h) { h.submit(chain("a b")); },
     .task = 2,
     .summary = "it waits for task_1 (a), which is " + kNoWorker,
     .reasons = {"its dependency task_1 (a) is pending"},
     .kinds = {"dependency"},
     .change = kStartWorker,
     .make_change =
         [](H h) {
           h.worker("w");
           h.finish(h.workers["w"]);
         }},
    {.name = "what it depends on runs",
     .set_up =
         [](H h) {
           start(h, h.worker("w"));
           h.submit(chain("a b"));
           start(h, h.workers["w"]);
         },
     .task = 2,
     .summary = "it waits for task_1 (a), which runs on w",
     .reasons = {"its dependency task_1 (a) is running"},
     .kinds = {"dependency"},
     .absent = {"pending"},
     .change = "wait: task_1 (a) ends",
     .make_change = finishes("w")},
    {.name = "what is far above it asks for too much",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           auto submission = chain("a b c d");
           submission.options[0] = cpus(8);
           h.submit(submission);
         },
     .task = 4,
     .summary = "it waits for task_1 (a), 3 steps above it, which is ready, but no known worker "
                "can ever run what asks for 8 CPU; nearest: w has 4 CPUs, it asks for 8. The "
                "smallest change: ask for at most 4 CPUs",
     .reasons = {"its dependency task_3 (c) is pending", "task_1: w has 4 CPUs, it asks for 8"},
     .kinds = {"dependency", "cpus"},
     .change = "ask for at most 4 CPUs",
     .make_change = submits("e", cpus(4)),
     .starts = 5},
    {.name = "what it depends on is about to be tried again",
     .set_up =
         [](H h) {
           h.worker("w");
           auto submission = chain("a b");
           submission.options[0] = retried(1);
           h.submit(submission);
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .task = 2,
     .summary = "it waits for task_1 (a), which waits 1.0s before it is tried again",
     .reasons = {"task_1: attempt 1 on w ended: because of the test; 1 of 1 retries left"},
     .kinds = {"dependency", "retry"},
     .change = "wait 1.0s",
     .make_change =
         [](H h) {
           wait(h, "w", 2s);
           h.finish(h.workers["w"]);
         }},
    {.name = "several of many dependencies are open",
     .set_up =
         [](H h) {
           std::string text;
           for (int i = 0; i < 7; ++i) text += "a" + std::to_string(i) + "\n";
           auto submission = chain(text);
           protocol::TaskEntry last;
           last.dependencies = {0, 1, 2, 3, 4, 5, 6};
           submission.tasks.push_back(last);
           submission.workflows.push_back({"last", {0, 1, 2, 3, 4, 5, 6, 7}});
           h.submit(submission);
           h.worker("w");
           h.finish(h.workers["w"]);
         },
     .task = 8,
     .summary = "it waits for task_2 (a1), which is assigned to w and has not begun yet: what it "
                "needs is brought there",
     .reasons = {"its dependency task_2 (a1) is running", "its dependency task_6 (a5) is pending",
                 "and 1 more"},
     .kinds = {"dependency", "dependency", "dependency", "dependency", "dependency", "preparing"},
     .absent = {"task_1 (a0)"},
     .change = "wait: w begins with it"},
    {.name = "it failed and is about to be tried again",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", retried(2)));
           h.finish(h.workers["w"], Outcome::kExitCode);
           wait(h, "w", 2s);
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .summary = "it waits 2.2s before it is tried again",
     .reasons = {"attempt 2 on w ended: because of the test; 1 of 2 retries left"},
     .kinds = {"retry"},
     .change = "wait 2.2s",
     .make_change = [](H h) { wait(h, "w", 3s); }},
    {.name = "another pipeline does the same work",
     .set_up =
         [](H h) {
           h.submit(sharing("a", "first"));
           h.worker("w");
           h.submit(sharing("a b", "second"));
         },
     .task = 2,
     .summary = "it waits for task_1 of another pipeline, which does the same work now",
     .reasons = {"task_1 (a) of pipeline_1 does the same work: attempt 1 on w"},
     .kinds = {"joined"},
     .absent = {"CPUs"},
     .change = "wait: task_1 (a) ends",
     .make_change = [](H h) { h.finish(h.workers["w"], Outcome::kSucceeded, "A"); },
     .starts = 3},
    {.name = "a dependency was joined",
     .set_up =
         [](H h) {
           h.submit(sharing("a", "first"));
           h.worker("w");
           h.submit(sharing("a b", "second"));
         },
     .task = 3,
     .summary = "it waits for task_2 (a), which waits for task_1 of another pipeline, which does "
                "the same work now",
     .kinds = {"dependency", "joined"},
     .change = "wait: task_1 (a) ends",
     .make_change = [](H h) { h.finish(h.workers["w"], Outcome::kSucceeded, "A"); }},
};

/// The last one that was given away a moment ago waits behind the others.
void finish_in(H h, FakeWorker& worker, std::int64_t ms) {
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = worker.assigned.front().attempt;
  result.outcome = Outcome::kSucceeded;
  result.started_at = h.now.wall.unix_ms - ms;
  result.finished_at = h.now.wall.unix_ms;
  worker.assigned.pop_front();
  h.send_result(worker, result);
}

const std::vector<Situation> kRunning{
    {.name = "it is being prepared",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
         },
     .summary = "it is assigned to w and has not begun yet: what it needs is brought there",
     .kinds = {"preparing"},
     .change = "wait: w begins with it"},
    {.name = "it runs",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           start(h, h.workers["w"]);
         },
     .summary = "it runs on w",
     .absent = {"CPUs", "wait"}},
    {.name = "it was given ahead",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           std::string text;
           for (int i = 0; i < 6; ++i) text += "root" + std::to_string(i) + " quick\n";
           h.submit(chain(text));
           while (w.assigned.size() < 2) {
             finish_in(h, w, w.specs.back().tool == "quick" ? 50 : 5000);
           }
         },
     .task = 8,
     .summary = "it is assigned to w and waits there until it has room: it was given ahead",
     .kinds = {"ahead"},
     .change = "wait: w begins with it"},
    {.name = "its worker is silent",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           h.advance(10s);
         },
     .summary = "it was given to w, which is silent; the task is taken from it in 1m57s unless "
                "it comes back",
     .kinds = {"silent"},
     .change = "wait: w comes back, or another takes it"},
    {.name = "it is being stopped",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           cancels(1)(h);
         },
     .summary = "it is being stopped on w"},
    {.name = "its worker is to give it back",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           drains("w", true, true)(h);
         },
     .summary = "it is about to leave w, which is drained"},
    {.name = "it goes on with the attempt of another pipeline",
     .set_up =
         [](H h) {
           h.submit(sharing("a", "first"));
           h.worker("w");
           start(h, h.workers["w"]);
           h.submit(sharing("a", "second"));
           cancels(1)(h);
         },
     .task = 2,
     .summary = "it runs on w",
     .reasons = {"it goes on with the attempt that was begun for task_1"}},
};

const std::vector<Situation> kOver{
    {.name = "it failed",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .summary = "it failed after 1 attempt: because of the test",
     .change = "`landseer retry task_1`",
     .make_change = retries(1)},
    {.name = "it failed after its retries",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", retried(1)));
           h.finish(h.workers["w"], Outcome::kExitCode);
           wait(h, "w", 2s);
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .summary = "it failed after 2 attempts: because of the test",
     .change = "`landseer retry task_1`",
     .make_change = retries(1)},
    {.name = "what it depends on failed",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(chain("a b"));
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .task = 2,
     .summary = "it is skipped: task_1 (a) is failed: because of the test",
     .change = "`landseer retry task_1`",
     .make_change = then(retries(1), finishes("w"))},
    {.name = "what is far above it failed",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(chain("a b c d"));
           h.finish(h.workers["w"]);
           h.finish(h.workers["w"], Outcome::kExitCode);
         },
     .task = 4,
     .summary = "it is skipped: task_2 (b), 2 steps above it, is failed: because of the test",
     .change = "`landseer retry task_2`",
     .make_change = then(retries(2), then(finishes("w"), finishes("w")))},
    {.name = "it was cancelled",
     .set_up =
         [](H h) {
           h.submit(asking("a"));
           cancels(1)(h);
           h.worker("w");
         },
     .summary = "it is cancelled: the pipeline was cancelled",
     .change = "`landseer retry task_1`",
     .make_change = retries(1)},
    {.name = "what it depends on was cancelled",
     .set_up =
         [](H h) {
           h.submit(chain("a b"));
           h.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{}, TaskId{1}});
           h.worker("w");
         },
     .task = 2,
     .summary = "it is skipped: task_1 (a) is cancelled: cancelled by a user",
     .change = "`landseer retry task_1`",
     .make_change = then(retries(1), finishes("w"))},
    {.name = "it ran",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a"));
           h.finish(h.workers["w"]);
         },
     .summary = "it ran on w",
     .reasons = {"pipeline_1 was submitted with --no-cache: it shares nothing"}},
    {.name = "it has the result of another",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(sharing("a", "first"));
           h.finish(h.workers["w"], Outcome::kSucceeded, "A");
           h.submit(sharing("a", "second"));
         },
     .task = 2,
     .summary = "it did not run: its result is that of task_1 (a) of pipeline_1, with the same "
                "key, contents and inputs"},
    {.name = "it ran, as what has the same key is gone",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           h.submit(sharing("a", "first"));
           h.finish(w, Outcome::kSucceeded, "A");
           h.say(w, protocol::Dropped{w.session, {sha256("A")}});
           h.submit(sharing("a", "second"));
           h.finish(w, Outcome::kSucceeded, "A");
         },
     .task = 2,
     .summary = "it ran on w"},
    {.name = "it runs again, as its result was lost",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           h.submit(chain("a b"));
           pauses(1)(h);
           h.finish(w, Outcome::kSucceeded, "A");
           h.say(w, protocol::Dropped{w.session, {sha256("A")}});
           pauses(1, false)(h);
           h.finish(w, Outcome::kSucceeded, "A");
         },
     .summary = "it ran on w",
     .reasons = {"it ran 1 times more, because its artifact was lost"}},
};

class ExplainState : public ::testing::TestWithParam<Situation> {};

TEST_P(ExplainState, SaysWhatIsTrue) { expect_true(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Table, ExplainState,
                         ::testing::ValuesIn(joined({kWaiting, kRunning, kOver})), situation_name);

}  // namespace
}  // namespace landseer::broker::testing
