/// Container engines that are not here, by fakes that write down what they are told.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"
#include "worker/io/container_engine.h"

namespace landseer::worker {

using namespace std::chrono_literals;
using test::read_text;
using test::TempFolder;
using test::write_text;
using Words = std::vector<std::string>;

inline const std::string kImageId(64, 'a');

class Containers : public testing::Test {
 protected:
  void SetUp() override {
    job.key = {3, TaskId{7}, 2};
    job.pipeline = PipelineId{4};
    job.config = R"({"rate":0.10})";
    job.spec.tool = "tool";
    job.spec.image = "docker://ghcr.io/lab/tool:v1";
    job.spec.command = "python3 'main file.py' --epochs 3";
    job.spec.image_content = *Digest::from_hex(kImageId);
    paths = {folder / "a", folder / "in", folder / "out,1", folder / "log", folder / "check"};
    std::filesystem::create_directories(folder / "bin");
  }

  /// A program of this name; each call is a line in `calls`, one word after the other.
  void fake(const std::string& name, const std::string& body) {
    const auto path = folder / "bin" / name;
    write_text(path, "#!/bin/sh\necho \"${0##*/} $*\" >>" + calls() + "\n" + body + "\n");
    chmod(path.c_str(), 0755);
  }
  std::string calls() const { return (folder / "calls").string(); }
  Words environment() const {
    return {"PATH=" + (folder / "bin").string() + ":/usr/bin:/bin", "HOME=/home/w"};
  }
  std::string program(const std::string& name) const { return (folder / "bin" / name).string(); }

  ContainerEngine engine(ContainerEngine::Kind kind) const {
    ContainerEngine engine;
    engine.kind = kind;
    engine.program = program(engine.name());
    engine.env = environment();
    engine.user = "0:0";
    return engine;
  }
  RunRequest request(std::vector<protocol::GpuOffer> gpus = {}) const {
    return {job, paths, std::move(gpus), 500, "landseer/w/3.7.2", "/top"};
  }
  Words contract(const std::string& prefix, const std::string& devices = "") const {
    return {prefix + "CHECKPOINT_DIR=/checkpoint",
            prefix + "CUDA_VISIBLE_DEVICES=" + devices,
            prefix + "INPUT_DIR=/input",
            prefix + "LANDSEER_ATTEMPT=2",
            prefix + "LANDSEER_PIPELINE_ID=pipeline_4",
            prefix + "LANDSEER_TASK_ID=task_7",
            prefix + "OUTPUT_DIR=/output",
            prefix + "PYTHONPATH=/input:/app",
            prefix + "rate=0.10"};
  }
  /// With what NVIDIA's runtime for all containers looks at.
  Words engine_contract(const std::string& devices = "") const {
    Words words = contract("--env=", devices);
    words.insert(words.begin() + 6,
                 "--env=NVIDIA_VISIBLE_DEVICES=" + (devices.empty() ? "void" : devices));
    return words;
  }
  Words mounts() const {
    const std::string at = folder.path().string();
    return {"--mount=type=bind,source=" + at + "/in,destination=/data,readonly",
            "--mount=type=bind,source=" + at + "/in,destination=/input,readonly",
            "--mount=type=bind,\"source=" + at + "/out,1\",destination=/output",
            "--mount=type=bind,source=" + at + "/check,destination=/checkpoint"};
  }

  TempFolder folder;
  AttemptJob job;
  AttemptPaths paths;
  ContainerOptions options;
  Cancel cancel;
};

}  // namespace landseer::worker
