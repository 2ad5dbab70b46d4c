/// Whatever stands in the free fields of a pipeline file: the engine is told the same as ever, the
/// tool gets exactly the words and values that were meant, and no shell is asked.
#include <algorithm>
#include <map>
#include <set>

#include "tests/io/containers_fixture.h"
#include "tests/simulation/random.h"
#include "worker/io/apptainer_runtime.h"
#include "worker/io/engine_images.h"
#include "worker/io/engine_runtime.h"
#include "worker/io/process_runtime.h"
#include "worker/io/program.h"

namespace landseer::worker {
namespace {

using simulation::Random;

/// What means something to a shell, to an engine's command line or to a list in one.
const Words kCorpus{"$(touch canary)",
                    "`touch canary`",
                    "; touch canary",
                    "| touch canary",
                    "&& touch canary",
                    "> canary",
                    "$HOME",
                    "${IFS}x",
                    "a'b",
                    "a\"b",
                    "a\\b",
                    "\\",
                    "two words",
                    "two\nlines",
                    "\ttab",
                    "*",
                    "~root",
                    "!!",
                    "#not a comment",
                    "",
                    "--",
                    "-v/:/host",
                    "--privileged",
                    "--cap-add=all",
                    "--network=host",
                    "--security-opt=seccomp=unconfined",
                    "--volume=/:/host",
                    "--mount=type=bind,source=/,destination=/host",
                    "--entrypoint=/bin/sh",
                    "--user=0:0",
                    "--device=/dev/mem",
                    "--pid=host",
                    "--env=LANDSEER_TASK_ID=task_1",
                    "a=b,c=d:ro",
                    "x:/etc:rw",
                    "\x1b]0;title\x07",
                    "caf\xc3\xa9",
                    std::string(3000, 'x')};

/// Once by a shell's rules: between single quotes nothing has a meaning.
std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    constexpr const char* kHex = "0123456789abcdef";
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (code < 0x20) {
      out += std::string("\\u00") + kHex[code >> 4] + kHex[code & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_object(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out = "{";
  for (const auto& [name, value] : entries) {
    out += (out.size() > 1 ? "," : "") + json_text(name) + ":" + json_text(value);
  }
  return out + "}";
}

bool is_variable(const std::string& name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
         });
}

class HostileFields : public Containers {
 protected:
  /// Fills everything that a pipeline file has a say in; what it asks of the worker stays.
  void fill(Random& random) {
    const auto any = [&] { return kCorpus[random.below(kCorpus.size())]; };
    job.spec.tool = any();
    job.spec.image = any();
    job.spec.runtime = any();
    words = {"tool"};
    for (std::uint64_t i = random.below(6); i > 0; --i) words.push_back(any());
    job.spec.command.clear();
    for (const std::string& word : words) job.spec.command += quoted(word) + " ";
    value = any();
    job.spec.env = json_object({{any(), any()},
                                {"OWN", value},
                                {"LANDSEER_ATTEMPT", any()},
                                {"CUDA_VISIBLE_DEVICES", any()},
                                {"NVIDIA_VISIBLE_DEVICES", any()}});
    job.config = json_object({{any(), any()},
                              {"setting", value},
                              {"PATH", any()},
                              {"LD_PRELOAD", any()},
                              {"LANDSEER_TASK_ID", any()}});
    job.spec.dataset_name = any();
    job.spec.dataset_variant = any();
    job.spec.gpu_model = any();
    job.spec.required_artifacts = {any()};
    job.spec.artifact_roots = {any()};
    job.spec.metrics = {any()};
    job.spec.named = {{any(), 1}};
  }

  /// The words that are not the tool's: what is said before the image, but for variables.
  static Words told_to_engine(const Words& argv, const std::string& image) {
    Words told;
    for (const std::string& word : argv) {
      if (word == image) break;
      if (word.starts_with("--env=") || word.starts_with("--entrypoint=")) continue;
      told.push_back(word);
    }
    return told;
  }

  void expect_variables(const Words& entries, const std::string& prefix) {
    std::map<std::string, std::string> fixed{{"OWN", value},
                                                   {"setting", value},
                                                   {"LANDSEER_ATTEMPT", "2"},
                                                   {"LANDSEER_TASK_ID", "task_7"},
                                                   {"CUDA_VISIBLE_DEVICES", ""},
                                                   {"NVIDIA_VISIBLE_DEVICES", "void"}};
    // Engines look at it; to apptainer, which gives GPUs by --nv alone, it means nothing.
    if (prefix != "--env=") fixed.erase("NVIDIA_VISIBLE_DEVICES");
    std::set<std::string> seen;
    for (const std::string& entry : entries) {
      if (!entry.starts_with(prefix)) continue;
      const std::string rest = entry.substr(prefix.size());
      const std::string name = rest.substr(0, rest.find('='));
      EXPECT_TRUE(is_variable(name)) << entry;
      EXPECT_TRUE(seen.insert(name).second) << name << " twice";
      const std::string is = rest.size() > name.size() ? rest.substr(name.size() + 1) : "";
      const auto wanted = fixed.find(name);
      EXPECT_EQ(is, wanted != fixed.end() ? wanted->second : is) << name;
      EXPECT_NE(name, "LD_PRELOAD");
      EXPECT_NE(name, "PATH");
    }
    EXPECT_TRUE(seen.contains("OWN") && seen.contains("setting"));
  }

  ErrorCode refusal_of(const Runtime& runtime) const {
    const auto launch = runtime.make_launch(request());
    return launch ? ErrorCode{} : launch.error().code;
  }

  static Words tail(const Words& all, std::size_t count) {
    if (all.size() < count) return {};
    return {all.end() - static_cast<std::ptrdiff_t>(count), all.end()};
  }

  Words words;
  std::string value;
};

TEST_F(HostileFields, ChangeNothingThatAnEngineIsTold) {
  Random random(1);
  for (const auto kind : {ContainerEngine::Kind::kPodman, ContainerEngine::Kind::kDocker}) {
    const EngineRuntime runtime(engine(kind), options, folder / "locks");
    const std::string image = "sha256:" + kImageId;
    for (int i = 0; i < 500; ++i) {
      job.spec.command = "true";
      job.spec.network = random.chance(0.5);
      job.spec.memory_bytes = random.chance(0.5) ? 1 << 20 : 0;
      const Words plain = told_to_engine(runtime.make_launch(request())->argv, image);
      fill(random);
      const auto launch = runtime.make_launch(request());
      ASSERT_TRUE(launch) << launch.error().to_string();
      ASSERT_EQ(told_to_engine(launch->argv, image), plain);
      EXPECT_EQ(std::count(launch->argv.begin(), launch->argv.end(), "--network=none") > 0,
                !job.spec.network || std::count(words.begin(), words.end(), "--network=none") > 0);
      const Words meant(words.begin() + 1, words.end());
      ASSERT_EQ(tail(launch->argv, meant.size()), meant);
      ASSERT_EQ(tail(launch->argv, meant.size() + 1).at(0), image);
      expect_variables({launch->argv.begin(),
                        launch->argv.end() - static_cast<std::ptrdiff_t>(meant.size() + 1)},
                       "--env=");
      EXPECT_EQ(launch->env, environment());
    }
  }
}

TEST_F(HostileFields, ChangeNothingThatApptainerIsTold) {
  fake("apptainer", "exit 0");
  options.images = folder / "sif";
  paths.output = folder / "out";
  const auto runtime = std::move(*ApptainerRuntime::probe("apptainer", options, environment()));
  const Words plain = [&] {
    job.spec.command = "true";
    Words argv = runtime->make_launch(request())->argv;
    argv.resize(argv.size() - 2);
    return argv;
  }();
  Random random(2);
  int launched = 0;
  for (int i = 0; i < 500; ++i) {
    fill(random);
    const auto launch = runtime->make_launch(request());
    if (!launch) {
      EXPECT_EQ(launch.error().code, ErrorCode::kInvalid) << "an image of that name";
      continue;
    }
    ++launched;
    Words argv = launch->argv;
    ASSERT_EQ(tail(argv, words.size()), words);
    argv.resize(argv.size() - words.size());
    EXPECT_TRUE(argv.back().starts_with((folder / "sif").string() + "/")) << argv.back();
    argv.pop_back();
    ASSERT_EQ(argv, plain);
    expect_variables(launch->env, "APPTAINERENV_");
  }
  EXPECT_GT(launched, 100);
}

TEST_F(HostileFields, ReachAProcessAsTheyAre) {
  const ProcessRuntime runtime("", {{"PATH", "/bin"}}, folder / "memory");
  Random random(3);
  for (int i = 0; i < 500; ++i) {
    fill(random);
    job.spec.image.clear();
    const auto launch = runtime.make_launch(request());
    ASSERT_TRUE(launch) << launch.error().to_string();
    EXPECT_EQ(launch->argv, words);
    EXPECT_NE(std::find(launch->env.begin(), launch->env.end(), "OWN=" + value), launch->env.end());
  }
}

/// Through a real exec: a program in the engine's place writes down its arguments.
TEST_F(HostileFields, ReachTheEnginesProgramWithoutAShell) {
  const auto podman = folder / "bin/podman";
  write_text(podman, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n");
  chmod(podman.c_str(), 0755);
  const EngineRuntime runtime(engine(ContainerEngine::Kind::kPodman), options, folder / "locks");
  Random random(4);
  for (int i = 0; i < 40; ++i) {
    fill(random);
    const auto launch = *runtime.make_launch(request());
    const auto result = run_program({launch.argv, launch.env, 60s});
    ASSERT_TRUE(result) << result.error().to_string();
    std::string expected;
    for (std::size_t word = 1; word < launch.argv.size(); ++word) {
      expected += launch.argv[word] + std::string(1, '\0');
    }
    ASSERT_EQ(result->output, expected.substr(0, kProgramOutputMax));
  }
  EXPECT_FALSE(std::filesystem::exists("canary"));
}

/// A zero would end the word early: another command than what was written.
TEST_F(HostileFields, WithAZeroAreRefused) {
  using namespace std::string_literals;
  const ProcessRuntime process("", {}, folder / "memory");
  const EngineRuntime podman(engine(ContainerEngine::Kind::kPodman), options, folder / "locks");
  const std::vector<const Runtime*> runtimes{&process, &podman};
  for (const Runtime* runtime : runtimes) {
    job.spec.image.clear();
    job.spec.env = "{}";
    job.config = "{}";
    job.spec.command = "tool --safe\0--unsafe"s;
    EXPECT_EQ(refusal_of(*runtime), ErrorCode::kInvalid);
    job.spec.command = "tool";
    job.spec.env = R"({"OWN":"a\u0000b"})";
    EXPECT_EQ(refusal_of(*runtime), ErrorCode::kInvalid);
    job.spec.env = "{}";
    job.config = R"({"setting":"a\u0000b"})";
    EXPECT_EQ(refusal_of(*runtime), ErrorCode::kInvalid);
  }
}

/// Names of images are looked for and pulled as one word that cannot be an option, or refused.
TEST_F(HostileFields, AsImagesAreOneWordOrRefused) {
  using namespace std::string_literals;
  Words names = kCorpus;
  for (const std::string& word : kCorpus) {
    names.insert(names.end(), {"docker://" + word, word + "/x:1", "lab/" + word, "lab/x:" + word});
  }
  names.insert(names.end(), {"oci:/etc", "dir:/etc/x", "docker-archive:/etc/x",
                             "containers-storage:x/y", "/etc/passwd", "./x", "../x", "a\0b"s});
  std::size_t taken = 0;
  for (const std::string& name : names) {
    const auto reference = engine_reference(name);
    if (!reference) {
      EXPECT_EQ(reference.error().code, ErrorCode::kInvalid);
      continue;
    }
    ++taken;
    EXPECT_FALSE(reference->empty());
    EXPECT_NE(reference->front(), '-') << name;
    EXPECT_EQ(reference->find_first_of(" \n\t\x1b"s + '\0'), std::string::npos) << name;
    EXPECT_FALSE(reference->starts_with("/") || reference->starts_with(".")) << name;
  }
  EXPECT_GT(taken, 40u);
  EXPECT_LT(taken, names.size() - 40);
}

}  // namespace
}  // namespace landseer::worker
