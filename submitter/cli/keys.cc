/// The keys of a broker, on the host where they are: no broker needs to run, and one that does sees
/// every change within seconds.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/config/key_folder.h"
#include "common/net/key_pair.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

using keys::Authorized;
using keys::Role;

/// The folder, locked, with what is in it.
struct KeyFolder {
  std::string path;
  UniqueFd lock;
  keys::KeyFile broker;
  std::vector<Authorized> list;
};

Result<KeyFolder> open_folder(const Context& context) {
  KeyFolder folder;
  folder.path = config::keys_folder(context.keys_folder());
  if (!config::has_key_file(folder.path, config::kBrokerKeyFile)) {
    return fail(ErrorCode::kNotFound, "there are no keys of a broker here", folder.path,
                "`landseer keys init` makes them; run it on the broker's host");
  }
  auto lock = config::lock_keys(folder.path);
  if (!lock) return tl::make_unexpected(lock.error());
  folder.lock = std::move(*lock);
  auto broker = config::read_key(folder.path, config::kBrokerKeyFile);
  if (!broker) return tl::make_unexpected(broker.error());
  folder.broker = std::move(*broker);
  auto list = config::read_authorized(folder.path);
  if (!list) return tl::make_unexpected(list.error());
  folder.list = std::move(*list);
  return folder;
}

Result<keys::KeyFile> new_key(const std::string& name, std::optional<Role> role,
                              const std::string& broker_key) {
  auto pair = net::make_key_pair();
  if (!pair) return tl::make_unexpected(pair.error());
  keys::KeyFile key;
  key.name = name;
  key.role = role;
  key.public_key = pair->public_key;
  key.secret_key = std::move(pair->secret_key);
  key.broker_key = broker_key;
  return key;
}

/// Whoever runs this, as far as it can be the name of a key.
std::string user_name() {
  const passwd* const user = getpwuid(geteuid());
  const std::string name = user != nullptr ? user->pw_name : "";
  return keys::is_key_name(name) ? name : "admin";
}

/// The list last: a key that nobody has the file of is let in by nobody.
Result<void> make(KeyFolder& folder, const std::string& file, const Authorized& wanted,
                  bool replace) {
  auto key = new_key(wanted.name, wanted.role, folder.broker.public_key);
  if (!key) return tl::make_unexpected(key.error());
  if (auto written = config::write_key(folder.path, file, *key, replace); !written) return written;
  std::erase_if(folder.list, [&](const Authorized& known) { return known.name == wanted.name; });
  folder.list.push_back(wanted);
  folder.list.back().public_key = key->public_key;
  return config::write_authorized(folder.path, folder.list);
}

Json row_of(const Authorized& key) {
  return {{"name", key.name},
          {"role", std::string(to_string(key.role))},
          {"owner", key.acts_for},
          {"public_key", key.public_key}};
}

Result<void> check(const KeysAddOptions& options, Role role, const KeyFolder& folder) {
  const auto is_named = [&](const Authorized& known) { return known.name == options.name; };
  const bool known = std::any_of(folder.list.begin(), folder.list.end(), is_named);
  if (!keys::is_key_name(options.name) || options.name == "broker" || options.name == "client") {
    return fail(ErrorCode::kInvalid, "'" + options.name + "' cannot be the name of a key",
                "keys add", "use letters, digits, '.', '_' and '-'; not broker, nor client");
  }
  if (known && !options.replace) {
    return fail(ErrorCode::kConflict, "there is a key '" + options.name + "' already", folder.path,
                "choose another name, or give it a new pair with --replace");
  }
  const bool everybody = options.owner == keys::kEverybody && role == Role::kReader;
  if (!options.owner.empty() && !everybody && !keys::is_key_name(options.owner)) {
    return fail(ErrorCode::kInvalid, "'" + options.owner + "' cannot own pipelines", "--owner",
                "name a key; only a reader may see all, with '*'");
  }
  return {};
}

/// The row that the list will have; with --replace, what is not said stays as it was.
Result<Authorized> wanted_key(const KeysAddOptions& options, const KeyFolder& folder) {
  Authorized wanted{Role::kSubmitter, options.name, {}, options.name};
  for (const Authorized& known : folder.list) {
    if (known.name == options.name) wanted = known;
  }
  if (!options.role.empty()) wanted.role = *keys::role_from(options.role);
  if (!options.owner.empty()) wanted.acts_for = options.owner;
  if (auto good = check(options, wanted.role, folder); !good) {
    return tl::make_unexpected(good.error());
  }
  return wanted;
}

/// One's own key is where one's programs look for it.
std::string file_of(const KeyFolder& folder, const std::string& name) {
  const auto own = config::read_key(folder.path, config::kClientKeyFile);
  return own && own->name == name ? config::kClientKeyFile : name + ".key";
}

}  // namespace

Result<int> run_keys_init(Context& context) {
  const std::string path = config::keys_folder(context.keys_folder());
  const bool existed = config::has_key_file(path, config::kBrokerKeyFile);
  if (!existed) {
    auto lock = config::lock_keys(path);
    if (!lock) return tl::make_unexpected(lock.error());
    auto broker = new_key("broker", std::nullopt, "");
    if (!broker) return tl::make_unexpected(broker.error());
    KeyFolder folder{path, std::move(*lock), std::move(*broker), {}};
    // The broker's own last: with it, the folder counts as made.
    const Authorized self{Role::kAdmin, user_name(), {}, user_name()};
    const Authorized worker{Role::kWorker, "worker", {}, "worker"};
    auto made = make(folder, config::kClientKeyFile, self, true);
    if (made) made = make(folder, config::kWorkerKeyFile, worker, true);
    if (made) made = config::write_key(path, config::kBrokerKeyFile, folder.broker, true);
    if (!made) return tl::make_unexpected(made.error());
  }
  auto folder = open_folder(context);
  if (!folder) return tl::make_unexpected(folder.error());
  if (context.json()) {
    print_document(
        context,
        {{"folder", path}, {"public_key", folder->broker.public_key}, {"existed", existed}});
  } else if (!context.quiet()) {
    context.print((existed ? "the keys are there already: " : "made keys in ") + path + "\n");
  }
  context.next("start the broker (again); `landseer keys add NAME --role worker` for other hosts");
  return kSuccess;
}

Result<int> run_keys_add(Context& context, const KeysAddOptions& options) {
  auto folder = open_folder(context);
  if (!folder) return tl::make_unexpected(folder.error());
  const auto wanted = wanted_key(options, *folder);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const std::string file = file_of(*folder, options.name);
  if (auto made = make(*folder, file, *wanted, options.replace); !made) {
    return tl::make_unexpected(made.error());
  }
  const std::string path = folder->path + "/" + file;
  if (context.json()) {
    Json row = row_of(folder->list.back());
    row["file"] = path;
    print_document(context, row);
  } else {
    context.print(path + "\n");
  }
  const bool is_worker = wanted->role == Role::kWorker;
  context.next("put it on the other host as ~/.landseer/keys/" +
               std::string(is_worker ? config::kWorkerKeyFile : config::kClientKeyFile) +
               " (the folder mode 700, the file 600), then remove it here");
  return kSuccess;
}

Result<int> run_keys_list(Context& context) {
  const auto folder = open_folder(context);
  if (!folder) return tl::make_unexpected(folder.error());
  if (context.json()) {
    Json list = Json::array();
    for (const Authorized& key : folder->list) list.push_back(row_of(key));
    print_document(context, list);
    return kSuccess;
  }
  Table table({{"NAME"}, {"ROLE"}, {"OWNER"}, {"PUBLIC KEY"}});
  for (const Authorized& key : folder->list) {
    table.add({key.name, std::string(to_string(key.role)), key.acts_for, key.public_key});
  }
  context.print(table.text(context.out()));
  return kSuccess;
}

Result<int> run_keys_revoke(Context& context, const std::string& name) {
  auto folder = open_folder(context);
  if (!folder) return tl::make_unexpected(folder.error());
  const auto gone =
      std::erase_if(folder->list, [&](const Authorized& known) { return known.name == name; });
  if (gone == 0) {
    return fail(ErrorCode::kNotFound, "there is no key '" + name + "'", folder->path,
                "`landseer keys list` shows all");
  }
  if (auto written = config::write_authorized(folder->path, folder->list); !written) {
    return tl::make_unexpected(written.error());
  }
  // What is left of it, if it was never moved away.
  if (auto removed = config::remove_key(folder->path, name + ".key"); !removed) {
    return tl::make_unexpected(removed.error());
  }
  if (context.json()) print_document(context, {{"name", name}, {"revoked", true}});
  context.note("a running broker accepts it no more within five seconds");
  return kSuccess;
}

}  // namespace landseer::cli
