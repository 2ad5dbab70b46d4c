#include "submitter/cli/up_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/config/rendezvous.h"
#include "submitter/cli/csv.h"

namespace landseer::cli {
namespace {

using Json = nlohmann::ordered_json;

/// False when a field is missing or of another type.
bool read_service(const Json& object, Service& service) {
  const auto text = [&object](const char* key, std::string& value) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return false;
    value = found->get<std::string>();
    return true;
  };
  if (!object.is_object()) return false;
  const auto pid = object.find("pid");
  const auto start = object.find("start_time");
  if (pid == object.end() || start == object.end() || !pid->is_number_integer() ||
      !start->is_number_integer()) {
    return false;
  }
  service.process = {pid->get<std::int64_t>(), start->get<std::uint64_t>()};
  return text("name", service.name) && text("address", service.address) && text("log", service.log);
}

}  // namespace

std::string up_file_path() { return config::home_folder() + "/up.json"; }

Result<std::vector<Service>> read_up_file() {
  std::vector<Service> services;
  std::ifstream file(up_file_path());
  if (!file) return services;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Json list = Json::parse(text, nullptr, false);
  bool understood = list.is_array();
  for (std::size_t i = 0; understood && i < list.size(); ++i) {
    understood = read_service(list[i], services.emplace_back());
  }
  if (understood) return services;
  return fail(ErrorCode::kInvalid, "the file that says what runs cannot be understood",
              up_file_path(), "end what runs by hand, then remove the file");
}

Result<void> write_up_file(const std::vector<Service>& services) {
  Json list = Json::array();
  for (const Service& service : services) {
    list.push_back({{"name", service.name},
                    {"pid", service.process.pid},
                    {"start_time", service.process.start_time},
                    {"address", service.address},
                    {"log", service.log}});
  }
  return replace_file(up_file_path(), list.dump(2) + "\n");
}

void remove_up_file() { unlink(up_file_path().c_str()); }

Result<UpLock> UpLock::take() {
  const std::string home = config::home_folder();
  std::error_code error;
  std::filesystem::create_directories(home + "/logs", error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the folder: " + error.message(), home,
                "set LANDSEER_HOME to a folder that can be written");
  }
  chmod(home.c_str(), 0700);
  const std::string path = home + "/up.lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return UpLock(fd);
  const int reason = errno;
  if (fd >= 0) close(fd);
  if (reason == EWOULDBLOCK) {
    return fail(ErrorCode::kConflict, "another `landseer up` or `landseer down` is at work", path,
                "wait until it is done");
  }
  return fail(ErrorCode::kIo, std::string("cannot take the lock: ") + std::strerror(reason), path,
              "check the folder's owner");
}

UpLock::~UpLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace landseer::cli
