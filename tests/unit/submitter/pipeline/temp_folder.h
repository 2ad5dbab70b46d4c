/// A folder of files for one test, gone when the test ends, and short ways to load from it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "submitter/pipeline/expand.h"
#include "submitter/pipeline/file.h"

namespace landseer::pipeline {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pipeline-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  /// Writes `name`, folders on the way included, and gives its path.
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path path = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// How many tools of each stage, and whether the stage has a baseline.
struct StageShape {
  int tools = 0;
  bool baseline = false;
};

inline constexpr std::string_view kHead = "dataset: {name: d}\nmodel: {script: m.py}\n";

/// The text of an inline-form file of that shape.
inline std::string inline_text(const std::vector<StageShape>& shapes) {
  const std::vector<std::string> stages{"pre_training", "during_training", "post_training",
                                        "deployment"};
  std::string text(kHead);
  text += "pipeline:\n";
  for (std::size_t i = 0; i < stages.size(); ++i) {
    text += "  " + stages[i] + ":\n    tools:\n";
    for (int tool = 0; tool < shapes[i].tools; ++tool) {
      const std::string name = stages[i].substr(0, 2) + std::to_string(tool);
      text +=
          "    - {name: " + name + ", container: {image: \"i/" + name + ":1\", command: run}}\n";
    }
    if (shapes[i].baseline) {
      text += "    noop: {name: noop, container: {image: \"i/noop" + stages[i] + ":1\"}}\n";
    }
  }
  return text;
}

/// Loads a text as the only file of a folder; the folder holds `m.py`.
inline Result<PipelineFile> load_text(std::string_view text, LoadOptions options = {}) {
  const TempFolder folder;
  folder.write("m.py", "x = 1\n");
  return load(folder.write("p.yaml", text), options);
}

/// As load_text(), with a registry beside the file.
inline Result<PipelineFile> load_with_tools(std::string_view text, std::string_view tools,
                                            LoadOptions options = {}) {
  const TempFolder folder;
  folder.write("m.py", "x = 1\n");
  folder.write("tools.yaml", tools);
  return load(folder.write("p.yaml", text), options);
}

inline std::string message_of(const Result<PipelineFile>& result) {
  return result ? std::string("no error") : result.error().to_string();
}

inline bool any_contains(const std::vector<std::string>& lines, std::string_view part) {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

/// Tool names of a workflow, joined by spaces.
inline std::string names_of(const protocol::Submission& submission, std::size_t workflow) {
  std::string names;
  for (const std::uint32_t task : submission.workflows[workflow].tasks) {
    if (!names.empty()) names += " ";
    names += submission.tools[submission.tasks[task].tool].name;
  }
  return names;
}

}  // namespace landseer::pipeline
