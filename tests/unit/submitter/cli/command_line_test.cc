#include "submitter/cli/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "submitter/cli/completion.h"

namespace landseer::cli {
namespace {

/// Arguments after the program's name.
struct Parsed {
  Command command;
  std::unique_ptr<CLI::App> app;
  Result<std::optional<std::string>> text;

  explicit Parsed(std::vector<const char*> arguments) : app(define_command_line(command)) {
    arguments.insert(arguments.begin(), "landseer");
    text = read_arguments(*app, static_cast<int>(arguments.size()), arguments.data());
  }
  Error error() const { return text.error(); }
};

std::vector<std::string> verbs() {
  Command command;
  std::vector<std::string> names;
  const auto app = define_command_line(command);
  for (const CLI::App* verb : app->get_subcommands([](CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

TEST(CommandLine, HasTheVerbs) {
  const auto names = verbs();
  for (const char* verb :
       {"up",     "down",  "plan",  "submit",  "list",      "status",     "wait",
        "watch",  "tasks", "task",  "explain", "workflows", "workers",    "logs",
        "cancel", "retry", "pause", "resume",  "results",   "completion", "priority"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), verb), names.end()) << verb;
  }
}

TEST(CommandLine, GlobalOptionsMayStandBeforeAndAfterTheVerb) {
  const Parsed before({"--json", "--broker", "tcp://h:1", "list"});
  ASSERT_TRUE(before.text) << before.error().message;
  EXPECT_TRUE(before.command.global.json);
  const Parsed after({"status", "3", "-q", "--broker", "tcp://h:2"});
  ASSERT_TRUE(after.text) << after.error().message;
  EXPECT_TRUE(after.command.global.quiet);
  EXPECT_EQ(after.command.global.broker, "tcp://h:2");
  EXPECT_TRUE(after.command.run);
}

TEST(CommandLine, APriorityMayBeNegative) {
  const Parsed parsed({"priority", "last", "-5"});
  EXPECT_TRUE(parsed.text) << parsed.error().message;
}

TEST(CommandLine, AnArgumentMayHaveTheNameOfAVerb) {
  EXPECT_TRUE(Parsed({"status", "watch"}).text);
}

TEST(CommandLine, UnknownVerbsAndOptionsNameTheNearest) {
  EXPECT_EQ(Parsed({"sbmit", "x"}).error().hint, "did you mean 'submit'?");
  EXPECT_EQ(Parsed({"submit", "f", "--expnsion", "x"}).error().hint, "did you mean '--expansion'?");
  EXPECT_EQ(Parsed({"list", "--jsn"}).error().hint, "did you mean '--json'?");
  EXPECT_EQ(Parsed({"tasks", "--status", "faild"}).error().hint, "did you mean 'failed'?");
  EXPECT_EQ(Parsed({"completion", "fihs"}).error().hint, "did you mean 'fish'?");
}

TEST(CommandLine, UsageErrorsAreInvalid) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"wait"},
                                             {"wait", "1", "--timeout", "5q"},
                                             {"task"},
                                             {"submit"},
                                             {"list", "extra"},
                                             {"logs", "7", "--attempt", "x"},
                                             {"up", "--workers", "-1"}}) {
    const Parsed parsed(arguments);
    ASSERT_FALSE(parsed.text);
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(CommandLine, HelpAndVersionAreTexts) {
  EXPECT_NE(Parsed({"--help"}).text.value()->find("submit"), std::string::npos);
  EXPECT_NE(Parsed({"submit", "--help"}).text.value()->find("--submission-id"), std::string::npos);
  EXPECT_TRUE(Parsed({"--version"}).text.value()->starts_with("landseer "));
}

TEST(CommandLine, FlagThenVariableThenFile) {
  const std::string path = ::testing::TempDir() + "/landseer_cli.yaml";
  std::ofstream(path) << "broker: tcp://file:1\n";
  const std::vector<const char*> with_file{"--config", path.c_str(), "list"};
  EXPECT_EQ(Parsed(with_file).command.global.broker, "tcp://file:1");
  setenv("LANDSEER_BROKER", "tcp://variable:1", 1);
  EXPECT_EQ(Parsed(with_file).command.global.broker, "tcp://variable:1");
  EXPECT_EQ(Parsed({"list", "--broker", "tcp://flag:1"}).command.global.broker, "tcp://flag:1");
  unsetenv("LANDSEER_BROKER");
}

TEST(Completion, EveryVerbAndOptionIsInEveryScript) {
  Command command;
  const auto app = define_command_line(command);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(*app, shell);
    ASSERT_TRUE(script);
    for (const std::string& verb : verbs()) {
      EXPECT_NE(script->find(verb), std::string::npos) << shell << " " << verb;
    }
    for (const char* option : {"submission-id", "follow", "no-color", "workers-bind"}) {
      EXPECT_NE(script->find(option), std::string::npos) << shell << " " << option;
    }
    EXPECT_NE(script->find("one-per-stage"), std::string::npos) << shell;
  }
}

TEST(Completion, AnotherShellIsInvalid) {
  Command command;
  const auto app = define_command_line(command);
  EXPECT_EQ(completion_script(*app, "tcsh").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace landseer::cli
