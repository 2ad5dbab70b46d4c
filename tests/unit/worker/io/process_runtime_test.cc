/// What a tool's command, image, configuration and GPUs become under the `process` runtime.
#include "worker/io/process_runtime.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;

class ProcessRuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "landseer-runtime-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    images_ = root_ + "/images";
    paths_ = {root_ + "/scratch", root_ + "/in", root_ + "/out", root_ + "/log",
              root_ + "/checkpoint"};
    job_.key = {3, TaskId{7}, 2};
    job_.pipeline = PipelineId{4};
    job_.config = "{}";
    job_.spec.tool = "tool";
    job_.spec.command = "true";
  }
  void TearDown() override { fs::remove_all(root_); }

  void add_image(const std::string& name, bool executable) {
    fs::create_directories(images_ + "/" + name);
    const std::string path = images_ + "/" + name + "/entrypoint";
    std::ofstream(path) << "#!/bin/sh\n";
    chmod(path.c_str(), executable ? 0755 : 0644);
  }

  Result<Launch> make(std::vector<std::uint32_t> gpus = {}) {
    const Variables host{{"PATH", "/bin"}, {"HOME", "/home/w"}};
    std::vector<protocol::GpuOffer> offers;
    for (const std::uint32_t gpu : gpus) offers.push_back({gpu, "unknown", 0});
    return ProcessRuntime(images_, host, root_ + "/memory")
        .make_launch({job_, paths_, offers, 500, "landseer/w/1"});
  }

  /// The value of a variable of the launch, `-` if it is not set.
  std::string variable(const std::string& name, std::vector<std::uint32_t> gpus = {}) {
    const auto launch = make(std::move(gpus));
    if (!launch) return "error: " + launch.error().to_string();
    for (const std::string& entry : launch->env) {
      if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
    }
    return "-";
  }

  std::string root_;
  std::string images_;
  AttemptPaths paths_;
  AttemptJob job_;
};

using Words = std::vector<std::string>;

TEST_F(ProcessRuntimeTest, SplitsTheCommandLikeAShell) {
  job_.spec.command = R"(python3 train.py --name 'a b' "c d")";
  EXPECT_EQ(make()->argv, (Words{"python3", "train.py", "--name", "a b", "c d"}));
  job_.spec.command = "echo 'open";
  EXPECT_EQ(make().error().code, ErrorCode::kInvalid);
}

TEST_F(ProcessRuntimeTest, TheImageFolderIsTheWorkingDirectory) {
  add_image("pre_noop", true);
  job_.spec.image = "docker://registry:5000/x/pre_noop:v1";
  EXPECT_EQ(make()->cwd, images_ + "/pre_noop");
  job_.spec.image = "x/absent:v1";
  EXPECT_EQ(make()->cwd, paths_.folder.string());
  job_.spec.image = "";
  EXPECT_EQ(make()->cwd, paths_.folder.string());
}

TEST_F(ProcessRuntimeTest, AnEmptyCommandIsTheEntrypointAndArgumentsAreAppendedToIt) {
  add_image("tool", true);
  job_.spec.image = "x/tool:v1";
  job_.spec.command = "";
  EXPECT_EQ(make()->argv, Words{"./entrypoint"});
  job_.spec.command = "--epochs 3";
  EXPECT_EQ(make()->argv, (Words{"./entrypoint", "--epochs", "3"}));
}

TEST_F(ProcessRuntimeTest, SaysWhatIsMissingWhenThereIsNoEntrypoint) {
  job_.spec.command = "";
  job_.spec.image = "x/absent:v1";
  EXPECT_EQ(make().error().code, ErrorCode::kNotFound);
  EXPECT_NE(make().error().message.find("x/absent:v1"), std::string::npos);
  fs::create_directories(images_ + "/absent");
  EXPECT_EQ(make().error().message, "the image has no entrypoint");
  add_image("absent", false);
  EXPECT_EQ(make().error().message, "the image's entrypoint is not executable");
}

TEST_F(ProcessRuntimeTest, ImageNamesLoseSchemeRegistryTagAndDigest) {
  EXPECT_EQ(*image_folder_name("x/NAME:tag"), "NAME");
  EXPECT_EQ(*image_folder_name("oras://ghcr.io/a/b/NAME"), "NAME");
  EXPECT_EQ(*image_folder_name("a/NAME:1@sha256:00ff"), "NAME");
  for (const char* bad : {"", "x/", "..", "x/..:1", "../x", "x/.:tag", "docker://", "x/:tag"}) {
    EXPECT_FALSE(image_folder_name(bad)) << bad;
  }
}

TEST_F(ProcessRuntimeTest, ConfigEntriesBecomeVariablesAsWritten) {
  job_.config = R"({"lr": 1e-3, "decay":0.10, "n": 123456789012345678901234, "on": true,
                    "none" : null, "name": "a \"b\" \u00e9", "list": [1, {"x": "},"}], "o":{},
                    "last": -0 })";
  EXPECT_EQ(variable("lr"), "1e-3");
  EXPECT_EQ(variable("decay"), "0.10");
  EXPECT_EQ(variable("n"), "123456789012345678901234");
  EXPECT_EQ(variable("on"), "true");
  EXPECT_EQ(variable("none"), "");
  EXPECT_EQ(variable("name"), "a \"b\" \u00e9");
  EXPECT_EQ(variable("list"), R"([1, {"x": "},"}])");
  EXPECT_EQ(variable("o"), "{}");
  EXPECT_EQ(variable("last"), "-0");
}

TEST_F(ProcessRuntimeTest, ConfigCannotChangeHowProgramsAreFoundOrPoseAsUs) {
  job_.config = R"({"PATH": "/evil", "LD_PRELOAD": "x.so", "HOME": "/", "LANDSEER_X": 1,
                    "TZ": "UTC", "a-b": 1, "1a": 2, "a=b": 3, "": 4})";
  EXPECT_EQ(variable("PATH"), "/bin");
  EXPECT_EQ(variable("HOME"), "/home/w");
  for (const char* name : {"LD_PRELOAD", "LANDSEER_X", "TZ", "a-b", "1a", "a"}) {
    EXPECT_EQ(variable(name), "-") << name;
  }
}

TEST_F(ProcessRuntimeTest, TheToolsOwnEnvironmentWinsOverConfigAndTheContractOverBoth) {
  job_.config = R"({"MODE": "config", "INPUT_DIR": "/x", "CUDA_VISIBLE_DEVICES": "0"})";
  job_.spec.env = R"({"MODE": "tool", "LD_LIBRARY_PATH": "/opt/lib", "OUTPUT_DIR": "/y"})";
  EXPECT_EQ(variable("MODE"), "tool");
  EXPECT_EQ(variable("LD_LIBRARY_PATH"), "/opt/lib");
  EXPECT_EQ(variable("INPUT_DIR"), paths_.input.string());
  EXPECT_EQ(variable("OUTPUT_DIR"), paths_.output.string());
  EXPECT_EQ(variable("CUDA_VISIBLE_DEVICES"), "");
}

TEST_F(ProcessRuntimeTest, SetsTheContractVariablesAndTheLimits) {
  job_.spec.timeout_ms = 1234;
  job_.spec.memory_bytes = 99;
  EXPECT_EQ(variable("CHECKPOINT_DIR"), paths_.checkpoint.string());
  EXPECT_EQ(variable("PYTHONPATH"), paths_.input.string() + ":/app");
  EXPECT_EQ(variable("LANDSEER_TASK_ID"), "task_7");
  EXPECT_EQ(variable("LANDSEER_ATTEMPT"), "2");
  EXPECT_EQ(variable("LANDSEER_PIPELINE_ID"), "pipeline_4");
  EXPECT_EQ(variable("CUDA_VISIBLE_DEVICES", {1, 3}), "1,3");
  const auto launch = make();
  EXPECT_EQ(launch->env.size(), 10U);  // these eight, PATH and HOME
  EXPECT_EQ(launch->key, job_.key);
  EXPECT_EQ(launch->log_path, paths_.log.string());
  EXPECT_EQ(launch->timeout_ms, 1234U);
  EXPECT_EQ(launch->grace_ms, 500U);
  EXPECT_EQ(launch->memory_bytes, 99U);
  EXPECT_EQ(launch->cgroup, "landseer/w/1");
}

TEST_F(ProcessRuntimeTest, RefusesWhatIsNoJsonObject) {
  for (const char* bad : {"", "[1]", "{", R"({"a":})", R"({"a":1} x)", R"({"a":"\u0000"})"}) {
    job_.config = bad;
    EXPECT_EQ(make().error().code, ErrorCode::kInvalid) << bad;
  }
}

TEST_F(ProcessRuntimeTest, TakesOnlyFourVariablesFromTheWorker) {
  setenv("TZ", "UTC", 1);
  setenv("SECRET_TOKEN", "x", 1);
  const Variables host = read_host_variables();
  EXPECT_EQ(host.at("TZ"), "UTC");
  EXPECT_EQ(host.count("SECRET_TOKEN"), 0U);
}

}  // namespace
}  // namespace landseer::worker
