/// Why no worker runs a ready task, now or ever: what is said, exactly, and that the change that is
/// named helps. Workers that are only busy are in explain_table_test.cc.
#include "tests/unit/broker/core/explain_fixture.h"

namespace landseer::broker::testing {
namespace {

using H = BrokerHarness&;

const std::vector<Situation> kNeverRun{
    {.name = "nobody is connected",
     .set_up = submits("a", {}),
     .summary = "it is ready, but no worker is connected; start one with landseer-worker",
     .absent = {"can run", "ahead of it"},
     .change = "start a worker: landseer-worker --broker ADDRESS",
     .make_change = [](H h) { h.worker("w"); }},
    {.name = "whoever was connected is lost",
     .set_up =
         [](H h) {
           h.worker("w");
           h.advance(200s);
           h.submit(asking("a"));
         },
     .summary = "it is ready, but no worker is connected; start one with landseer-worker "
                "(1 known before are lost)",
     .change = "start a worker: landseer-worker --broker ADDRESS",
     .make_change = [](H h) { h.worker("v"); }},
    {.name = "too many GPUs",
     .set_up =
         [](H h) {
           gpu_worker(h, 2);
           h.submit(asking("a", gpus(3000)));
         },
     .summary = kNever + "1 CPU, 3 GPU; nearest: gpu has 2 GPUs (T4 with 16 B), it asks for 3 "
                         "GPUs. The smallest change: ask for at most 2 GPUs",
     .kinds = {"gpus"},
     .absent = {"has 8 CPUs", "memory"},
     .change = "ask for at most 2 GPUs",
     .make_change = submits("b", gpus(2000)),
     .starts = 2},
    {.name = "GPUs where there are none",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", gpus(500)));
         },
     .summary = kNever + "1 CPU, 0.5 GPU; nearest: w has 0 GPUs, it asks for 0.5 GPUs. The "
                         "smallest change: ask for no GPU",
     .kinds = {"gpus"},
     .change = "ask for no GPU",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "another GPU model",
     .set_up =
         [](H h) {
           gpu_worker(h, 1);
           OptionsEntry options = gpus(1000);
           options.gpu_model = "a100";
           h.submit(asking("a", options));
         },
     .summary = kNever + "1 CPU, 1 GPU a100; nearest: gpu has 1 GPUs (T4 with 16 B), 0 of which "
                         "would do, it asks for 1 GPUs of model a100. The smallest change: ask "
                         "for a GPU such as T4 with 16 B",
     .kinds = {"gpus"},
     .change = "ask for a GPU such as T4 with 16 B",
     .make_change = submits("b", gpus(1000)),
     .starts = 2},
    {.name = "GPUs with too little memory",
     .set_up =
         [](H h) {
           gpu_worker(h, 1);
           OptionsEntry options = gpus(1000);
           options.gpu_memory_bytes = 80;
           h.submit(asking("a", options));
         },
     .summary = kNever + "1 CPU, 1 GPU with 80 B; nearest: gpu has 1 GPUs (T4 with 16 B), 0 of "
                         "which would do, it asks for 1 GPUs with 80 B. The smallest change: "
                         "ask for a GPU such as T4 with 16 B",
     .kinds = {"gpus"},
     .change = "ask for a GPU such as T4 with 16 B",
     .make_change =
         [](H h) {
           OptionsEntry options = gpus(1000);
           options.gpu_memory_bytes = 16;
           h.submit(asking("b", options));
         },
     .starts = 2},
    {.name = "too many CPUs",
     .set_up =
         [](H h) {
           h.worker("w", 4);
           h.submit(asking("a", cpus(8)));
         },
     .summary = kNever + "8 CPU; nearest: w has 4 CPUs, it asks for 8. The smallest change: ask "
                         "for at most 4 CPUs",
     .reasons = {"w has 4 CPUs, it asks for 8"},
     .kinds = {"cpus"},
     .change = "ask for at most 4 CPUs",
     .make_change = submits("b", cpus(4)),
     .starts = 2},
    {.name = "too much memory",
     .set_up =
         [](H h) {
           h.worker("w");
           OptionsEntry options;
           options.memory_bytes = std::uint64_t{2} << 30;
           h.submit(asking("a", options));
         },
     .summary = kNever +
                "1 CPU, 2.0 GiB of memory; nearest: w has 1.0 GiB of memory, it asks for 2.0 "
                "GiB. The smallest change: ask for at most 1.0 GiB of memory",
     .kinds = {"memory"},
     .change = "ask for at most 1.0 GiB of memory",
     .make_change =
         [](H h) {
           OptionsEntry options;
           options.memory_bytes = std::uint64_t{1} << 30;
           h.submit(asking("b", options));
         },
     .starts = 2},
    {.name = "no scratch disk",
     .set_up =
         [](H h) {
           h.worker("w");
           OptionsEntry options;
           options.scratch_bytes = std::uint64_t{1} << 30;
           h.submit(asking("a", options));
         },
     .summary = kNever + "1 CPU, 1.0 GiB of scratch disk; nearest: w has 0 B of scratch disk, it "
                         "asks for 1.0 GiB. The smallest change: ask for no scratch disk",
     .kinds = {"scratch"},
     .change = "ask for no scratch disk",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "a label that nobody has",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", labelled({"zone", 1, {"a", "b"}})));
         },
     .summary = kNever + "1 CPU, zone=a or b; nearest: w has no label zone, it asks for zone=a "
                         "or b. The smallest change: drop the label rule for zone, or start a "
                         "worker with --label zone=a",
     .kinds = {"label"},
     .change = "drop the label rule for zone, or start a worker with --label zone=a",
     .make_change =
         [](H h) {
           h.offer.labels = {{"zone", "a"}};
           h.worker("v");
         }},
    {.name = "a label with another value",
     .set_up =
         [](H h) {
           h.offer.labels = {{"zone", "c"}};
           h.worker("w");
           h.submit(asking("a", labelled({"zone", 1, {"a"}})));
         },
     .summary = kNever + "1 CPU, zone=a; nearest: w has the label zone=c, it asks for zone=a. "
                         "The smallest change: drop the label rule for zone, or start a worker "
                         "with --label zone=a",
     .kinds = {"label"},
     .change = "drop the label rule for zone, or start a worker with --label zone=a",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "a label that must not be there",
     .set_up =
         [](H h) {
           h.offer.labels = {{"shared", "yes"}};
           h.worker("w");
           h.submit(asking("a", labelled({"shared", 4, {}})));
         },
     .summary = kNever + "1 CPU, no shared; nearest: w has the label shared=yes, it asks for no "
                         "shared. The smallest change: drop the label rule for shared",
     .kinds = {"label"},
     .change = "drop the label rule for shared",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "a resource that nobody has",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", named("licence_x", 1)));
         },
     .summary = kNever + "1 CPU, 1 licence_x; nearest: w has 0 licence_x, it asks for 1. The "
                         "smallest change: ask for no licence_x",
     .kinds = {"resource"},
     .change = "ask for no licence_x",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "too much of a resource",
     .set_up =
         [](H h) {
           h.offer.named = {{"licence_x", 2}};
           h.worker("w");
           h.submit(asking("a", named("licence_x", 3)));
         },
     .summary = kNever + "1 CPU, 3 licence_x; nearest: w has 2 licence_x, it asks for 3. The "
                         "smallest change: ask for at most 2 licence_x",
     .kinds = {"resource"},
     .change = "ask for at most 2 licence_x",
     .make_change = submits("b", named("licence_x", 2)),
     .starts = 2},
    {.name = "more of the broker's resource than it has",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(asking("a", named("matlab", 3)));
         },
     .summary = kNever + "1 CPU, 3 matlab; nearest: the broker has 2 matlab, it asks for 3. The "
                         "smallest change: ask for at most 2 matlab",
     .kinds = {"shared"},
     .absent = {"w has"},
     .change = "ask for at most 2 matlab",
     .make_change = submits("b", named("matlab", 2)),
     .starts = 2,
     .settings = sharing_matlab()},
    {.name = "a runtime that nobody has",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(with_runtime("apptainer"));
         },
     .summary = kNever + "1 CPU, runtime apptainer; nearest: w offers the runtimes process, "
                         "noop, it asks for apptainer. The smallest change: ask for another "
                         "runtime",
     .kinds = {"runtime"},
     .change = "ask for another runtime",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "a no-op where that is not offered",
     .set_up =
         [](H h) {
           h.offer.runtimes = {"process"};
           h.worker("w");
           h.submit(with_runtime("noop"));
         },
     .summary = kNever + "1 CPU, runtime noop; nearest: w offers the runtimes process, it asks "
                         "for noop. The smallest change: ask for another runtime",
     .kinds = {"runtime"},
     .change = "ask for another runtime",
     .make_change = submits("b", {}),
     .starts = 2},
    {.name = "a data set that nobody has",
     .set_up =
         [](H h) {
           h.worker("w");
           h.submit(with_dataset());
         },
     .summary = kNever + "1 CPU, dataset digits:; nearest: w does not have the data set digits. "
                         "The smallest change: start a worker with --data digits=FOLDER",
     .kinds = {"dataset"},
     .change = "start a worker with --data digits=FOLDER",
     .make_change =
         [](H h) {
           h.offer.datasets = {digits("one")};
           h.worker("v");
         }},
    {.name = "a file that the data set lacks",
     .set_up =
         [](H h) {
           h.offer.datasets = {digits("one", {"data.npy"})};
           h.worker("w");
           h.submit(with_dataset({"labels.npy"}));
         },
     .summary = kNever + "1 CPU, dataset digits:; nearest: w has the data set digits without "
                         "labels.npy, which it needs. The smallest change: add labels.npy to "
                         "its folder, and submit it anew",
     .kinds = {"dataset_file"},
     .change = "add labels.npy to its folder, and submit it anew",
     .make_change =
         [](H h) {
           FakeWorker& w = h.workers["w"];
           h.say(w, protocol::Offer{
                        w.session, {}, {digits("two", {"data.npy", "labels.npy"})}, {}, ""});
           auto anew = with_dataset({"labels.npy"});
           anew.submission_id = "anew";
           h.submit(anew);
         },
     .starts = 2},
    {.name = "several things at once, of several kinds of worker",
     .set_up =
         [](H h) {
           for (int i = 0; i < 7; ++i) h.worker("small" + std::to_string(i), 2);
           gpu_worker(h, 1, "gpu", 4);
           OptionsEntry options = gpus(2000);
           options.cpus_milli = 6000;
           h.submit(asking("a", options));
         },
     .summary = kNever + "6 CPU, 2 GPU; nearest: gpu has 4 CPUs, it asks for 6; gpu has 1 GPUs "
                         "(T4 with 16 B), it asks for 2 GPUs. The smallest change: ask for at "
                         "most 4 CPUs, and ask for at most 1 GPUs",
     .reasons = {"small0, small1, small2, small3, small4 and 2 more each has 2 CPUs, it asks for "
                 "6; has 0 GPUs, it asks for 2 GPUs"},
     .kinds = {"cpus", "gpus", "cpus", "gpus"},
     .change = "ask for at most 4 CPUs, and ask for at most 1 GPUs",
     .make_change =
         [](H h) {
           OptionsEntry options = gpus(1000);
           options.cpus_milli = 4000;
           h.submit(asking("b", options));
         },
     .starts = 2},
};

const std::string kNobody = "it is ready, but no connected worker can run what asks for 1 CPU";
const std::vector<Situation> kRefused{
    {.name = "the only worker is silent",
     .set_up =
         [](H h) {
           h.worker("w");
           h.advance(10s);
           h.submit(asking("a"));
         },
     .summary = kNobody,
     .reasons = {"w is silent"},
     .kinds = {"silent"},
     .absent = {"ever", "CPUs free"},
     .change = "mend or replace w, which could run it: it is silent",
     .make_change = [](H h) { h.beat(h.workers["w"]); }},
    {.name = "the only worker said goodbye",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           h.say(w, protocol::Goodbye{w.session});
           h.submit(asking("a"));
         },
     .summary = kNobody,
     .reasons = {"w is left"},
     .kinds = {"left"},
     .change = "mend or replace w, which could run it: it is left",
     .make_change = [](H h) { h.worker("w"); }},
    {.name = "the only worker is about to leave",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           h.say(w, protocol::Leaving{w.session});
           h.submit(asking("a"));
         },
     .summary = kNobody,
     .reasons = {"w is about to leave"},
     .kinds = {"leaving"},
     .change = "mend or replace w, which could run it: it is about to leave",
     .make_change = [](H h) { h.worker("v"); }},
    {.name = "the only worker is drained",
     .set_up =
         [](H h) {
           h.worker("w");
           drains("w")(h);
           h.submit(asking("a"));
         },
     .summary = kNobody,
     .reasons = {"w is drained: `landseer undrain w`"},
     .kinds = {"drained"},
     .change = "`landseer undrain w`",
     .make_change = drains("w", false)},
    {.name = "the only worker's disk is full",
     .set_up =
         [](H h) {
           h.offer.unfit = "its disk is full";
           h.worker("w");
           h.submit(asking("a"));
         },
     .summary = kNobody,
     .reasons = {"w gets no work: its disk is full"},
     .kinds = {"unfit"},
     .change = "mend or replace w, which could run it: it gets no work: its disk is full",
     .make_change =
         [](H h) {
           FakeWorker& w = h.workers["w"];
           h.say(w, protocol::Offer{w.session, {}, {}, {}, ""});
         }},
    {.name = "the only worker could start nothing",
     .set_up =
         [](H h) {
           FakeWorker& w = h.worker("w");
           h.submit(asking("a"));
           h.submit(asking("b"));
           for (int i = 0; i < 5; ++i) {
             h.finish(w, Outcome::kRuntimeError);
             h.beat(w);
             h.advance(1s);
           }
         },
     .task = 2,
     .summary = kNobody,
     .kinds = {"host"},
     .change = "mend or replace w, which could run it: it gets no work: it could not start 5 "
               "attempts in a row, the last: because of the test",
     .make_change =
         [](H h) {
           ++h.workers["w"].instance;
           h.worker("w", 2);
         }},
    {.name = "one that could is drained, another never can",
     .set_up =
         [](H h) {
           h.worker("small", 1);
           h.worker("large", 4);
           drains("large")(h);
           h.submit(asking("a", cpus(4)));
         },
     .summary = "it is ready, but no connected worker can run what asks for 4 CPU",
     .reasons = {"large is drained", "small has 1 CPUs, it asks for 4"},
     .kinds = {"drained", "cpus"},
     .absent = {"ever run"},
     .change = "`landseer undrain large`",
     .make_change = drains("large", false)},
};

class ExplainNever : public ::testing::TestWithParam<Situation> {};

TEST_P(ExplainNever, SaysWhatIsTrue) { expect_true(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Table, ExplainNever, ::testing::ValuesIn(joined({kNeverRun, kRefused})),
                         situation_name);

}  // namespace
}  // namespace landseer::broker::testing
