#include "worker/io/secrets.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "common/config/private_file.h"
#include "common/config/rendezvous.h"
#include "common/domain/secret_reference.h"

namespace landseer::worker {
namespace {

namespace fs = std::filesystem;

constexpr config::PrivateHints kHints{
    "put the value into a file of this name, with mode 600, and start the worker again",
    "if it was so for long, replace the secret where it came from"};

Result<std::string> read_value(const std::string& folder, const std::string& name) {
  auto text = config::read_private_file(folder, name, kSecretBytesMax, kHints);
  if (!text) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty() || text->size() > kSecretBytesMax || text->find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "the secret is empty, too long or has a zero byte",
                folder + "/" + name, "a variable cannot hold it; the limit is 32 KiB");
  }
  return text;
}

Result<std::vector<std::string>> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;  // what editors leave, and versions of mounted ones
    if (!domain::is_secret_name(name)) {
      return fail(ErrorCode::kInvalid, "this is no name of a secret", entry.path().string(),
                  "use letters, digits, `.`, `_` and `-`, at most 64 of them");
    }
    names.push_back(name);
  }
  if (error) return fail(ErrorCode::kIo, "cannot read the folder: " + error.message(), folder);
  if (names.size() > kSecretsMax) {
    return fail(ErrorCode::kLimit, "there are more than 32 secrets", folder,
                "give this worker a folder with those that its tools need");
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<Secrets> Secrets::open(const std::string& named) {
  Secrets secrets;
  std::error_code error;
  secrets.folder_ = named.empty() ? config::home_folder() + "/secrets"
                                  : fs::absolute(named, error).lexically_normal().string();
  while (secrets.folder_.size() > 1 && secrets.folder_.ends_with('/')) secrets.folder_.pop_back();
  if (auto good = config::check_private_folder(secrets.folder_, kHints); !good) {
    if (named.empty() && good.error().code == ErrorCode::kNotFound) return secrets;
    return tl::make_unexpected(good.error());
  }
  auto names = names_in(secrets.folder_);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    if (auto value = read_value(secrets.folder_, name); !value) {
      return tl::make_unexpected(value.error());
    }
  }
  secrets.names_ = std::move(*names);
  return secrets;
}

Result<Variables> Secrets::values_for(std::string_view env) const {
  const auto wanted = domain::secrets_of(env);
  if (!wanted) return tl::make_unexpected(wanted.error());
  Variables values;
  for (const auto& [variable, name] : *wanted) {
    auto value = read_value(folder_, name);
    if (!value) {
      // Others read this: the folder's place is for whoever looks after the worker.
      spdlog::error("a tool wants a secret: {}", value.error().to_string());
      return fail(value.error().code,
                  "the secret " + name + " of this worker: " + value.error().message, name,
                  "the worker's log says where it looked");
    }
    values[variable] = std::move(*value);
  }
  return values;
}

}  // namespace landseer::worker
