/// Why a ready task waits for workers that could run it: what is said, exactly, and that the change
/// that is named helps. What is not ready is in explain_states_test.cc.
#include "tests/unit/broker/core/explain_fixture.h"

namespace landseer::broker::testing {
namespace {

using H = BrokerHarness&;

const std::vector<Situation> kBusy{
    {.name = "all CPUs are in use",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("a"));
         },
     .task = 2,
     .summary = kRoom + "1 CPU",
     .reasons = {"w has 0 CPUs free, it asks for 1"},
     .kinds = {"cpus"},
     .absent = {"can run", "ahead of it"},
     .change = "wait: w has 0 CPUs free, it asks for 1; task_1 (hold) there should end in 5m00s",
     .make_change = finishes("w")},
    {.name = "nobody knows how long the other takes",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("hold"));
           h.submit(asking("a"));
         },
     .task = 2,
     .summary = kRoom + "1 CPU",
     .kinds = {"cpus"},
     .change = "wait: w has 0 CPUs free, it asks for 1; task_1 (hold) there may take until its "
               "time limit, in 2h00m",
     .make_change = finishes("w")},
    {.name = "some of the CPUs are in use",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("a", cpus(4)));
         },
     .task = 2,
     .summary = kRoom + "4 CPU",
     .kinds = {"cpus"},
     .change = "wait: w has 3 CPUs free, it asks for 4; task_1 (hold) there should end in 5m00s; "
               "or ask for at most 3 CPUs, which w has free now",
     .make_change = then(cancels(2), submits("b", cpus(3))),
     .starts = 3},
    {.name = "one of three GPUs is in use, wait",
     .set_up =
         [](H h) {
           gpu_worker(h, 3);
           h.submit(asking("hold", five_minutes(gpus(1000))));
           h.submit(asking("a", gpus(3000)));
         },
     .task = 2,
     .summary = kRoom + "1 CPU, 3 GPU",
     .kinds = {"gpus"},
     .change = "wait: gpu has 2 GPUs free, it asks for 3 GPUs; task_1 (hold) there should end in "
               "5m00s; or ask for at most 2 GPUs, which gpu has free now",
     .make_change = finishes("gpu")},
    {.name = "one of three GPUs is in use, ask for less",
     .set_up =
         [](H h) {
           gpu_worker(h, 3);
           h.submit(asking("hold", five_minutes(gpus(1000))));
           h.submit(asking("a", gpus(3000)));
         },
     .task = 2,
     .summary = kRoom + "1 CPU, 3 GPU",
     .kinds = {"gpus"},
     .change = "wait: gpu has 2 GPUs free, it asks for 3 GPUs; task_1 (hold) there should end in "
               "5m00s; or ask for at most 2 GPUs, which gpu has free now",
     .make_change = then(cancels(2), submits("b", gpus(2000))),
     .starts = 3},
    {.name = "what is free of a GPU is too small a part",
     .set_up =
         [](H h) {
           gpu_worker(h, 1);
           h.submit(asking("hold", five_minutes(gpus(600))));
           h.submit(asking("a", gpus(500)));
         },
     .task = 2,
     .summary = kRoom + "1 CPU, 0.5 GPU",
     .kinds = {"gpus"},
     .change = "wait: gpu has 0.4 GPUs free, it asks for 0.5 GPUs; task_1 (hold) there should "
               "end in 5m00s",
     .make_change = finishes("gpu")},
    {.name = "what is free is in parts of two GPUs",
     .set_up =
         [](H h) {
           gpu_worker(h, 2);
           h.submit(asking("hold", five_minutes(gpus(600))));
           h.submit(asking("held", five_minutes(gpus(600))));
           h.submit(asking("a", gpus(700)));
         },
     .task = 3,
     .summary = kRoom + "1 CPU, 0.7 GPU",
     .reasons = {"gpu has 0.8 GPUs free, but not in one piece of the kind, it asks for 0.7 GPUs"},
     .kinds = {"gpus"},
     .change = "wait: gpu has 0.8 GPUs free, but not in one piece of the kind, it asks for 0.7 "
               "GPUs",
     .make_change = finishes("gpu")},
    {.name = "the host runs as many as it may",
     .set_up =
         [](H h) {
           h.offer.tasks_max = 1;
           h.worker("w", 4);
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("a"));
         },
     .task = 2,
     .summary = kRoom + "1 CPU",
     .reasons = {"w runs 1 tasks, at most 1 are allowed there"},
     .kinds = {"tasks_max"},
     .absent = {"CPUs"},
     .change = "wait: w runs 1 tasks, at most 1 are allowed there; task_1 (hold) there should "
               "end in 5m00s",
     .make_change = finishes("w")},
    {.name = "a resource of the worker is in use",
     .set_up =
         [](H h) {
           h.offer.named = {{"licence_x", 1}};
           h.worker("w", 4);
           h.submit(asking("hold", five_minutes(named("licence_x", 1))));
           h.submit(asking("a", named("licence_x", 1)));
         },
     .task = 2,
     .summary = kRoom + "1 CPU, 1 licence_x",
     .kinds = {"resource"},
     .change = "wait: w has 0 licence_x free, it asks for 1; task_1 (hold) there should end in "
               "5m00s",
     .make_change = finishes("w")},
    {.name = "a resource of the broker is in use",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("hold", named("matlab", 2)));
           h.submit(asking("a", named("matlab", 1)));
         },
     .task = 2,
     .summary = "it is ready and waits for what all workers share; it asks for 1 CPU, 1 matlab",
     .reasons = {"the broker has 0 matlab free, it asks for 1"},
     .kinds = {"shared"},
     .absent = {"CPUs"},
     .change = "wait: the broker has 0 matlab free, it asks for 1",
     .make_change = finishes("w"),
     .settings = sharing_matlab()},
    {.name = "a resource of the broker is held for one ahead",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("hold", named("matlab", 1)));
           h.submit(asking("first", named("matlab", 2)));
           h.submit(asking("a", named("matlab", 1)));
         },
     .task = 3,
     .summary = "it is ready, but what all workers share is held for a task ahead of it",
     .reasons = {"the broker has 1 matlab free, but 2 are held for a task ahead of it",
                 "1 task is ahead of it for the same workers: task_2 (first); of pipeline_2 (1)"},
     .kinds = {"shared_held"},
     .change = "wait: the broker has 1 matlab free, but 2 are held for a task ahead of it",
     .make_change = cancels(2),
     .settings = sharing_matlab()},
    {.name = "others are ahead, and another pipeline's too",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("hold", five_minutes()));
           h.submit(BrokerHarness::chains("b\nc", "low"));
           auto high = asking("d");
           high.priority = 5;
           h.submit(high);
         },
     .task = 3,
     .summary = kRoom + "1 CPU",
     .reasons = {"2 tasks are ahead of it for the same workers: task_4 (d), task_2 (b); of "
                 "pipeline_3 (1), pipeline_2 (1)"},
     .kinds = {"cpus"},
     .change = "wait: w has 0 CPUs free, it asks for 1; task_1 (hold) there should end in 5m00s",
     .make_change = then(finishes("w"), then(finishes("w"), finishes("w")))},
    {.name = "what is ahead is paused, or wants another worker",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("b"));
           pauses(2)(h);
           h.submit(asking("c", gpus(1000)));
           h.submit(asking("a"));
         },
     .task = 4,
     .summary = kRoom + "1 CPU",
     .kinds = {"cpus"},
     .absent = {"ahead of it"},
     .change = "wait: w has 0 CPUs free, it asks for 1; task_1 (hold) there should end in 5m00s",
     .make_change = finishes("w")},
    {.name = "room is kept for it",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("a", cpus(4)));
           h.submit(asking("small"));
           h.advance(5s);
           h.beat(h.workers["w"]);
         },
     .task = 2,
     .summary = kRoom + "4 CPU",
     .reasons = {"room is kept at w for 5.0s now, where it should start in 4m55s"},
     .kinds = {"cpus"},
     .change = "wait: w has 3 CPUs free, it asks for 4; task_1 (hold) there should end in 4m55s; "
               "or ask for at most 3 CPUs, which w has free now",
     .make_change = finishes("w")},
    {.name = "the room there is, is kept for another",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("hold", five_minutes()));
           h.submit(asking("large", cpus(4)));
           h.submit(asking("a"));
         },
     .task = 3,
     .summary = "it is ready, but the room there is, is kept for task_2 (large)",
     .reasons = {"w is kept free for task_2 (large), which should start there in 5m00s; this one "
                 "may take 2h00m"},
     .kinds = {"kept"},
     .absent = {"CPUs free"},
     .change = "wait: task_2 (large) comes first",
     .make_change = cancels(2)},
    {.name = "one is busy, one too small, one drained",
     .set_up =
         [](H h) {
           h.worker("busy", 4);
           h.worker("small", 1);
           h.worker("away", 4);
           drains("away")(h);
           h.submit(asking("hold", five_minutes(cpus(4))));
           h.submit(asking("a", cpus(2)));
         },
     .task = 2,
     .summary = kRoom + "2 CPU",
     .reasons = {"busy has 0 CPUs free, it asks for 2", "away is drained",
                 "small has 1 CPUs, it asks for 2"},
     .kinds = {"cpus", "drained", "cpus"},
     .absent = {"can run"},
     .change = "wait: busy has 0 CPUs free, it asks for 2; task_1 (hold) there should end in "
               "5m00s",
     .make_change = drains("away", false)},
};

const std::string kNoContents = "it is ready, but no worker has what its pipeline began with";
const std::vector<Situation> kContents{
    {.name = "the only worker did not read its data set yet",
     .set_up =
         [](H h) {
           h.offer.datasets = {digits("")};
           h.worker("w");
           h.submit(with_dataset());
         },
     .summary = kNoContents,
     .reasons = {"w has not read its data set digits yet"},
     .kinds = {"content"},
     .change = "wait: w has not read its data set digits yet",
     .make_change =
         [](H h) {
           FakeWorker& w = h.workers["w"];
           h.say(w, protocol::Offer{w.session, {}, {digits("one")}, {}, ""});
         }},
    {.name = "the data set is another one by now",
     .set_up =
         [](H h) {
           h.offer.datasets = {digits("one")};
           FakeWorker& w = h.worker("w");
           auto submission = BrokerHarness::chains("a\nb");
           submission.dataset_name = "digits";
           h.submit(submission);
           h.say(w, protocol::Offer{w.session, {}, {digits("two")}, {}, ""});
           h.finish(w, Outcome::kReturned);
           h.advance(2s);
         },
     .task = 2,
     .summary = kNoContents,
     .kinds = {"content"},
     .change = "give a worker the contents that the pipeline began with, or submit it anew",
     .make_change =
         [](H h) {
           h.offer.datasets = {digits("one")};
           h.worker("v", 2);
         }},
    {.name = "the image changed just now",
     .set_up =
         [](H h) {
           h.offer.images = {{"image", {}, {}}};
           h.worker("w");
           h.submit(with_image("a"));
         },
     .summary = kNoContents,
     .reasons = {"w looks at its image image, which changed just now"},
     .kinds = {"content"},
     .change = "wait: w looks at its image image, which changed just now",
     .make_change =
         [](H h) {
           FakeWorker& w = h.workers["w"];
           h.say(w, protocol::Offer{w.session, {}, {}, {{"image", sha256("new"), {}}}, ""});
         }},
    {.name = "it could not be started at the worker that is free",
     .set_up =
         [](H h) {
           h.worker("first");
           h.submit(asking("a", five_minutes()));
           h.worker("second");
           h.submit(asking("hold", five_minutes()));
           h.finish(h.workers["first"], Outcome::kRuntimeError);
           h.advance(2s);
         },
     .summary = kRoom + "1 CPU",
     .reasons = {"first could not start it before, and others may"},
     .kinds = {"failed_there", "cpus"},
     .change = "wait: second has 0 CPUs free, it asks for 1; task_2 (hold) there should end in "
               "4m58s",
     .make_change = finishes("second")},
};

class ExplainReady : public ::testing::TestWithParam<Situation> {};

TEST_P(ExplainReady, SaysWhatIsTrue) { expect_true(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Table, ExplainReady, ::testing::ValuesIn(joined({kBusy, kContents})),
                         situation_name);

}  // namespace
}  // namespace landseer::broker::testing
