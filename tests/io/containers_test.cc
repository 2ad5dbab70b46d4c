/// The exact command lines of container engines, and what their exit codes mean.
#include <algorithm>

#include "tests/io/containers_fixture.h"
#include "worker/io/apptainer_runtime.h"
#include "worker/io/engine_runtime.h"

namespace landseer::worker {
namespace {

Words joined(std::initializer_list<Words> parts) {
  Words all;
  for (const Words& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_F(Containers, PodmanIsToldExactlyThis) {
  job.spec.memory_bytes = 1024;
  const EngineRuntime runtime(engine(ContainerEngine::Kind::kPodman), options, folder / "locks");
  const auto launch = runtime.make_launch(request());
  ASSERT_TRUE(launch) << launch.error().to_string();
  EXPECT_EQ(
      launch->argv,
      joined({{program("podman"), "--cgroup-manager=cgroupfs", "run", "--name=landseer-w-3.7.2",
               "--rm", "--pull=never", "--init", "--log-driver=passthrough", "--http-proxy=false",
               "--cgroups=no-conmon", "--cap-drop=all", "--security-opt=no-new-privileges",
               "--network=none", "--user=0:0", "--pids-limit=8192", "--shm-size=1073741824",
               "--cgroup-parent=/top/landseer/w/3.7.2"},
              mounts(),
              engine_contract(),
              {"--env=LANDSEER_DEADLINE", "--entrypoint=[\"python3\"]", "sha256:" + kImageId,
               "main file.py", "--epochs", "3"}}));
  EXPECT_EQ(launch->env, environment());
  EXPECT_EQ(launch->cgroup, "landseer/w/3.7.2");
  EXPECT_EQ(launch->memory_bytes, 1024U);
  EXPECT_EQ(launch->grace_ms, 500U);
  EXPECT_FALSE(launch->remote);
  EXPECT_EQ(launch->kill_argv, Words());
  EXPECT_EQ(launch->remove_argv, (Words{program("podman"), "rm", "--force", "--ignore", "--time=0",
                                        "landseer-w-3.7.2"}));
}

TEST_F(Containers, DockerIsToldExactlyThis) {
  job.spec.memory_bytes = 1024;
  job.spec.network = true;
  job.spec.command = "--epochs 3";
  options.ulimits = {"nofile=1024:1024"};
  options.capabilities = {"SYS_PTRACE"};
  options.shm_bytes = 64;
  ContainerEngine docker = engine(ContainerEngine::Kind::kDocker);
  docker.joins_cgroups = false;
  docker.oci_runtime = "crun";
  docker.ulimits = options.ulimits;
  docker.user = "1000:1000";
  docker.home_is_missing = true;
  const EngineRuntime runtime(docker, options, folder / "locks");
  const auto launch =
      runtime.make_launch(request({{0, "A100", 0, "GPU-1", {}}, {1, "A100", 0, "GPU-2", {}}}));
  ASSERT_TRUE(launch) << launch.error().to_string();
  Words env = engine_contract("GPU-1,GPU-2");
  env.insert(env.begin() + 2, "--env=HOME=/tmp");
  EXPECT_EQ(launch->argv,
            joined({{program("docker"), "run", "--name=landseer-w-3.7.2", "--rm", "--pull=never",
                     "--init", "--log-driver=none", "--runtime=crun", "--cap-drop=all",
                     "--cap-add=SYS_PTRACE", "--security-opt=no-new-privileges", "--user=1000:1000",
                     "--pids-limit=8192", "--shm-size=64", "--ulimit=nofile=1024:1024",
                     "--memory=1024", "--memory-swap=1024", "--gpus=\"device=GPU-1,GPU-2\""},
                    mounts(),
                    env,
                    {"--env=LANDSEER_DEADLINE", "sha256:" + kImageId, "--epochs", "3"}}));
  EXPECT_TRUE(launch->remote);
  EXPECT_EQ(launch->kill_argv, (Words{program("docker"), "kill", "landseer-w-3.7.2"}));
  EXPECT_EQ(launch->remove_argv, (Words{program("docker"), "rm", "--force", "landseer-w-3.7.2"}));
}

TEST_F(Containers, SecretsAreInNoCommandLine) {
  job.spec.env = R"({"TOKEN":{"secret":"hub-token"}})";
  RunRequest asked = request();
  asked.secrets = {{"TOKEN", "the value"}};
  const auto has = [](const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  const auto is_free_of_it = [](const Launch& launch) {
    return std::none_of(launch.argv.begin(), launch.argv.end(), [](const std::string& word) {
      return word.find("the value") != std::string::npos || word.find("hub") != std::string::npos;
    });
  };
  for (const auto kind : {ContainerEngine::Kind::kPodman, ContainerEngine::Kind::kDocker}) {
    const EngineRuntime runtime(engine(kind), options, folder / "locks");
    const auto launch = *runtime.make_launch(asked);
    EXPECT_TRUE(has(launch.argv, "--env=TOKEN"));
    EXPECT_TRUE(has(launch.env, "TOKEN=the value"));
    EXPECT_TRUE(is_free_of_it(launch));
  }
  fake("apptainer", "exit 0");
  paths.output = folder / "out";  // it cannot bind a comma
  const auto apptainer = ApptainerRuntime::probe("apptainer", options, environment());
  ASSERT_TRUE(apptainer) << apptainer.error().to_string();
  const auto launch = *(*apptainer)->make_launch(asked);
  EXPECT_TRUE(has(launch.env, "APPTAINERENV_TOKEN=the value"));
  EXPECT_TRUE(is_free_of_it(launch));
}

TEST_F(Containers, GpusHaveTheNamesThatTheEngineWants) {
  const EngineRuntime runtime(engine(ContainerEngine::Kind::kPodman), options, folder / "locks");
  const auto has = [](const Launch& launch, const std::string& word) {
    return std::find(launch.argv.begin(), launch.argv.end(), word) != launch.argv.end();
  };
  auto launch = *runtime.make_launch(request({{3, "A100", 0, "GPU-1", {}}}));
  EXPECT_TRUE(has(launch, "--device=nvidia.com/gpu=GPU-1"));
  EXPECT_TRUE(has(launch, "--env=CUDA_VISIBLE_DEVICES=GPU-1"));
  EXPECT_TRUE(has(launch, "--env=NVIDIA_VISIBLE_DEVICES=GPU-1"));
  job.config = R"({"NVIDIA_VISIBLE_DEVICES":"all"})";
  launch = *runtime.make_launch(request());
  EXPECT_TRUE(has(launch, "--env=NVIDIA_VISIBLE_DEVICES=void")) << "whatever a pipeline says";
  job.config = "{}";
  // Without an UUID the host's number names the device, and the container's its place.
  launch = *runtime.make_launch(request({{3, "A100", 0, "", {}}, {5, "A100", 0, "", {}}}));
  EXPECT_TRUE(has(launch, "--device=nvidia.com/gpu=3"));
  EXPECT_TRUE(has(launch, "--device=nvidia.com/gpu=5"));
  EXPECT_TRUE(has(launch, "--env=CUDA_VISIBLE_DEVICES=0,1"));
}

TEST_F(Containers, ApptainerIsToldExactlyThis) {
  fake("apptainer", "exit 0");
  options.images = folder / "sif";
  auto runtime = ApptainerRuntime::probe("apptainer", options, environment());
  ASSERT_TRUE(runtime) << runtime.error().to_string();
  auto launch = (*runtime)->make_launch(request());
  EXPECT_EQ(launch.error().code, ErrorCode::kInvalid) << "a comma in a path cannot be bound";
  paths.output = folder / "out";
  launch = (*runtime)->make_launch(request());
  ASSERT_TRUE(launch) << launch.error().to_string();
  const std::string at = folder.path().string();
  const std::string sif =
      at + "/sif/" + sha256("docker://ghcr.io/lab/tool:v1").hex().substr(0, 32) + ".sif";
  const Words binds{"--bind=" + at + "/in:/data:ro", "--bind=" + at + "/in:/input:ro",
                    "--bind=" + at + "/out:/output", "--bind=" + at + "/check:/checkpoint"};
  EXPECT_EQ(launch->argv, joined({{program("apptainer"), "exec", "--containall", "--no-privs",
                                   "--net", "--network=none"},
                                  binds,
                                  {sif, "python3", "main file.py", "--epochs", "3"}}));
  EXPECT_EQ(launch->env, joined({environment(), contract("APPTAINERENV_")}));
  EXPECT_EQ(launch->deadline_names, (Words{"APPTAINERENV_LANDSEER_DEADLINE"}));
  EXPECT_EQ(launch->remove_argv, Words());
  job.spec.command = "";
  job.spec.network = true;
  job.spec.image = "/images/tool.sif";
  launch = (*runtime)->make_launch(request({{0, "A100", 0, "GPU-1", {}}}));
  EXPECT_EQ(launch->argv,
            joined({{program("apptainer"), "run", "--containall", "--no-privs", "--nv"},
                    binds,
                    {"/images/tool.sif"}}));
  EXPECT_EQ(launch->env, joined({environment(), contract("APPTAINERENV_", "GPU-1")}));
}

TEST_F(Containers, TheWorkersOwnApptainerOptionsAreNotTheTools) {
  fake("apptainer", "exit 0");
  Words env = environment();
  const Words before = env;
  env.insert(env.end(), {"APPTAINER_BIND=/home", "SINGULARITY_NV=1", "APPTAINERENV_SECRET=x",
                         "SINGULARITYENV_X=y", "APPTAINER_CACHEDIR=/cache",
                         "SINGULARITY_DOCKER_PASSWORD=p", "APPTAINER=no"});
  auto runtime = ApptainerRuntime::probe("apptainer", options, env);
  ASSERT_TRUE(runtime) << runtime.error().to_string();
  paths.output = folder / "out";
  const auto launch = (*runtime)->make_launch(request());
  ASSERT_TRUE(launch) << launch.error().to_string();
  EXPECT_EQ(launch->env, joined({before,
                                 {"APPTAINER_CACHEDIR=/cache", "SINGULARITY_DOCKER_PASSWORD=p"},
                                 contract("APPTAINERENV_")}));
}

TEST_F(Containers, ApptainerPullsIntoItsFolderAndKnowsWhatAFileContains) {
  fake("singularity", R"(case $1 in pull) echo "INFO: at work" >&2; echo "$4" >"$3";; esac)");
  options.images = folder / "sif";
  auto runtime = std::move(*ApptainerRuntime::probe("singularity", options, environment()));
  // Made here from docker's layers: two hosts never have the same file.
  auto content = runtime->obtain_image("docker://lab/tool:v1", {}, cancel);
  ASSERT_TRUE(content) << content.error().to_string();
  EXPECT_TRUE(content->empty());
  content = runtime->obtain_image("lab/tool:v1", {}, cancel);
  EXPECT_TRUE(content && content->empty());
  const std::string pulled = read_text(calls());
  EXPECT_EQ(pulled.find(" pull"), pulled.rfind(" pull")) << "one name without and with scheme";
  content = runtime->obtain_image("docker://lab/tool@sha256:" + kImageId, {}, cancel);
  EXPECT_EQ(content->hex(), kImageId);
  content = runtime->obtain_image("oras://lab/tool:v1", {}, cancel);
  EXPECT_EQ(*content, sha256("oras://lab/tool:v1\n"));
  const auto moved =
      runtime->obtain_image("oras://lab/tool:v1", *Digest::from_hex(kImageId), cancel);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  write_text(folder / "tool.sif", "one");
  const std::string path = (folder / "tool.sif").string();
  EXPECT_EQ(*runtime->obtain_image(path, {}, cancel), sha256("one"));
  write_text(folder / "tool.sif", "two and more");
  EXPECT_EQ(*runtime->obtain_image(path, {}, cancel), sha256("two and more"));
  EXPECT_EQ(runtime->obtain_image("/no/such.sif", {}, cancel).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(runtime->obtain_image("/etc", {}, cancel).error().code, ErrorCode::kInvalid);
}

TEST_F(Containers, AFailedStartIsTheHostsFaultAndNotTheTools) {
  const EngineRuntime podman(engine(ContainerEngine::Kind::kPodman), options, folder / "locks");
  const auto judged = [](const Runtime& runtime, int code, const std::string& tail) {
    Ended ended;
    ended.outcome = protocol::Outcome::kExitCode;
    ended.exit_code = code;
    ended.reason = "exit code " + std::to_string(code);
    ended.log_tail = tail;
    runtime.judge(ended);
    return ended;
  };
  EXPECT_EQ(judged(podman, 125, "Error: no space\n").outcome, protocol::Outcome::kRuntimeError);
  EXPECT_EQ(judged(podman, 125, "Error: no space\n").reason,
            "podman could not start the container: Error: no space");
  EXPECT_FALSE(judged(podman, 125, "Error: no space\n").host_is_well);
  const Ended no_image = judged(podman, 125, "Error: lab/none:v1: image not known\n");
  EXPECT_EQ(no_image.outcome, protocol::Outcome::kRuntimeError);
  EXPECT_TRUE(no_image.host_is_well) << "it would be missing elsewhere, too";
  const Ended refused =
      judged(podman, 126, "Error: runc: error setting rlimit type 7: OCI permission denied\n");
  EXPECT_EQ(refused.outcome, protocol::Outcome::kRuntimeError) << "the command was never tried";
  EXPECT_FALSE(refused.host_is_well);
  EXPECT_EQ(judged(podman, 126, "Error: runc: exec: \"/etc\": permission denied: OCI x\n").outcome,
            protocol::Outcome::kExitCode);
  EXPECT_EQ(judged(podman, 125, "a tool's own code\n").outcome, protocol::Outcome::kExitCode);
  EXPECT_EQ(judged(podman, 127, "").reason, "exit code 127: the image has no such command");
  EXPECT_EQ(judged(podman, 1, "ERROR (catatonit:6): failed to exec pid1: No such file\n").reason,
            "exit code 1: the image has no such command");
  EXPECT_EQ(judged(podman, 1, "Traceback\n").reason, "exit code 1");
  fake("apptainer", "exit 0");
  const auto apptainer = std::move(*ApptainerRuntime::probe("apptainer", options, environment()));
  EXPECT_EQ(judged(*apptainer, 255, "FATAL:   no such image\n").outcome,
            protocol::Outcome::kRuntimeError);
  EXPECT_FALSE(judged(*apptainer, 255, "FATAL:   container creation failed\n").host_is_well);
  EXPECT_TRUE(
      judged(*apptainer, 255, "FATAL:   could not open image /a.sif: no such file\n").host_is_well);
  EXPECT_EQ(judged(*apptainer, 255, "bye\n").outcome, protocol::Outcome::kExitCode);
}

}  // namespace
}  // namespace landseer::worker
