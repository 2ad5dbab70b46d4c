#include "submitter/cli/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "submitter/cli/exit_codes.h"

namespace landseer::cli {
namespace {

TEST(ExitCodes, AreThoseOfTheInterface) {
  EXPECT_EQ(exit_code(ErrorCode::kInvalid), 2);
  EXPECT_EQ(exit_code(ErrorCode::kLimit), 2);
  EXPECT_EQ(exit_code(ErrorCode::kUnavailable), 3);
  EXPECT_EQ(exit_code(ErrorCode::kNotAllowed), 4);
  EXPECT_EQ(exit_code(ErrorCode::kNotFound), 5);
  for (const auto code :
       {ErrorCode::kConflict, ErrorCode::kVersion, ErrorCode::kIo, ErrorCode::kInternal}) {
    EXPECT_EQ(exit_code(code), 1);
  }
  EXPECT_EQ(kTimedOut, 124);
  EXPECT_EQ(kSignalBase + 2, 130);
}

struct Output {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  Context context(bool json, bool quiet = false) {
    GlobalOptions options;
    options.json = json;
    options.quiet = quiet;
    return Context(options, Streams{Screen{out}, Screen{err}, in, false});
  }
};

const Error kError{ErrorCode::kNotFound, "there is no\x1b[2J task_9", "task_9", "see tasks"};

TEST(Report, LinesOnStderr) {
  Output output;
  Context context = output.context(false);
  EXPECT_EQ(report_failure(context, kError), 5);
  EXPECT_EQ(output.out.str(), "");
  EXPECT_EQ(output.err.str(), "error: there is no task_9\n  where: task_9\n  hint:  see tasks\n");
}

TEST(Report, OneDocumentOnStdout) {
  Output output;
  Context context = output.context(true);
  EXPECT_EQ(report_failure(context, kError), 5);
  EXPECT_EQ(output.err.str(), "");
  const auto json = nlohmann::json::parse(output.out.str());
  EXPECT_EQ(json["error"]["code"], "not_found");
  EXPECT_EQ(json["error"]["hint"], "see tasks");
}

TEST(Report, HintsOnlyForPeople) {
  Output output;
  output.context(true).next("x");
  output.context(false, true).next("x");
  EXPECT_EQ(output.err.str(), "");
  output.context(false).next("landseer list");
  EXPECT_EQ(output.err.str(), "next: landseer list\n");
}

TEST(Report, WhereNobodyCanAnswerAQuestionIsRefused) {
  Output output;
  const auto agreed = output.context(false).confirm("Cancel all?", "--yes");
  ASSERT_FALSE(agreed);
  EXPECT_EQ(exit_code(agreed.error().code), kUsage);
  EXPECT_NE(agreed.error().hint.find("--yes"), std::string::npos);
}

}  // namespace
}  // namespace landseer::cli
