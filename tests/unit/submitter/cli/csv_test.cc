#include "submitter/cli/csv.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace landseer::cli {
namespace {

TEST(Csv, PlainTextStaysAsItIs) {
  EXPECT_EQ(csv_line({"a", "", "b c", "-1", "-0.5e3"}), "a,,b c,-1,-0.5e3\n");
}

TEST(Csv, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
}

TEST(Csv, TextIsNotAFormula) {
  EXPECT_EQ(csv_field("=1+1"), "'=1+1");
  EXPECT_EQ(csv_field("@cmd"), "'@cmd");
}

TEST(Csv, ReplacesAFileAndLeavesNoDraft) {
  std::string pattern = (std::filesystem::temp_directory_path() / "landseer-XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  const std::string path = folder + "/a.csv";
  ASSERT_TRUE(replace_file(path, "first\n"));
  ASSERT_TRUE(replace_file(path, "second\n"));
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "second\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  const auto refused = replace_file(folder + "/absent/a.csv", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace landseer::cli
