/// One example of every message, with fields that are not their defaults, and its frame.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/codec.h"

namespace landseer::protocol {

struct Example {
  std::string name;
  std::string frame;
  std::function<bool(std::string_view)> decodes;
};

namespace detail {

inline AttemptResult result_example() {
  AttemptResult r;
  r.epoch = 5;
  r.task = TaskId{7};
  r.attempt = 2;
  r.outcome = Outcome::kExitCode;
  r.exit_code = -3;
  r.reason = "exit code 3";
  r.log_tail = "last line\n";
  r.metrics = "{\"a\":1}";
  r.evaluation_skipped = true;
  r.artifact = sha256("artifact");
  r.artifact_bytes = 300;
  r.started_at = 1'700'000'000'000;
  r.finished_at = 1'700'000'000'500;
  r.cpu_ms = 70'000;
  r.memory_peak_bytes = 5'000'000'000;
  r.gpu_memory_peak_bytes = 6'000'000'000;
  r.image_content = sha256("image");
  r.dataset_content = sha256("dataset");
  r.checkpoint = sha256("checkpoint");
  r.checkpoint_bytes = 100;
  r.gpus = {1};
  return r;
}

inline WorkSpec spec_example() {
  WorkSpec s;
  s.tool = "fine pruning";
  s.image = "registry/post_fineprune:v1";
  s.command = "python3 main.py";
  s.runtime = "process";
  s.type = 3;
  s.env = "{\"A\":\"1\"}";
  s.timeout_ms = 7'200'000;
  s.cpus_milli = 1500;
  s.gpus_milli = 500;
  s.memory_bytes = 1 << 30;
  s.required_artifacts = {"key.json"};
  s.artifact_roots = {"/data"};
  s.metrics = {"accuracy"};
  s.dataset_name = "digits";
  s.dataset_variant = "clean";
  s.model_script = sha256("script");
  s.gpu_memory_bytes = 1 << 29;
  s.network = true;
  s.image_content = sha256("image");
  s.dataset_content = sha256("dataset");
  s.gpu_model = "a100";
  s.scratch_bytes = 1 << 28;
  s.named = {{"licence_x", 2}};
  return s;
}

inline Hello hello_example() {
  Hello h;
  h.program_version = "0.1.0";
  h.uid = "0123";
  h.name = "gpu-1";
  h.instance = 99;
  h.cpus_milli = 8000;
  h.memory_bytes = 1 << 30;
  h.gpus = {{0, "T4", 16, "GPU-1", "fell off the bus"}};
  h.labels = {{"rack", "3"}};
  h.runtimes = {"process", "noop"};
  h.datasets = {{"digits", "clean", sha256("dataset")}};
  h.data_address = "tcp://10.0.0.1:5555";
  h.held = {{5, TaskId{7}, 2}};
  h.number = 3;
  h.boot_id = "8a7f";
  h.images = {{"registry/noop:v1", sha256("image")}};
  h.store_id = "lab";
  h.unfit = "the disk is full";
  h.scratch_bytes = 1 << 28;
  h.named = {{"licence_x", 2}};
  h.tasks_max = 4;
  h.fetch_secret = std::string(32, '\xfe');
  return h;
}

inline PipelineRow row_example() {
  PipelineRow r;
  r.pipeline = PipelineId{3};
  r.name = "digits";
  r.state = PipelineState::kFailed;
  r.policy = "landseer";
  r.priority = -2;
  r.dataset = "digits:clean";
  r.total = 200;
  r.completed = 199;
  r.failed = 1;
  r.submitted_at = 1'700'000'000'000;
  r.owner = "alice";
  return r;
}

inline TaskRow task_example() {
  TaskRow r;
  r.task = TaskId{7};
  r.pipeline = PipelineId{3};
  r.key = sha256("key");
  r.tool = "noop";
  r.type = 1;
  r.status = 3;
  r.priority = -54;
  r.usage_counter = 54;
  r.dependencies = {TaskId{6}};
  r.workflows = {WorkflowId{1}, WorkflowId{2}};
  r.attempts = 1;
  r.worker = "gpu-1";
  r.metrics = "{}";
  r.cached_from = TaskId{2};
  r.joined = TaskId{4};
  r.is_baseline = true;
  return r;
}

inline WorkerRow worker_example() {
  WorkerRow r;
  r.worker = WorkerId{1};
  r.name = "gpu-1";
  r.state = "connected";
  r.cpus_milli = 8000;
  r.labels = {{"rack", "3"}};
  r.runtimes = {"process"};
  r.bytes_fetched = 500;
  r.drained = true;
  r.gpus_free_milli = 500;
  r.memory_free_bytes = 1000;
  r.scratch_bytes = 1 << 28;
  r.scratch_free_bytes = 1 << 27;
  r.tasks_max = 4;
  r.named = {{"licence_x", 2, 1}};
  r.reserved_for = "task_9";
  r.gpus_free_milli = 1500;
  return r;
}

inline AttemptRow attempt_example() {
  AttemptRow r;
  r.attempt = 2;
  r.worker = "gpu-1";
  r.outcome = 2;
  r.worker_id = WorkerId{1};
  r.gpus = {1};
  return r;
}

inline GraphPage graph_example() {
  GraphPage g;
  g.policy = "finish-first";
  g.priority = -2;
  g.dataset_name = "digits";
  g.dataset_variant = "clean";
  g.tasks_total = 243;
  g.workflows_total = 54;
  g.tools = {{"prune", "registry/prune:v1", "", "process", false}};
  g.options = {{1500, 500, 1024, 2, 60'000, "{}", {}, {}, {}, 4096, true, "", 0, {}, {}, 0}};
  g.tasks = {{1, 3, 0, 0, {}, {0, 1}, 300, WorkerId{}, 0, 1'700'000'000'500},
             {3, 2, 0, 0, {0}, {1}, 0, WorkerId{1}, 5'000, 0}};
  g.next_offset = 2;
  return g;
}

}  // namespace detail

/// In the order of the variants, so that a message without an example is noticed by the count.
inline std::vector<FromWorker> from_worker_examples() {
  return {detail::hello_example(),
          Heartbeat{11, 4},
          Started{11, {{{5, TaskId{7}, 2}, 1'700'000'000'000, {0, 300}}}},
          Results{11, {detail::result_example()}},
          Holding{11, {sha256("artifact")}, 300},
          Dropped{11, {sha256("artifact")}},
          Goodbye{11},
          Leaving{11},
          Offer{11,
                {{0, "T4", 16, "GPU-1", ""}},
                {{"digits", "clean", sha256("dataset")}},
                {{"registry/noop:v1", sha256("image")}},
                "the disk is full"},
          ReleaseRequest{11, {sha256("artifact")}},
          ContentsChecked{11, 4}};
}

inline std::vector<ToWorker> to_worker_examples() {
  return {Welcome{1,
                  5,
                  WorkerId{1},
                  11,
                  2000,
                  120'000,
                  "tcp://10.0.0.2:7712",
                  {{{5, TaskId{7}, 2}, true}},
                  3},
          Rehello{},
          Refused{ErrorCode::kVersion, "too old", "upgrade"},
          HeartbeatReply{11, 4},
          Assign{11,
                 5,
                 {detail::spec_example()},
                 {{TaskId{7},
                   2,
                   PipelineId{3},
                   0,
                   "{\"stage\":\"deployment\"}",
                   {{sha256("artifact"), {"tcp://10.0.0.1:5555"}}},
                   {sha256("checkpoint"), {"tcp://10.0.0.1:5555"}}}}},
          ResultsAck{11, {{5, TaskId{7}, 2}}},
          Stop{11, {{5, TaskId{7}, 2}}},
          Attend{11, sha256("key")},
          Release{11, {sha256("artifact")}},
          Recall{11, {{5, TaskId{7}, 2}}},
          CheckContents{11, 4, "digits", "clean"}};
}

inline std::vector<FromClient> from_client_examples() {
  return {ClientHello{1, 1, "0.1.0"},
          SubmitChunk{"id-1", 0, true, "body \xff", true},
          ListPipelines{PipelineId{2}},
          WatchPipeline{PipelineId{3}, 17, true},
          ListTasks{PipelineId{3}, 4, "noop", 1000, 500},
          GetTask{TaskId{7}},
          ListWorkflows{PipelineId{3}, 0, 100},
          ListWorkers{},
          OpenStream{TaskId{7}, 2, false},
          Cancel{PipelineId{3}, TaskId{}},
          Retry{PipelineId{}, TaskId{7}},
          Pause{PipelineId{3}, true},
          GetExplanation{TaskId{7}},
          GetToolTimes{{"prune", "noop"}},
          ListOffers{WorkerId{2}},
          GetGraph{PipelineId{3}, 1000},
          Drain{"gpu-1", "rack", "3", true, true},
          CancelPart{{PipelineId{3}, {}, "", {{WorkflowId{7}, WorkflowId{9}}}, false}, true},
          RetryPart{{PipelineId{3}, {}, "trades", {}, false}},
          SetPriority{PipelineId{3}, -5},
          GetChanges{21'474'836'490, 5000},
          ListAttempts{PipelineId{3}, 1000, 500},
          PausePart{{PipelineId{3}, {}, "trades", {}, false}, false, true}};
}

inline std::vector<ToClient> to_client_examples() {
  return {ClientWelcome{1, 5, "0.1.0"},
          ChunkTaken{3},
          Submitted{PipelineId{3}, "digits", 54, 378, 243, 162, 0, false, {"no worker"}},
          PipelineList{{detail::row_example()}, true},
          PipelineStatus{detail::row_example(),
                         17,
                         {{5, 162, 2, 100, 0}},
                         {"no worker"},
                         {{"clean_accuracy < 0.5", 2, 12, 60000, 30000, 1}}},
          TaskList{{detail::task_example()}, 1000},
          TaskDetail{
              detail::task_example(), "image", "command", "{}", "{}", {detail::attempt_example()}},
          WorkflowList{{{WorkflowId{1}, "comb_001", 3, 4, {TaskId{7}}}}, 0},
          WorkerList{{detail::worker_example()}, {{"matlab", 5, 3}}},
          StreamOpened{
              2, true, sha256("artifact"), 500, "tcp://10.0.0.2:7712", {{"gpu-1", "ticket \xff"}}},
          Cancelled{10, 2, 1, 4, 3, PipelineId{3}},
          ErrorReply{ErrorCode::kBusy, "too much at once", "alice", "wait", 250},
          Retried{12, false},
          Paused{true, 4},
          Explanation{detail::task_example(),
                      "it ran",
                      {"no worker"},
                      TaskId{2},
                      TaskId{6},
                      {{"command", "a", "b"}},
                      {{"gpus", "has 2 GPUs, it asks for 3 GPUs", {"w1", "w2"}, 9, true}},
                      "request",
                      "ask for at most 2 GPUs",
                      true,
                      1000,
                      true,
                      {{TaskId{3}, PipelineId{1}, "train"}},
                      {{PipelineId{1}, 1000}},
                      "w1",
                      1'700'000'000'000,
                      1'700'000'600'000,
                      TaskId{4},
                      TaskId{5}},
          ToolTimeList{{{"prune", "NVIDIA A100", 12, 1'500'000, 9, 70'000, 12, 5'000'000}}},
          OfferList{{{WorkerId{1}, detail::hello_example()}}, true},
          detail::graph_example(),
          Drained{{{WorkerId{1}, "gpu-1", true, 4}}},
          PrioritySet{5},
          ChangeList{21'474'836'499,
                     true,
                     {{detail::task_example(), detail::attempt_example()}},
                     {detail::row_example()},
                     {PipelineId{1}}},
          AttemptList{{{TaskId{7}, detail::attempt_example()}}, 1000},
          PartPaused{PipelineId{3}, true, 4, 2, 1, 3, {"the tool 'x' is paused"}, true}};
}

inline Submission submission_example() {
  Submission s;
  s.submission_id = "id-1";
  s.name = "digits";
  s.priority = -2;
  s.dataset_name = "digits";
  s.dataset_variant = "clean";
  s.model_name = "model.py";
  s.model_script = "pass\n";
  s.tools = {{"noop", "registry/noop:v1", "", std::nullopt, true},
             {"prune", "registry/prune:v1", "-p 0.1", "process", false}};
  s.configs = {"{}", "{\"a\":1}"};
  s.options = {{1500,
                500,
                1024,
                2,
                60'000,
                "{}",
                {"k"},
                {"/d"},
                {"m"},
                4096,
                true,
                "a100",
                1 << 28,
                {{"zone", 2, {"a", "b"}}},
                {{"licence_x", 2}},
                1'800'000}};
  s.tasks = {{1, 0, 0, 0, {}}, {3, 1, 1, 0, {0}}};
  s.workflows = {{"comb_001", {0, 1}}};
  s.stop_after = 5;
  s.stop_when = {"clean_accuracy < 0.5"};
  return s;
}

inline std::vector<Example> examples() {
  std::vector<Example> all;
  const auto add = [&](const auto& messages, const std::string& side, auto decode) {
    for (const auto& message : messages) {
      all.push_back({side + "_" + std::to_string(message.index() + 1), encode(message, 9),
                     [decode](std::string_view frame) { return decode(frame).has_value(); }});
    }
  };
  add(from_worker_examples(), "from_worker", decode_from_worker);
  add(to_worker_examples(), "to_worker", decode_to_worker);
  add(from_client_examples(), "from_client", decode_from_client);
  add(to_client_examples(), "to_client", decode_to_client);
  add(
      std::vector<BulkRequest>{
          GetBlob{sha256("blob"), 100, 65'536, "ticket \xff", sha256("artifact")},
          Attach{11, sha256("key")}, GetLog{"ticket \xff", TaskId{7}, 2, 100, 65'536, 5000, true}},
      "bulk_request", decode_bulk_request);
  add(std::vector<BulkReply>{BlobData{sha256("blob"), true, 100, 105, "bytes"},
                             LogData{true, 100, 105, true, "bytes \xff", {{90, 1'700'000'000'000}}},
                             StreamError{ErrorCode::kUnavailable, "the worker is away", "wait"}},
      "bulk_reply", decode_bulk_reply);
  all.push_back({"submission", encode_submission(submission_example()),
                 [](std::string_view body) { return decode_submission(body).has_value(); }});
  return all;
}

}  // namespace landseer::protocol
