#include "worker/io/workbench.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/text.h"
#include "common/domain/types.h"
#include "common/protocol/limits.h"
#include "tests/support/temp_folder.h"
#include "worker/io/blob_server.h"
#include "worker/io/input_folder.h"
#include "worker/io/process_runtime.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using protocol::Outcome;
using test::read_text;
using test::TempFolder;
using test::write_text;

AttemptJob make_job(std::uint64_t task) {
  AttemptJob job;
  job.key = {5, TaskId{task}, 1};
  job.pipeline = PipelineId{3};
  job.config = R"({"epochs":3})";
  return job;
}

class WorkbenchTest : public testing::Test {
 protected:
  TempFolder folder;
  net::Context context;
  ArtifactStore other = *ArtifactStore::open(folder / "other");
  std::unique_ptr<BlobServer> server =
      std::move(*BlobServer::start(context, other, "tcp://127.0.0.1:0"));
  ArtifactStore store = *ArtifactStore::open(folder / "store");
  WorkbenchOptions options{.scratch = folder / "scratch",
                           .datasets = {},
                           .fetch = {.silence_limit = 300ms},
                           .logs = {},
                           .threads = 2,
                           .prepares_max = 100};
  std::unique_ptr<Workbench> bench;

  void SetUp() override {
    write_text(folder / "cifar10/data.npy", "clean");
    write_text(folder / "cifar10/extra/one", "1");
    write_text(folder / "cifar10-noisy/data.npy", "noisy");
    Runtimes runtimes;
    runtimes.add(std::make_unique<ProcessRuntime>("", Variables(), folder / "memory"));
    options.runtimes = std::make_shared<const Runtimes>(std::move(runtimes));
    options.datasets = {{"cifar10", "", folder / "cifar10"},
                        {"cifar10", "noisy", folder / "cifar10-noisy"}};
    start();
  }
  void start() {
    bench.reset();
    bench = std::move(*Workbench::start(context, store, options));
    bench->set_bulk_address(server->address());
  }

  Workbench::Event next_event() {
    while (pending.empty()) {
      std::array<net::PollItem, 1> items;
      items[0].fd = bench->fd();
      net::poll(items, 20s);
      if (!items[0].readable) {
        ADD_FAILURE() << "no event";
        return PrepareFailed{};
      }
      pending = bench->take_events();
    }
    Workbench::Event event = pending.front();
    pending.erase(pending.begin());
    return event;
  }
  /// Prepares; an answer of another kind fails the test and shows its reason.
  Prepared prepared(const AttemptJob& job) {
    bench->submit(Prepare{job});
    const Workbench::Event event = next_event();
    if (const auto* failed = std::get_if<PrepareFailed>(&event)) ADD_FAILURE() << failed->reason;
    const auto* answer = std::get_if<Prepared>(&event);
    return answer != nullptr ? *answer : Prepared{};
  }
  PrepareFailed prepare_failed(const AttemptJob& job) {
    bench->submit(Prepare{job});
    const Workbench::Event event = next_event();
    const auto* answer = std::get_if<PrepareFailed>(&event);
    EXPECT_NE(answer, nullptr);
    return answer != nullptr ? *answer : PrepareFailed{};
  }
  Captured captured(const AttemptKey& key) {
    bench->submit(Capture{key});
    const Workbench::Event event = next_event();
    if (const auto* failed = std::get_if<CaptureFailed>(&event)) ADD_FAILURE() << failed->reason;
    const auto* answer = std::get_if<Captured>(&event);
    return answer != nullptr ? *answer : Captured{};
  }
  /// Waits until the bench is done with an attempt: its jobs are done in order.
  void discarded(const AttemptKey& key) {
    bench->submit(Discard{key});
    bench->submit(Capture{key});
    EXPECT_TRUE(std::holds_alternative<CaptureFailed>(next_event()));
  }
  std::string input(const AttemptKey& key, const std::string& name) const {
    return read_text(bench->folders(key)->input / name);
  }
  /// An artifact in the other worker's store.
  Digest artifact(const std::vector<std::pair<std::string, std::string>>& files) {
    const fs::path output = folder / ("made" + std::to_string(++made));
    for (const auto& [name, content] : files) write_text(output / name, content);
    return other.capture(output)->artifact;
  }
  protocol::InputArtifact from_other(const Digest& digest) const {
    return {digest, {server->address()}};
  }

 private:
  std::vector<Workbench::Event> pending;
  int made = 0;
};

TEST_F(WorkbenchTest, AnAttemptFromItsInputsToItsArtifact) {
  AttemptJob job = make_job(7);
  job.spec.dataset_name = "cifar10";
  job.spec.dataset_variant = "clean";
  job.spec.model_script = *other.add_blob("def config(): pass\n");
  const Digest model = artifact({{"model.pt", "weights"}});
  job.inputs = {from_other(model), from_other(Digest{})};
  const Prepared answer = prepared(job);
  EXPECT_EQ(answer.key, job.key);
  EXPECT_EQ(answer.fetched, std::vector<Digest>{model});
  EXPECT_TRUE(answer.missing_required.empty());
  EXPECT_EQ(input(job.key, "data.npy"), "clean");
  EXPECT_EQ(input(job.key, "extra/one"), "1");
  EXPECT_EQ(input(job.key, "model.pt"), "weights");
  EXPECT_EQ(input(job.key, "config_model.py"), "def config(): pass\n");
  EXPECT_EQ(input(job.key, "config.json"), R"({"epochs":3})");

  const AttemptPaths paths = *bench->folders(job.key);
  EXPECT_EQ(paths.folder, folder / "scratch/attempts/5.7.1");
  EXPECT_EQ(paths.log, folder / "scratch/logs/task_7.1.log");
  EXPECT_EQ(paths.checkpoint, folder / "scratch/checkpoints/pipeline_3.task_7");
  write_text(paths.log, "a log");
  write_text(paths.checkpoint / "epoch", "3");
  write_text(paths.output / "model.pt", "better weights");
  const Captured kept = captured(job.key);
  EXPECT_EQ(kept.bytes, 14u);
  EXPECT_EQ(kept.metrics, "");
  EXPECT_FALSE(kept.evaluation_skipped);
  EXPECT_EQ(store.manifest(kept.artifact)->entries.at(0).path, "model.pt");

  discarded(job.key);
  EXPECT_FALSE(fs::exists(paths.folder));
  EXPECT_TRUE(fs::is_empty(paths.checkpoint.parent_path()));
  EXPECT_EQ(read_text(paths.log), "a log");
  EXPECT_FALSE(bench->folders(job.key));
  EXPECT_TRUE(bench->found().empty());
}

TEST_F(WorkbenchTest, LaterInputsReplaceByTopLevelName) {
  AttemptJob job = make_job(7);
  job.spec.dataset_name = "cifar10";
  job.inputs = {
      from_other(artifact({{"model.pt", "1"}, {"stats/a", "1"}, {"stats/b", "1"}, {"only1", "1"}})),
      from_other(artifact({{"stats/c", "2"}, {"extra", "now a file"}, {"config.json", "2"}})),
      from_other(artifact({{"model.pt/part", "now a folder"}, {"config_model.py", "3"}}))};
  prepared(job);
  EXPECT_EQ(input(job.key, "data.npy"), "clean");
  EXPECT_EQ(input(job.key, "only1"), "1");
  EXPECT_EQ(input(job.key, "stats/c"), "2");
  EXPECT_EQ(input(job.key, "stats/a"), "<no file>");
  EXPECT_EQ(input(job.key, "extra"), "now a file");
  EXPECT_EQ(input(job.key, "model.pt/part"), "now a folder");
  EXPECT_EQ(input(job.key, "config.json"), R"({"epochs":3})");
  EXPECT_EQ(input(job.key, "config_model.py"), "3");  // There is no model script of the task.
}

TEST_F(WorkbenchTest, TheDatasetVariantIsChosenExactlyOrGenerally) {
  AttemptJob job = make_job(7);
  job.spec.dataset_name = "cifar10";
  job.spec.dataset_variant = "noisy";
  prepared(job);
  EXPECT_EQ(input(job.key, "data.npy"), "noisy");
  job = make_job(8);
  job.spec.dataset_name = "mnist";
  job.spec.dataset_variant = "clean";
  const PrepareFailed failed = prepare_failed(job);
  EXPECT_EQ(failed.outcome, Outcome::kRuntimeError);
  EXPECT_EQ(failed.reason,
            "this worker does not have the dataset mnist:clean (start it with "
            "--data mnist:clean=PATH)");
}

TEST_F(WorkbenchTest, ToolsCannotWriteToTheDatasetOrTheStoreThroughTheirInput) {
  AttemptJob job = make_job(7);
  job.spec.dataset_name = "cifar10";
  const Digest model = artifact({{"model.pt", "weights"}});
  job.inputs = {from_other(model)};
  prepared(job);
  struct stat status {};
  ASSERT_EQ(stat((bench->folders(job.key)->input / "model.pt").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0222u, 0u);
  EXPECT_EQ(status.st_nlink, 2u);
}

TEST_F(WorkbenchTest, AnInputThatNobodyHasIsNamed) {
  AttemptJob job = make_job(7);
  job.inputs = {from_other(sha256("gone"))};
  PrepareFailed failed = prepare_failed(job);
  EXPECT_EQ(failed.outcome, Outcome::kInputMissing);
  EXPECT_EQ(failed.missing_input, sha256("gone"));
  EXPECT_NE(failed.reason.find(server->address() + " does not have it"), std::string::npos);

  const Digest broken = artifact({{"model.pt", "weights"}});
  fs::remove(object_path(folder / "other", sha256("weights")));
  job = make_job(8);
  job.inputs = {from_other(broken)};
  failed = prepare_failed(job);
  EXPECT_EQ(failed.outcome, Outcome::kInputMissing);
  EXPECT_EQ(failed.missing_input, broken);
}

TEST_F(WorkbenchTest, AMissingModelScriptIsThisWorkersTrouble) {
  AttemptJob job = make_job(7);
  job.spec.model_script = sha256("script");
  EXPECT_EQ(prepare_failed(job).outcome, Outcome::kRuntimeError);
  bench->set_bulk_address("");
  job.key.attempt = 2;
  EXPECT_EQ(prepare_failed(job).outcome, Outcome::kRuntimeError);
}

TEST_F(WorkbenchTest, RequiredArtifactsComeFromTheInputOrTheRoots) {
  write_text(folder / "root/watermark_key.json", "key");
  write_text(folder / "root/keys/one", "1");
  write_text(folder / "cifar10/../secret", "x");
  AttemptJob job = make_job(7);
  job.spec.type = static_cast<std::uint8_t>(domain::TaskType::kEvaluation);
  job.spec.dataset_name = "cifar10";
  job.spec.required_artifacts = {"data.npy", "watermark_key.json", "keys", "gone", "../secret",
                                 "..",       "extra/one",          ""};
  job.spec.artifact_roots = {(folder / "nowhere").string(), (folder / "root").string()};
  EXPECT_EQ(prepared(job).missing_required,
            (std::vector<std::string>{"gone", "../secret", "..", "extra/one", ""}));
  EXPECT_EQ(input(job.key, "watermark_key.json"), "key");
  EXPECT_EQ(input(job.key, "keys/one"), "1");
}

TEST_F(WorkbenchTest, AnEvaluatorReportsItsMetrics) {
  AttemptJob job = make_job(7);
  job.spec.type = static_cast<std::uint8_t>(domain::TaskType::kEvaluation);
  job.spec.metrics = {"accuracy"};
  prepared(job);
  Captured answer = captured(job.key);
  EXPECT_TRUE(answer.evaluation_skipped);
  EXPECT_EQ(answer.skip_reason, "the tool wrote no evaluation_results.json");
  EXPECT_EQ(answer.metrics, R"({"accuracy":null})");
  EXPECT_TRUE(answer.artifact.empty());
  write_text(bench->folders(job.key)->output / "evaluation_results.json",
             R"({"success": true, "metrics": {"accuracy": 0.75, "loss": 2}})");
  answer = captured(job.key);
  EXPECT_FALSE(answer.evaluation_skipped);
  EXPECT_EQ(answer.metrics, R"({"accuracy":0.75})");
  EXPECT_FALSE(answer.artifact.empty());
}

TEST_F(WorkbenchTest, AHostileOutputFailsWithItsReason) {
  const AttemptJob job = make_job(7);
  prepared(job);
  const fs::path link = bench->folders(job.key)->output / "bad\xff\nname";
  ASSERT_EQ(symlink("/etc/passwd", link.c_str()), 0);
  bench->submit(Capture{job.key});
  const Workbench::Event event = next_event();
  const auto* failed = std::get_if<CaptureFailed>(&event);
  ASSERT_NE(failed, nullptr);
  EXPECT_TRUE(is_utf8(failed->reason));
  EXPECT_NE(failed->reason.find("a symbolic link"), std::string::npos) << failed->reason;
  discarded(job.key);
  EXPECT_TRUE(bench->found().empty());
}

TEST_F(WorkbenchTest, ACheckpointSurvivesAttemptsButNotAnotherTaskOfItsNumber) {
  AttemptJob job = make_job(7);
  prepared(job);
  const fs::path checkpoint = bench->folders(job.key)->checkpoint;
  write_text(checkpoint / "epoch", "3");
  discarded(job.key);
  job.key.attempt = 2;
  job.key.epoch = 6;
  prepared(job);
  EXPECT_EQ(read_text(checkpoint / "epoch"), "3");
  discarded(job.key);
  job.key.epoch = 7;
  job.config = R"({"epochs":4})";
  prepared(job);
  EXPECT_TRUE(fs::is_empty(checkpoint));
}

TEST_F(WorkbenchTest, ALinkInTheCheckpointFoldersPlaceIsNotFollowed) {
  AttemptJob job = make_job(7);
  prepared(job);
  const fs::path checkpoint = bench->folders(job.key)->checkpoint;
  write_text(folder / "outside/epoch", "3");
  fs::remove(checkpoint);
  ASSERT_EQ(symlink((folder / "outside").c_str(), checkpoint.c_str()), 0);
  bench->submit(CaptureCheckpoint{job.key});
  EXPECT_TRUE(std::get<CheckpointCaptured>(next_event()).artifact.empty());
  discarded(job.key);
  job.key.attempt = 2;
  prepared(job);
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(checkpoint)));
  EXPECT_TRUE(fs::is_empty(checkpoint));
  EXPECT_EQ(read_text(folder / "outside/epoch"), "3");
}

TEST_F(WorkbenchTest, AnAbandonedPrepareIsCancelled) {
  options.fetch.silence_limit = 60s;
  options.threads = 1;
  start();
  net::Router silent(context);
  AttemptJob first = make_job(7);
  first.inputs = {{sha256("x"), {*silent.bind("tcp://127.0.0.1:0")}}};
  AttemptJob second = first;
  second.key.task = TaskId{8};
  bench->submit(Prepare{first});
  bench->submit(Prepare{second});
  std::array<net::PollItem, 1> items;
  items[0].socket = &silent;
  net::poll(items, 20s);
  ASSERT_TRUE(items[0].readable);  // The first one is in progress.
  bench->abandon(second.key);
  bench->submit(Discard{first.key});
  for (const AttemptKey& key : {first.key, second.key}) {
    const Workbench::Event event = next_event();
    const auto* failed = std::get_if<PrepareFailed>(&event);
    ASSERT_NE(failed, nullptr);
    EXPECT_EQ(failed->key, key);
    EXPECT_EQ(failed->outcome, Outcome::kCancelled);
  }
}

TEST_F(WorkbenchTest, TheEndDoesNotWaitForASilentSource) {
  options.fetch.silence_limit = 60s;
  start();
  net::Router silent(context);
  AttemptJob job = make_job(7);
  job.inputs = {{sha256("x"), {*silent.bind("tcp://127.0.0.1:0")}}};
  bench->submit(Prepare{job});
  std::array<net::PollItem, 1> items;
  items[0].socket = &silent;
  net::poll(items, 20s);
  bench.reset();
}

TEST_F(WorkbenchTest, TooManyPreparesFailAtOnce) {
  options.prepares_max = 0;
  start();
  const PrepareFailed failed = prepare_failed(make_job(7));
  EXPECT_EQ(failed.reason, "too many attempts wait to be prepared");
}

TEST_F(WorkbenchTest, AnAdoptedAttemptIsCaptured) {
  const AttemptJob job = make_job(7);
  prepared(job);
  write_text(bench->folders(job.key)->output / "model.pt", "weights");
  start();
  EXPECT_EQ(bench->found(), std::vector<AttemptKey>{job.key});
  bench->adopt(job);
  EXPECT_EQ(captured(job.key).bytes, 7u);
}

TEST_F(WorkbenchTest, LogsStayWithinTheirLimitsWhileAttemptsEnd) {
  options.logs = {.bytes_max = 2000, .files_max = 32};
  for (int i = 0; i < 40; ++i) {
    write_text(folder / "scratch/logs" / ("task_" + std::to_string(1000 + i) + ".1.log"), "old");
  }
  start();
  const auto logs = [&] {
    LogTotals totals;
    for (const auto& entry : fs::directory_iterator(folder / "scratch/logs")) {
      ++totals.files;
      totals.bytes += entry.file_size();
    }
    return totals;
  };
  for (std::uint64_t task = 1; task <= 100; ++task) {
    const AttemptJob job = make_job(task);
    prepared(job);
    write_text(bench->folders(job.key)->log, std::string(100, 'x'));
    discarded(job.key);
    EXPECT_LE(logs().files, 32u) << task;
    EXPECT_LE(logs().bytes, 2000u) << task;
  }
  EXPECT_GE(logs().bytes, 1700u);  // no more went than had to
}

TEST(AttemptFolders, TheOldestLogsGoFirstButNotThoseInUse) {
  const TempFolder folder;
  const auto folders = AttemptFolders::open(folder.path());
  ASSERT_TRUE(folders);
  for (int i = 1; i <= 5; ++i) {
    const fs::path log = folder / ("logs/task_" + std::to_string(i) + ".1.log");
    write_text(log, std::string(90, 'x'));
    write_text(log.native() + ".index", std::string(10, 'x'));
    const timespec times[2] = {{i, 0}, {i, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, log.c_str(), times, 0), 0);
  }
  const auto pruned = folders->prune_logs({folder / "logs/task_1.1.log"}, {.bytes_max = 350});
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->files, 3u);
  EXPECT_EQ(pruned->bytes, 300u);
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder / "logs")) {
    left.insert(entry.path().filename());
  }
  EXPECT_EQ(left,
            (std::set<std::string>{"task_1.1.log", "task_1.1.log.index", "task_4.1.log",
                                   "task_4.1.log.index", "task_5.1.log", "task_5.1.log.index"}));
  ASSERT_TRUE(folders->prune_logs({}, {.files_max = 1}));
  EXPECT_EQ(read_text(folder / "logs/task_5.1.log").size(), 90u);
  EXPECT_EQ(read_text(folder / "logs/task_4.1.log"), "<no file>");
}

TEST(DatasetFolder, IsGivenAsAnOption) {
  const TempFolder folder;
  const std::string path = folder.path().string();
  EXPECT_EQ(*parse_dataset_folder("cifar10=" + path), (DatasetFolder{"cifar10", "", path}));
  EXPECT_EQ(*parse_dataset_folder("cifar10:clean=" + path),
            (DatasetFolder{"cifar10", "clean", path}));
  for (const std::string& bad : {path, "=" + path, ":clean=" + path, "a:=" + path,
                                 std::string("a="), std::string("a:b"), std::string()}) {
    EXPECT_EQ(parse_dataset_folder(bad).error().code, ErrorCode::kInvalid) << bad;
  }
  EXPECT_EQ(parse_dataset_folder("a=/no/such/folder").error().code, ErrorCode::kNotFound);
}

TEST(ReasonText, FitsIntoAMessage) {
  EXPECT_EQ(reason_text("plain"), "plain");
  EXPECT_EQ(reason_text("bad\xff name"), "bad? name");
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "\u20ac";
  EXPECT_LE(reason_text(text).size(), protocol::kReasonBytesMax);
  EXPECT_TRUE(is_utf8(reason_text(text)));
}

TEST(AttemptFolders, OneTasksEndDoesNotDisturbAnothersBeginning) {
  const test::TempFolder folder;
  const auto folders = AttemptFolders::open(folder.path());
  ASSERT_TRUE(folders);
  const auto come_and_go = [&](std::uint64_t task) {
    AttemptJob job;
    job.key = {1, TaskId{task}, 1};
    job.pipeline = PipelineId{1};
    for (int i = 0; i < 300; ++i) {
      const auto made = folders->create(job);
      EXPECT_TRUE(made) << made.error().to_string();
      EXPECT_TRUE(folders->remove(job.key));
      EXPECT_TRUE(folders->remove_checkpoint(job.key.task, job.pipeline));
    }
  };
  std::thread one(come_and_go, 1);
  std::thread two(come_and_go, 2);
  one.join();
  two.join();
}

}  // namespace
}  // namespace landseer::worker
