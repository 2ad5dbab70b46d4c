#include "common/keys/key_files.h"

#include <algorithm>
#include <set>

namespace landseer::keys {
namespace {

constexpr std::string_view kSpaces = " \t\r";
/// RFC 32 of the ZeroMQ project, "Formal Specification".
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

struct Line {
  std::size_t number = 0;
  std::vector<std::string_view> words;
};

/// Lines with words on them. `#` begins a comment only at the beginning: it is a letter of Z85.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    Line line{number, {}};
    while (true) {
      const std::size_t begin = rest.find_first_not_of(kSpaces);
      if (begin == std::string_view::npos) break;
      rest.remove_prefix(begin);
      const std::size_t length = std::min(rest.find_first_of(kSpaces), rest.size());
      line.words.push_back(rest.substr(0, length));
      rest.remove_prefix(length);
    }
    if (!line.words.empty() && !line.words[0].starts_with('#')) lines.push_back(std::move(line));
  }
  return lines;
}

tl::unexpected<Error> bad_line(const std::string& where, std::size_t line, std::string what,
                               std::string hint) {
  return fail(ErrorCode::kInvalid, "line " + std::to_string(line) + " " + std::move(what), where,
              std::move(hint));
}

const char* const kMakeAnew = "copy the file again from where it was made with `landseer keys add`";

std::string* field_of(KeyFile& key, std::string_view name) {
  if (name == "name") return &key.name;
  if (name == "public") return &key.public_key;
  if (name == "secret") return &key.secret_key;
  if (name == "broker") return &key.broker_key;
  return nullptr;
}

Result<void> check(const KeyFile& key, const std::string& where) {
  const bool complete = is_key_name(key.name) && is_key_text(key.public_key) &&
                        is_key_text(key.secret_key) &&
                        (key.role ? is_key_text(key.broker_key) : key.broker_key.empty());
  if (complete) return {};
  return fail(ErrorCode::kInvalid, "the key file lacks something, or has a key that is none", where,
              kMakeAnew);
}

}  // namespace

bool is_key_name(std::string_view name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kKeyNameBytesMax && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), is_good);
}

bool is_key_text(std::string_view text) {
  return text.size() == kKeyTextBytes && text.find_first_not_of(kZ85) == std::string_view::npos;
}

KeyFile::~KeyFile() {
  // Through a volatile pointer: the compiler would leave out writes that nobody reads.
  volatile char* const bytes = secret_key.data();
  for (std::size_t i = 0; i < secret_key.size(); ++i) bytes[i] = 0;
}

Result<KeyFile> parse_key_file(std::string_view text, const std::string& where) {
  if (text.size() > kKeyFileBytesMax) {
    return fail(ErrorCode::kLimit, "the file is too long for a key", where, kMakeAnew);
  }
  KeyFile key;
  std::set<std::string_view> seen;
  for (const Line& line : lines_of(text)) {
    if (line.words.size() != 2 || !seen.insert(line.words[0]).second) {
      return bad_line(where, line.number, "is not one word and its value, once", kMakeAnew);
    }
    if (line.words[0] == "role") {
      key.role = role_from(line.words[1]);
      if (!key.role && line.words[1] != "broker") {
        return bad_line(where, line.number, "names no role", kMakeAnew);
      }
    } else if (std::string* field = field_of(key, line.words[0])) {
      *field = line.words[1];
    } else {
      return bad_line(where, line.number, "begins with an unknown word", kMakeAnew);
    }
  }
  if (auto good = check(key, where); !good) return tl::make_unexpected(good.error());
  return key;
}

std::string format(const KeyFile& key) {
  std::string text = "# A key of Landseer. Whoever has this file may do what its role may.\n";
  text += "name " + key.name + "\n";
  text += "role " + std::string(key.role ? to_string(*key.role) : "broker") + "\n";
  text += "public " + key.public_key + "\n";
  text += "secret " + key.secret_key + "\n";
  if (key.role) text += "broker " + key.broker_key + "\n";
  return text;
}

Result<std::vector<Authorized>> parse_authorized(std::string_view text, const std::string& where) {
  const char* const hint = "a line is ROLE NAME PUBLIC-KEY [OWNER]; see `landseer keys list`";
  if (text.size() > kAuthorizedBytesMax) {
    return fail(ErrorCode::kLimit, "the list of keys is too long", where, hint);
  }
  std::vector<Authorized> list;
  std::set<std::string_view> names;
  std::set<std::string_view> keys;
  for (const Line& line : lines_of(text)) {
    const auto& words = line.words;
    if (words.size() != 3 && words.size() != 4) {
      return bad_line(where, line.number, "has a wrong number of words", hint);
    }
    const auto role = role_from(words[0]);
    if (!role) return bad_line(where, line.number, "begins with no role", hint);
    const std::string_view owner = words.size() == 4 ? words[3] : words[1];
    const bool good_owner = is_key_name(owner) || (owner == kEverybody && *role == Role::kReader);
    if (!is_key_name(words[1]) || !is_key_text(words[2]) || !good_owner) {
      return bad_line(where, line.number, "has a name or a key that is none", hint);
    }
    if (!names.insert(words[1]).second || !keys.insert(words[2]).second) {
      return bad_line(where, line.number, "repeats a name or a key", hint);
    }
    if (list.size() >= kAuthorizedMax) {
      return bad_line(where, line.number, "is one more than the limit", hint);
    }
    list.push_back({*role, std::string(words[1]), std::string(words[2]), std::string(owner)});
  }
  return list;
}

std::string format(const std::vector<Authorized>& list) {
  std::string text =
      "# Who may come in: ROLE NAME PUBLIC-KEY [OWNER]. Written by `landseer keys`.\n";
  for (const Authorized& key : list) {
    text += std::string(to_string(key.role)) + " " + key.name + " " + key.public_key;
    if (key.acts_for != key.name) text += " " + key.acts_for;
    text += "\n";
  }
  return text;
}

}  // namespace landseer::keys
