#include "common/config/rendezvous.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace landseer::config {
namespace {

using nlohmann::json;

tl::unexpected<Error> io_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check the folder's owner and free space, or set LANDSEER_HOME");
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<void> write_private(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("write the file", path);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (close(fd) != 0 || !written) return io_error("write the file", path);
  return {};
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
  std::error_code error;
  std::filesystem::create_directories(home_folder(), error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the folder: " + error.message(), home_folder(),
                "set LANDSEER_HOME to a folder that can be written");
  }
  chmod(home_folder().c_str(), 0700);
  const json object{{"workers_address", rendezvous.workers_address},
                    {"clients_address", rendezvous.clients_address},
                    {"bulk_address", rendezvous.bulk_address},
                    {"instance", rendezvous.instance},
                    {"pid", rendezvous.pid},
                    {"state_folder", rendezvous.state_folder},
                    {"broker_key", rendezvous.broker_key},
                    {"keys_folder", rendezvous.keys_folder}};
  const std::string draft = rendezvous_path() + "." + rendezvous.instance;
  if (auto written = write_private(draft, object.dump(2) + "\n"); !written) return written;
  if (rename(draft.c_str(), rendezvous_path().c_str()) != 0) {
    return io_error("put the file in place", rendezvous_path());
  }
  return {};
}

void remove_rendezvous(const std::string& instance) {
  const auto current = read_rendezvous();
  if (current && current->instance == instance) unlink(rendezvous_path().c_str());
}

}  // namespace landseer::config
