/// Pipeline files of the three forms, with their registries: refused with one error that says where
/// and how to mend it, or loaded, counted and expanded; and what the submitter makes of a file, the
/// broker takes. The input is the pipeline, then other files, each behind a line `#@ NAME`.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "broker/core/submission_builder.h"
#include "common/base/text.h"
#include "common/protocol/codec.h"
#include "submitter/pipeline/expand.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

// yaml-cpp and our own tree keep a few hundred bytes for the two of an empty list; the tasks of an
// expansion may be a thousand times the file, which its own limit bounds.
const Budget kBudget{64 * 1024 * 1024, 4096};

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWorkflowsMax = 300;
constexpr std::string_view kMark = "\n#@ ";

std::string read_whole(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A folder for the files of one input after the other, gone when the program ends.
class Folder {
 public:
  Folder() {
    const bool has_memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern = has_memory ? "/dev/shm/fuzz-XXXXXX" : "/tmp/fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr, "a folder for the files");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// The path of the pipeline.
  std::string lay_out(std::string_view input) {
    std::map<std::string, std::string, std::less<>> wanted{{"model.py", "x = 1\n"}};
    std::string name = "pipeline.yaml";
    while (true) {
      const auto end = input.find(kMark);
      wanted[name] = input.substr(0, end);
      if (end == std::string_view::npos) break;
      input.remove_prefix(end + kMark.size());
      const auto line = std::min(input.find('\n'), input.size());
      name = is_known(input.substr(0, line)) ? std::string(input.substr(0, line)) : "other.yaml";
      input.remove_prefix(std::min(line + 1, input.size()));
    }
    // Files cost more than reading YAML does: only what changed is written.
    for (const auto& [old, content] : there_) {
      if (!wanted.contains(old)) fs::remove(path_ + "/" + old);
    }
    for (const auto& [file, content] : wanted) {
      const auto old = there_.find(file);
      if (old == there_.end() || old->second != content) write(file, content);
    }
    there_ = std::move(wanted);
    return path_ + "/pipeline.yaml";
  }
  bool has(std::string_view name) const { return there_.contains(name); }

 private:
  static bool is_known(std::string_view name) {
    return name == "tools.yaml" || name == "datasets.yaml" || name == "evaluators.yaml";
  }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }

  std::string path_;
  std::map<std::string, std::string, std::less<>> there_;  // content by name
};

void check_refusal(const Error& error) {
  check_error(error);
  CHECK(error.code == ErrorCode::kInvalid || error.code == ErrorCode::kLimit ||
            error.code == ErrorCode::kNotFound || error.code == ErrorCode::kIo,
        "a file is wrong, too large, or not there");
  CHECK(!error.where.empty() && !error.hint.empty(), "it is said where, and how to mend it");
}

void check_expansion(const pipeline::PipelineFile& file, pipeline::Expansion expansion) {
  const pipeline::Counts counts = pipeline::count(file, expansion);
  auto submission = pipeline::expand(file, expansion, kWorkflowsMax);
  if (!submission) {
    check_error(submission.error());
    return;
  }
  CHECK(submission->workflows.size() == counts.workflows, "the count is what is built");
  CHECK(submission->tasks.size() == counts.tasks + counts.evaluations, "also of tasks");
  submission->submission_id = "id";
  const auto copy = protocol::decode_submission(protocol::encode_submission(*submission));
  CHECK(copy.has_value() && *copy == *submission, "a submission can be sent");
  domain::IdCounters ids;
  broker::RequestTable requests;
  const auto built = broker::build_pipeline(*copy, ids, requests, broker::ToolTimes{}, WallTime{1});
  if (!built) std::fprintf(stderr, "%s\n", built.error().to_string().c_str());
  CHECK(built.has_value(), "the broker takes what the submitter makes");
}

}  // namespace

std::vector<std::string> seeds() {
  const fs::path corpus = fs::path(LANDSEER_SOURCE_DIR) / "tests/corpus/pipelines";
  const std::string registries = std::string(kMark) + "tools.yaml\n" +
                                 read_whole(corpus / "tools.yaml") + std::string(kMark) +
                                 "datasets.yaml\n" + read_whole(corpus / "datasets.yaml");
  std::vector<std::string> all{read_whole(corpus / "good.yaml") + registries};
  const fs::path examples = fs::path(LANDSEER_SOURCE_DIR) / "deploy/examples";
  all.push_back(read_whole(examples / "digits.yaml") + std::string(kMark) + "tools.yaml\n" +
                read_whole(examples / "tools.yaml") + std::string(kMark) + "evaluators.yaml\n" +
                read_whole(examples / "evaluators.yaml"));
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(corpus / "bad")) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) all.push_back(read_whole(path) + registries);
  return all;
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  static fuzz::Folder folder;
  const std::string path = folder.lay_out(fuzz::text_of(data, size));
  pipeline::LoadOptions options;
  if (folder.has("evaluators.yaml")) {
    options.evaluators = path.substr(0, path.rfind('/')) + "/evaluators.yaml";
  }
  const auto file = pipeline::load(path, options);
  if (!file) {
    fuzz::check_refusal(file.error());
    return 0;
  }
  for (const std::string& warning : file->warnings) {
    CHECK(is_utf8(warning), "a warning is UTF-8");
  }
  fuzz::check_expansion(*file, pipeline::Expansion::kPermutations);
  fuzz::check_expansion(*file, pipeline::Expansion::kOnePerStage);
  return 0;
}
