/// Every file of tests/corpus/pipelines/bad* must be refused with the error that its first line
/// expects. Files that cannot hold such a line are made here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "submitter/pipeline/registry.h"
#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(LANDSEER_SOURCE_DIR) / "tests/corpus/pipelines";

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(kCorpus / folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string expectation(const std::string& path) {
  constexpr std::string_view kMark = "# expect: ";
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  EXPECT_TRUE(line.starts_with(kMark)) << path;
  return line.substr(std::min(kMark.size(), line.size()));
}

/// `file:line:column` of the file itself.
void expect_place(const Error& error, const std::string& path) {
  const std::string prefix = path + ":";
  ASSERT_TRUE(error.where.starts_with(prefix)) << path << " has where " << error.where;
  ASSERT_TRUE(error.where.size() > prefix.size() &&
              std::isdigit(static_cast<unsigned char>(error.where[prefix.size()])) != 0)
      << error.where;
}

template <class Loaded>
void expect_refused(const Result<Loaded>& result, const std::string& path,
                    const std::string& expected) {
  ASSERT_FALSE(result) << path << " was accepted";
  const Error& error = result.error();
  EXPECT_TRUE(error.code == ErrorCode::kInvalid || error.code == ErrorCode::kLimit) << path;
  EXPECT_NE(error.message.find(expected), std::string::npos) << path << "\n" << error.message;
  EXPECT_FALSE(error.hint.empty()) << path;
  EXPECT_LT(error.message.size(), 500u) << path;
  expect_place(error, path);
}

TEST(Corpus, TheGoodFileBesideIsAccepted) {
  const auto file = load((kCorpus / "good.yaml").string(), {.read_model = true});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(file->warnings.empty());
}

TEST(Corpus, EveryBadPipelineIsRefusedWithItsPlaceAndTheMending) {
  const auto paths = files_in("bad");
  EXPECT_GE(paths.size(), 100u);
  for (const std::string& path : paths) {
    expect_refused(load(path, {.read_model = true}), path, expectation(path));
  }
}

TEST(Corpus, EveryBadRegistryIsRefusedAloneAndThroughAPipeline) {
  const std::string good = (kCorpus / "good.yaml").string();
  for (const std::string& path : files_in("bad_tools")) {
    expect_refused(load_tools(path), path, expectation(path));
    expect_refused(load(good, {.tools = path}), path, expectation(path));
  }
  for (const std::string& path : files_in("bad_datasets")) {
    expect_refused(load_datasets(path), path, expectation(path));
    expect_refused(load(good, {.datasets = path}), path, expectation(path));
  }
  for (const std::string& path : files_in("bad_evaluators")) {
    expect_refused(load_evaluators(path), path, expectation(path));
    expect_refused(load(good, {.evaluators = path}), path, expectation(path));
  }
}

TEST(Corpus, BytesThatAreNoPipelineAreRefused) {
  const TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "the file is empty"},
      {"\n\n", "the file is empty"},
      {"\xff\xfe"
       "d\0a\0",
       "not UTF-8"},
      {"dataset: {name: \xc3\x28}\n", "not UTF-8"},
      {std::string("dataset: \0x\n", 12), "control character"},
      {"dataset: {name: a\x04}\nmodel: x\n", "control character"},
      {"\x7f"
       "ELF\x02\x01\x01",
       "control character"},
      {std::string(5 * 1024 * 1024, '#'), "larger than 4.0 MiB"},
      {std::string(1'000'000, '['), "nests deeper"},
      {std::string(1'000'000, '-'), "not a mapping"}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string path = folder.write("case" + std::to_string(i) + ".yaml", cases[i].first);
    expect_refused(load(path), path, cases[i].second);
  }
}

/// A cheap fuzzer with a fixed seed: corpus files with bytes changed, cut and doubled.
TEST(Corpus, DamagedFilesNeverCrash) {
  const TempFolder folder;
  std::uint32_t state = 12345;
  const auto next = [&state](std::size_t most) {
    state = state * 1664525u + 1013904223u;
    return static_cast<std::size_t>(state >> 8) % std::max<std::size_t>(most, 1);
  };
  constexpr std::string_view kBytes = "{}[]:,-&*#?|>'\"!%@`\n \t<~0a\xff";
  for (const std::string& path : files_in("bad")) {
    std::ifstream stream(path, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(stream), {});
    if (whole.size() > 8192) continue;
    for (int round = 0; round < 10; ++round) {
      std::string text = whole;
      for (int change = 0; change < 3; ++change)
        text[next(text.size())] = kBytes[next(kBytes.size())];
      if (round % 3 == 1) text.resize(next(text.size()) + 1);
      if (round % 3 == 2) text += text.substr(next(text.size()));
      const auto result = load(folder.write("p.yaml", text));
      if (result) count(*result, Expansion::kPermutations);
      EXPECT_TRUE(result || !result.error().hint.empty()) << text;
    }
  }
}

}  // namespace
}  // namespace landseer::pipeline
