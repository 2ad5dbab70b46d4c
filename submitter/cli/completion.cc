#include "submitter/cli/completion.h"

#include <fmt/format.h>

#include <vector>

namespace landseer::cli {
namespace {

struct OptionInfo {
  std::vector<std::string> names;   // with their dashes
  std::vector<std::string> values;  // if it takes one of a few words
  std::string text;
  bool takes_value = false;
  bool takes_path = false;
};

struct VerbInfo {
  std::string name;
  std::string text;
  std::vector<OptionInfo> options;
  std::vector<std::string> words;  // of a positional that takes one of a few
  bool takes_path = false;         // has a positional that is a file
};

/// `TEXT:{bash,zsh,fish}` is how CLI11 writes the values of IsMember.
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  std::vector<std::string> values;
  if (begin == std::string::npos || end == std::string::npos) return values;
  std::string word;
  for (std::size_t i = begin + 1; i <= end; ++i) {
    if (type[i] != ',' && i != end) {
      word += type[i];
      continue;
    }
    values.push_back(word);
    word.clear();
  }
  return values;
}

OptionInfo describe(const CLI::Option& option) {
  OptionInfo info;
  for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  info.values = values_of(option);
  info.text = option.get_description();
  info.takes_value = option.get_items_expected_max() > 0;
  const std::string type = option.get_type_name();
  info.takes_path = type.starts_with("FILE") || type.starts_with("DIR");
  return info;
}

VerbInfo describe(const CLI::App& app) {
  VerbInfo verb{app.get_name(), app.get_description(), {}, {}, false};
  // What `keys` is followed by.
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    verb.words.push_back(child->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    const OptionInfo info = describe(*option);
    if (!info.names.empty()) {
      verb.options.push_back(info);
    } else {
      verb.words = info.values;
      verb.takes_path = info.takes_path;
    }
  }
  return verb;
}

std::vector<VerbInfo> verbs_of(const CLI::App& app) {
  std::vector<VerbInfo> verbs;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(describe(*child));
  }
  return verbs;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string names_of(const VerbInfo& verb) {
  std::vector<std::string> names;
  for (const OptionInfo& option : verb.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return join(names);
}

/// Inside single quotes of a shell script.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\'";
    out += c;
  }
  return "'" + out + "'";
}

std::string bash_values(const VerbInfo& verb) {
  std::string cases;
  for (const OptionInfo& option : verb.options) {
    if (option.values.empty()) continue;
    for (const std::string& name : option.names) {
      cases += fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n",
                           verb.name == "landseer" ? "*:" + name : verb.name + ":" + name,
                           quoted(join(option.values)));
    }
  }
  return cases;
}

std::string bash_script(const VerbInfo& root, const std::vector<VerbInfo>& verbs) {
  std::vector<std::string> names;
  std::string values = bash_values(root);
  std::string words;
  for (const VerbInfo& verb : verbs) {
    names.push_back(verb.name);
    values += bash_values(verb);
    words += fmt::format("    {}) words={} ;;\n", verb.name,
                         quoted(names_of(verb) + " " + join(verb.words)));
  }
  const std::string verb_names = join(names);
  std::string verb_patterns = verb_names;
  for (char& c : verb_patterns) c = c == ' ' ? '|' : c;
  return "# bash completion for landseer; load it with: source <(landseer completion bash)\n"
         "_landseer() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb= words= "
         "w\n"
         "  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $w in " +
         verb_patterns +
         ") verb=$w; break ;; esac\n"
         "  done\n"
         "  case \"$verb:$before\" in\n" +
         values +
         "  esac\n"
         "  case $verb in\n"
         "    '') words=" +
         quoted(verb_names) + " ;;\n" + words +
         "  esac\n"
         "  words=\"$words \"" +
         quoted(names_of(root)) +
         "\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -o bashdefault -F _landseer landseer\n";
}

/// A description inside a _arguments specification: brackets and colons are special there.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_options(const VerbInfo& verb) {
  std::string lines;
  for (const OptionInfo& option : verb.options) {
    std::string action;
    if (option.takes_value) action = ":value:";
    if (!option.values.empty()) action += "(" + join(option.values) + ")";
    if (option.takes_path) action += "_files";
    for (const std::string& name : option.names) {
      lines += "        " + quoted(name + "[" + zsh_text(option.text) + "]" + action) + " \\\n";
    }
  }
  return lines;
}

std::string zsh_script(const VerbInfo& root, const std::vector<VerbInfo>& verbs) {
  std::string list;
  std::string cases;
  for (const VerbInfo& verb : verbs) {
    list += "    " + quoted(verb.name + ":" + zsh_text(verb.text)) + "\n";
    const std::string rest =
        verb.words.empty() ? "'*:argument:_files'" : "'*:argument:(" + join(verb.words) + ")'";
    cases += "    " + verb.name + ")\n      _arguments \\\n" + zsh_options(verb) +
             zsh_options(root) + "        " + rest + " ;;\n";
  }
  return "#compdef landseer\n"
         "# zsh completion for landseer; load it with: source <(landseer completion zsh)\n"
         "_landseer() {\n"
         "  local -a verbs\n"
         "  verbs=(\n" +
         list +
         "  )\n"
         "  local curcontext=$curcontext state line\n"
         "  _arguments -C \\\n" +
         zsh_options(root) +
         "    '1:verb:->verb' '*::argument:->argument'\n"
         "  case $state in verb) _describe verb verbs; return ;; esac\n"
         "  case ${line[1]} in\n" +
         cases +
         "  esac\n"
         "}\n"
         "compdef _landseer landseer\n";
}

std::string fish_option(const OptionInfo& option, const std::string& condition) {
  std::string line = "complete -c landseer";
  if (!condition.empty()) line += " -n " + quoted(condition);
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) line += option.takes_path ? " -r -F" : " -x";
  if (!option.values.empty()) line += " -a " + quoted(join(option.values));
  return line + " -d " + quoted(option.text) + "\n";
}

std::string fish_script(const VerbInfo& root, const std::vector<VerbInfo>& verbs) {
  std::string out =
      "# fish completion for landseer; load it with: landseer completion fish | source\n";
  for (const OptionInfo& option : root.options) out += fish_option(option, "");
  for (const VerbInfo& verb : verbs) {
    out += "complete -c landseer -n __fish_use_subcommand -f -a " + verb.name + " -d " +
           quoted(verb.text) + "\n";
    const std::string condition = "__fish_seen_subcommand_from " + verb.name;
    for (const OptionInfo& option : verb.options) out += fish_option(option, condition);
    if (!verb.words.empty()) {
      out += "complete -c landseer -n " + quoted(condition) + " -f -a " + quoted(join(verb.words)) +
             "\n";
    } else if (!verb.takes_path) {
      out += "complete -c landseer -n " + quoted(condition) + " -f\n";
    }
  }
  return out;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  const VerbInfo root = describe(app);
  const std::vector<VerbInfo> verbs = verbs_of(app);
  if (shell == "bash") return bash_script(root, verbs);
  if (shell == "zsh") return zsh_script(root, verbs);
  if (shell == "fish") return fish_script(root, verbs);
  return fail(ErrorCode::kInvalid, "no completion for the shell '" + shell + "'", "",
              "bash, zsh or fish");
}

}  // namespace landseer::cli
