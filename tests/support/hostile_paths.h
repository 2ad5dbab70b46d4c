/// Paths that somebody might hope lead out of a folder, or into something that is not his: more
/// than 500, generated. Each may be refused; none may have an effect outside.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace landseer::test {

inline std::vector<std::string> hostile_names() {
  using namespace std::string_literals;
  std::vector<std::string> names{"..",
                                 ".",
                                 "",
                                 "...",
                                 ".. ",
                                 " ..",
                                 "..\n",
                                 "\n..",
                                 "..\\..",
                                 "%2e%2e",
                                 "..%2f",
                                 "~",
                                 "~root",
                                 "$(touch canary)",
                                 "`touch canary`",
                                 "-rf",
                                 "--",
                                 "*",
                                 "?",
                                 "a b",
                                 " ",
                                 "\t",
                                 "\x1b[31m",
                                 "\x01\x02\x7f",
                                 "nul\0byte"s,
                                 "\xff\xfe",
                                 "\xc3\xa9",
                                 "e\xcc\x81",
                                 "A",
                                 "a",
                                 "CON",
                                 "nul.txt",
                                 "C:",
                                 "\\\\host\\share",
                                 "landseer-manifest 1",
                                 "objects",
                                 "tmp",
                                 "lock",
                                 "config.json",
                                 "config_model.py",
                                 "tree",
                                 ".part",
                                 "proc",
                                 "self",
                                 "fd",
                                 "0",
                                 "\xe2\x80\xae"
                                 "cod.exe",
                                 "\xef\xbc\x8f",
                                 "\xc0\xae\xc0\xae",
                                 std::string(255, 'x'),
                                 std::string(256, 'x')};
  return names;
}

/// One to three of them, joined as paths are and as they are not, and with what is absolute.
inline std::vector<std::string> hostile_paths(const std::string& outside) {
  const auto names = hostile_names();
  std::set<std::string> paths(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& other = names[(i * 7 + 3) % names.size()];
    for (const std::string& path :
         {"/" + names[i], names[i] + "/", names[i] + "/inner", "inner/" + names[i],
          "../" + names[i], "inner/../../" + names[i], names[i] + "//" + other,
          "a/" + names[i] + "/" + other, "./" + names[i], outside + "/" + names[i]}) {
      paths.insert(path);
    }
  }
  std::string up;
  std::string down;
  for (int i = 0; i < 100; ++i) {
    up += "../";
    down += "d/";
    paths.insert(up + "canary");
    if (i > 60) paths.insert(down + "f");
  }
  paths.insert(outside + "/canary");
  paths.insert("/proc/self/fd/1");
  paths.insert(std::string(5000, 'y'));
  return {paths.begin(), paths.end()};
}

}  // namespace landseer::test
