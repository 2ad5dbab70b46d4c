#include "common/config/options.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "common/base/text.h"
#include "common/protocol/version.h"
#include "landseer_version.h"

namespace landseer::config {
namespace {

std::string variable_name(const std::string& option) {
  std::string name = "LANDSEER_";
  for (const char c : option) {
    name.push_back(c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
  }
  return name;
}

/// Reads `key: value` and `key: [values]`, the keys being the long option names.
class YamlConfig final : public CLI::Config {
 public:
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> read;
    try {
      const YAML::Node root = YAML::Load(input);
      if (root.IsNull()) return read;
      if (!root.IsMap()) throw CLI::FileError("the configuration file is not a mapping");
      for (const auto& entry : root) {
        CLI::ConfigItem item;
        item.name = entry.first.as<std::string>();
        // CLI11 looks at the file before the environment; the environment must win.
        if (std::getenv(variable_name(item.name).c_str()) != nullptr) continue;
        if (entry.second.IsSequence()) {
          for (const auto& value : entry.second) item.inputs.push_back(value.as<std::string>());
        } else {
          item.inputs.push_back(entry.second.as<std::string>());
        }
        read.push_back(std::move(item));
      }
    } catch (const YAML::Exception& error) {
      throw CLI::FileError("configuration file: " + std::string(error.what()));
    }
    return read;
  }
};

void collect_names(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(child->get_name());
  }
}

/// The app whose arguments were being read when parsing failed.
const CLI::App& innermost(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.back());
}

std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> names;
  collect_names(app, names);
  collect_names(innermost(app), names);
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (std::find(names.begin(), names.end(), word) != names.end()) continue;
    if (i > 1 && !word.starts_with("--") && !app.get_subcommands().empty()) continue;
    const std::string nearest = nearest_word(word, names);
    if (!nearest.empty()) return "did you mean '" + nearest + "'?";
  }
  return "see " + app.get_name() + " --help";
}

}  // namespace

void add_common_options(CLI::App& app, LogOptions& log) {
  app.add_option("--log-level", log.level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--log-format", log.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.set_config("--config", "", "YAML file with any of these options");
  app.config_formatter(std::make_shared<YamlConfig>());
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", version_text(app.get_name()));
}

void add_environment(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const auto& names = option->get_lnames();
    if (names.empty() || names[0] == "help" || names[0] == "version") continue;
    option->envname(variable_name(names[0]));
  }
}

std::string version_text(const std::string& program) {
  return program + " " + kProgramVersion + " (protocol " + std::to_string(protocol::kProtocolMax) +
         ", store " + std::to_string(protocol::kStoreFormat) + ", commit " + kGitCommit + ")";
}

int parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return -1;
  } catch (const CLI::CallForHelp& help) {
    std::cout << innermost(app).help();
    return 0;
  } catch (const CLI::CallForAllHelp&) {
    std::cout << app.help("", CLI::AppFormatMode::All);
    return 0;
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << '\n';
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << app.get_name() << ": " << error.what() << " (" << suggestion(app, argc, argv)
              << ")\n";
    return 2;
  }
}

}  // namespace landseer::config
