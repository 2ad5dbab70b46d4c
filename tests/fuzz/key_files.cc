/// Key files, the list of keys, and passes: a file is refused without a word of what is in it, or
/// read, written and read again as the same; and no pass is good that was not made.
#include "common/keys/key_files.h"

#include "common/protocol/fetch_pass.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

const Budget kBudget{64 * 1024, 128};

namespace {

const std::string kSecret(protocol::kFetchSecretBytes, 's');
const std::string kFetcher(keys::kKeyTextBytes, 'f');
constexpr WallTime kNow{1'700'000'000'000};

protocol::FetchRight right() { return {sha256("artifact"), kFetcher}; }

keys::KeyFile key_of(std::optional<keys::Role> role) {
  keys::KeyFile key;
  key.name = "anna";
  key.role = role;
  key.public_key = std::string(keys::kKeyTextBytes, 'p');
  key.secret_key = std::string(keys::kKeyTextBytes, '#');
  if (role) key.broker_key = std::string(keys::kKeyTextBytes, 'b');
  return key;
}

/// What may be a key, or part of one, is not in an error.
void check_discreet(const Error& error, std::string_view text) {
  check_error(error);
  const std::string said = error.message + error.hint;
  constexpr std::size_t kPart = 20;
  for (std::size_t i = 0; i + kPart <= text.size() && i < 512; ++i) {
    const std::string_view part = text.substr(i, kPart);
    if (part.find_first_of(" \t\r\n") != std::string_view::npos) continue;
    CHECK(said.find(part) == std::string::npos, "an error shows nothing of a key file");
  }
}

void check_key_file(std::string_view text) {
  const auto key = keys::parse_key_file(text, "file");
  if (!key) return check_discreet(key.error(), text);
  const auto copy = keys::parse_key_file(keys::format(*key), "file");
  CHECK(copy.has_value(), "what is written can be read");
  CHECK(copy->name == key->name && copy->role == key->role && copy->public_key == key->public_key &&
            copy->secret_key == key->secret_key && copy->broker_key == key->broker_key,
        "a key stays what it is");
  CHECK(keys::is_key_name(key->name) && keys::is_key_text(key->secret_key), "it is a key");
}

void check_list(std::string_view text) {
  const auto list = keys::parse_authorized(text, "list");
  if (!list) return check_discreet(list.error(), text);
  const auto copy = keys::parse_authorized(keys::format(*list), "list");
  CHECK(copy.has_value() && *copy == *list, "a list stays what it is");
}

void check_pass(std::string_view pass) {
  if (!protocol::is_good_fetch_pass(kSecret, right(), pass, kNow)) return;
  CHECK(pass == protocol::make_fetch_pass(kSecret, right(), kNow), "a good pass was made");
}

}  // namespace

std::vector<std::string> seeds() {
  const keys::KeyFile own = key_of(keys::Role::kSubmitter);
  const std::vector<keys::Authorized> list{
      {keys::Role::kAdmin, "root", std::string(keys::kKeyTextBytes, 'r'), "root"},
      {keys::Role::kReader, "screen", std::string(keys::kKeyTextBytes, 's'), "*"},
      {keys::Role::kReader, "ben", std::string(keys::kKeyTextBytes, 't'), "anna"}};
  return {'\0' + keys::format(own), '\0' + keys::format(key_of(std::nullopt)),
          '\1' + keys::format(list), '\2' + protocol::make_fetch_pass(kSecret, right(), kNow),
          '\1' + std::string("# nobody\n\n")};
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  std::string_view text = fuzz::text_of(data, size);
  switch (fuzz::take_byte(text) % 3) {
    case 0:
      fuzz::check_key_file(text);
      break;
    case 1:
      fuzz::check_list(text);
      break;
    case 2:
      fuzz::check_pass(text);
      break;
  }
  return 0;
}
