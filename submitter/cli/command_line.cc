#include "submitter/cli/command_line.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/text.h"

namespace landseer::cli {
namespace {

const char* const kFooter =
    "\nPIPELINE is pipeline_3, 3, last or a name; verbs that take several also take 1-5,8.\n"
    "Exit codes: 0 success, 1 failed, 2 usage or bad input, 3 no broker, 4 not allowed,\n"
    "5 no such object, 124 wait --timeout ran out, 130 interrupted.\n"
    "Every option has a variable: LANDSEER_BROKER for --broker, LANDSEER_SUBMIT_POLICY for\n"
    "submit --policy.";

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c == '-' ? '_' : (c >= 'a' && c <= 'z' ? c - 32 : c));
  return text;
}

std::vector<CLI::App*> verbs_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

/// Options of one verb have the verb in their variable, so that no two programs share one.
void finish_verbs(CLI::App& app, const std::string& prefix) {
  for (CLI::App* verb : verbs_of(app)) {
    const std::string variable = prefix + upper(verb->get_name()) + "_";
    finish_verbs(*verb, variable);
    verb->footer("\nThe options of landseer itself, such as --json, may stand here, too.");
    for (CLI::Option* option : verb->get_options()) {
      const auto& names = option->get_lnames();
      if (names.empty() || names[0] == "help") continue;
      option->envname(variable + upper(names[0]));
    }
  }
}

/// The footer says how variables are called; naming each would double the length of --help.
class ShortFormatter final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0) {
      std::string type = option->get_type_name();
      if (type.starts_with("TEXT:")) type.erase(0, 5);  // `{json,text}` says it all
      if (!type.empty()) text += " " + get_label(type);
      if (!option->get_default_str().empty()) text += "=" + option->get_default_str();
      if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
      if (option->get_required()) text += " " + get_label("REQUIRED");
    }
    return text;
  }
};

void add_option_names(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
}

std::string hint_for(std::string_view word, const std::vector<std::string>& known,
                     const std::string& otherwise) {
  const std::string nearest = nearest_word(word, known);
  return nearest.empty() ? otherwise : "did you mean '" + nearest + "'?";
}

tl::unexpected<Error> unknown_verb(CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs_of(app)) names.push_back(verb->get_name());
  return fail(ErrorCode::kInvalid, "there is no verb '" + word + "'", "landseer",
              hint_for(word, names, "see landseer --help"));
}

/// The first argument that looks like an option and is none of `verb` or the program.
std::string first_unknown_option(const std::vector<std::string>& known, int argc,
                                 const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (word == "--") break;
    const std::string name = word.substr(0, word.find('='));
    const bool is_option = name.size() > 1 && name[0] == '-' && !(name[1] >= '0' && name[1] <= '9');
    if (is_option && std::find(known.begin(), known.end(), name) == known.end() &&
        (name[1] == '-' || name.size() == 2)) {
      return name;
    }
  }
  return {};
}

/// CLI11 says `--status: faild not in {pending,running}`: then the nearest of them.
std::string nearest_value(const std::string& what, const std::string& otherwise) {
  const auto middle = what.find(" not in {");
  if (middle == std::string::npos) return otherwise;
  const auto space = what.rfind(' ', middle - 1);
  const std::string word = what.substr(space + 1, middle - space - 1);
  std::vector<std::string> values;
  std::string value;
  for (std::size_t i = middle + 9; i < what.size(); ++i) {
    if (what[i] != ',' && what[i] != '}') {
      value += what[i];
      continue;
    }
    values.push_back(value);
    value.clear();
  }
  return hint_for(word, values, otherwise);
}

std::string first_word(CLI::App& app, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (!word.starts_with("-")) return word;
    const CLI::Option* option = app.get_option_no_throw(word);
    if (option != nullptr && option->get_items_expected_max() > 0) ++i;
  }
  return {};
}

tl::unexpected<Error> usage_error(CLI::App& app, int argc, const char* const* argv,
                                  const std::string& what) {
  const auto chosen = app.get_subcommands();
  std::vector<std::string> known;
  add_option_names(app, known);
  if (!chosen.empty()) add_option_names(*chosen.back(), known);
  const std::string place = chosen.empty() ? "landseer" : "landseer " + chosen.back()->get_name();
  const std::string option = first_unknown_option(known, argc, argv);
  if (!option.empty()) {
    return fail(ErrorCode::kInvalid, "there is no option '" + option + "'", place,
                hint_for(option, known, "see " + place + " --help"));
  }
  if (chosen.empty()) {
    const std::string word = first_word(app, argc, argv);
    if (!word.empty()) return unknown_verb(app, word);
    return fail(ErrorCode::kInvalid, "a verb is missing", place, "see landseer --help");
  }
  return fail(ErrorCode::kInvalid, what, place, nearest_value(what, "see " + place + " --help"));
}

}  // namespace

std::unique_ptr<CLI::App> define_command_line(Command& command) {
  auto app = std::make_unique<CLI::App>(
      "Runs every combination of machine-learning defences once, on all your hosts.", "landseer");
  app->formatter(std::make_shared<ShortFormatter>());
  app->fallthrough();  // the options below may stand after the verb, too
  app->add_option("--broker", command.global.broker,
                  "the broker's address for clients; else that of $LANDSEER_HOME/broker.json")
      ->type_name("ADDRESS");
  app->add_option("--keys", command.global.keys,
                  "folder with your client.key; else $LANDSEER_HOME/keys")
      ->type_name("DIR");
  app->add_flag("--json", command.global.json, "one JSON document on stdout");
  app->add_flag("-q,--quiet", command.global.quiet, "bare ids, no hints, no progress");
  app->add_flag("--no-color", command.global.no_color, "no colours on a terminal");
  command.log.level = "warn";
  config::add_common_options(*app, command.log);
  config::add_environment(*app);
  define_file_verbs(*app, command);
  define_pipeline_verbs(*app, command);
  define_host_verbs(*app, command);
  finish_verbs(*app, "LANDSEER_");
  app->require_subcommand(1);
  app->footer(kFooter);
  return app;
}

Result<std::optional<std::string>> read_arguments(CLI::App& app, int argc,
                                                  const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::CallForAllHelp&) {
    return app.help("", CLI::AppFormatMode::All);
  } catch (const CLI::CallForVersion& version) {
    return std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    return usage_error(app, argc, argv, error.what());
  }
}

}  // namespace landseer::cli
