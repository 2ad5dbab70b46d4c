#include "worker/io/evaluation.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/support/temp_folder.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

using test::TempFolder;
using test::write_text;

struct Case {
  std::string text;
  std::vector<std::string> declared;
  std::string metrics;
  bool skipped;
  std::string reason;
};

TEST(Evaluation, ReadsWhatToolsWrite) {
  const std::vector<Case> cases{
      {R"({"success": true, "metrics": {"b": 0.5, "a": 1}})", {}, R"({"a":1,"b":0.5})", false, ""},
      {R"({"metrics": {"a": 1, "b": 2}})", {"a"}, R"({"a":1})", false, ""},
      {R"({"metrics": {"a": 1}})", {"a", "gone"}, R"({"a":1,"gone":null})", false, ""},
      {R"({"metrics": {"a": true, "t": "short", "n": null, "o": {}, "l": []}})",
       {},
       R"({"a":true,"t":"short"})",
       false,
       ""},
      {R"({"metrics": {"a": {"nested": 1}}})", {"a"}, R"({"a":null})", false, ""},
      {R"({"metrics": {"a": NaN, "b": -Infinity, "c": Infinity, "d": 1e999}})",
       {"a", "b", "c"},
       "",
       false,
       "?"},
      {R"({"metrics": {"a": NaN, "b": -Infinity, "c": "NaN \" Infinity"}})",
       {"a", "b", "c"},
       R"({"a":null,"b":null,"c":"NaN \" Infinity"})",
       false,
       ""},
      {R"({"accuracy": 0.9, "success": true, "evaluator": "x", "parameters": {"n": 1}})",
       {},
       R"({"accuracy":0.9})",
       false,
       ""},
      {R"({"metrics": 7})", {"a"}, R"({"a":null})", false, ""},
      {R"({})", {}, "", false, ""},
      {R"({"skipped": true, "skip_reason": "no GPU"})", {"a"}, R"({"a":null})", true, "no GPU"},
      {R"({"skipped": true})", {}, "", true, "the tool skipped it"},
      {R"({"success": false, "error": "bad model", "metrics": {"a": 1}})",
       {"a"},
       R"({"a":null})",
       true,
       "the tool reported no success: bad model"},
      {R"({"success": false})", {}, "", true, "the tool reported no success"},
      {R"([1, 2])", {"a"}, R"({"a":null})", true, "the evaluation results are not a JSON object"},
      {"", {}, "", true, "the evaluation results are not a JSON object"},
      {"{\"a\": \"\xff\"}", {}, "", true, "the evaluation results are not a JSON object"},
      {std::string(60'000, '['), {}, "", true, "the evaluation results are not a JSON object"},
      {std::string(70'000, ' '),
       {"a"},
       R"({"a":null})",
       true,
       "the evaluation results are larger than 64 KiB"},
  };
  for (const Case& one : cases) {
    const Evaluation evaluation = parse_evaluation(one.text, one.declared);
    if (one.reason == "?") continue;  // Only that it neither aborts nor reports infinity.
    EXPECT_EQ(evaluation.metrics, one.metrics) << one.text;
    EXPECT_EQ(evaluation.skipped, one.skipped) << one.text;
    EXPECT_EQ(evaluation.reason, one.reason) << one.text;
  }
}

TEST(Evaluation, LongTextsAndNamesAreLeftOut) {
  const std::string text = R"({"metrics": {"a": ")" + std::string(300, 'x') + R"(", ")" +
                           std::string(200, 'n') + R"(": 1, "b": 2}})";
  EXPECT_EQ(parse_evaluation(text, {}).metrics, R"({"b":2})");
}

TEST(Evaluation, ReasonsAreCutBetweenCharactersAndPrintable) {
  std::string reason = "\\u001b[31m";
  for (int i = 0; i < 300; ++i) reason += "\u00e4";
  const auto evaluation =
      parse_evaluation(R"({"skipped": true, "skip_reason": ")" + reason + R"("})", {});
  EXPECT_LE(evaluation.reason.size(), 256u);
  EXPECT_EQ(evaluation.reason.find('\x1b'), std::string::npos);
  EXPECT_EQ(evaluation.reason.substr(evaluation.reason.size() - 2), "\u00e4");
}

TEST(Evaluation, FindsTheFileUnderItsOlderNames) {
  for (const char* name :
       {"evaluation_results.json", "evaluation_result.json", "results.json", "metrics.json"}) {
    const TempFolder folder;
    const auto output = open_folder(folder.path());
    EXPECT_FALSE(read_evaluation(output->get(), {}));
    write_text(folder / name, R"({"metrics": {"a": 1}})");
    const auto evaluation = read_evaluation(output->get(), {});
    ASSERT_TRUE(evaluation) << name;
    EXPECT_EQ(evaluation->metrics, R"({"a":1})");
  }
}

TEST(Evaluation, DoesNotFollowALink) {
  const TempFolder folder;
  write_text(folder / "elsewhere", R"({"metrics": {"secret": 1}})");
  ASSERT_EQ(symlink((folder / "elsewhere").c_str(), (folder / "evaluation_results.json").c_str()),
            0);
  const auto output = open_folder(folder.path());
  const auto evaluation = read_evaluation(output->get(), {"secret"});
  ASSERT_TRUE(evaluation);
  EXPECT_TRUE(evaluation->skipped);
  EXPECT_EQ(evaluation->metrics, R"({"secret":null})");
}

}  // namespace
}  // namespace landseer::worker
