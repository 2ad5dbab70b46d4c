#include "common/config/rendezvous.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/config/private_file.h"

namespace landseer::config {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string home_folder() {
  if (const char* home = std::getenv("LANDSEER_HOME"); home != nullptr && *home != '\0') {
    return home;
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.landseer";
  }
  return ".landseer";
}

std::string rendezvous_path() { return home_folder() + "/broker.json"; }

Result<Rendezvous> read_rendezvous() {
  const std::string path = rendezvous_path();
  std::ifstream file(path);
  if (!file) {
    return fail(ErrorCode::kUnavailable, "no broker is known here", path,
                "start one with `landseer up`, or name it with --broker tcp://HOST:PORT");
  }
  std::stringstream text;
  text << file.rdbuf();
  const json object = json::parse(text.str(), nullptr, false);
  if (!object.is_object()) {
    return fail(ErrorCode::kInvalid, "the file is not a JSON object", path,
                "remove it and start the broker again");
  }
  Rendezvous rendezvous{text_of(object, "workers_address"),
                        text_of(object, "clients_address"),
                        text_of(object, "bulk_address"),
                        text_of(object, "instance"),
                        0,
                        text_of(object, "state_folder"),
                        text_of(object, "broker_key"),
                        text_of(object, "keys_folder")};
  const auto pid = object.find("pid");
  if (pid != object.end() && pid->is_number_integer()) rendezvous.pid = pid->get<std::int64_t>();
  return rendezvous;
}

Result<void> write_rendezvous(const Rendezvous& rendezvous) {
  const json object{{"workers_address", rendezvous.workers_address},
                    {"clients_address", rendezvous.clients_address},
                    {"bulk_address", rendezvous.bulk_address},
                    {"instance", rendezvous.instance},
                    {"pid", rendezvous.pid},
                    {"state_folder", rendezvous.state_folder},
                    {"broker_key", rendezvous.broker_key},
                    {"keys_folder", rendezvous.keys_folder}};
  return replace_private_file(rendezvous_path(), object.dump(2) + "\n");
}

void remove_rendezvous(const std::string& instance) {
  const auto current = read_rendezvous();
  if (current && current->instance == instance) unlink(rendezvous_path().c_str());
}

}  // namespace landseer::config
