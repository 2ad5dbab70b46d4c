#include "common/config/dashboard_file.h"

#include <sys/random.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/check.h"
#include "common/config/private_file.h"
#include "common/config/rendezvous.h"

namespace landseer::config {
namespace {

using nlohmann::json;

constexpr const char* kStartHint =
    "start one with `landseer up`, or landseer-dashboard beside a broker";

std::string file_path() { return home_folder() + "/dashboard.json"; }
std::string key_path() { return home_folder() + "/dashboard.key"; }

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Result<DashboardFile> read_dashboard_file() {
  if (access(file_path().c_str(), F_OK) != 0) {
    return fail(ErrorCode::kUnavailable, "no dashboard is known here", file_path(), kStartHint);
  }
  const json object = json::parse(read_text(file_path()), nullptr, false);
  const auto has = [&](const char* key, auto is_right) {
    return object.is_object() && object.contains(key) && is_right(object[key]);
  };
  const auto is_text = [](const json& value) { return value.is_string(); };
  const auto is_number = [](const json& value) { return value.is_number_integer(); };
  if (!has("url", is_text) || !has("instance", is_text) || !has("pid", is_number)) {
    return fail(ErrorCode::kInvalid, "the file is not one that the dashboard wrote", file_path(),
                "remove it and start the dashboard again");
  }
  return DashboardFile{object["url"], object["instance"], object["pid"]};
}

Result<void> write_dashboard_file(const DashboardFile& file) {
  const json object{{"url", file.url}, {"instance", file.instance}, {"pid", file.pid}};
  return replace_private_file(file_path(), object.dump(2) + "\n");
}

void remove_dashboard_file(const std::string& instance) {
  const auto current = read_dashboard_file();
  if (current && current->instance == instance) unlink(file_path().c_str());
}

Result<Digest> read_dashboard_key() {
  std::string text = read_text(key_path());
  if (text.ends_with('\n')) text.pop_back();
  const auto key = Digest::from_hex(text);
  if (key && !key->empty()) return *key;
  if (text.empty()) {
    return fail(ErrorCode::kUnavailable, "there is no key of a dashboard here", key_path(),
                kStartHint);
  }
  return fail(ErrorCode::kInvalid, "this is no key of a dashboard", key_path(),
              "remove the file and start the dashboard again");
}

Result<Digest> make_dashboard_key() {
  auto key = read_dashboard_key();
  if (key || key.error().code != ErrorCode::kUnavailable) return key;
  const Digest made = random_digest();
  if (auto written = replace_private_file(key_path(), made.hex() + "\n"); !written) {
    return tl::make_unexpected(written.error());
  }
  return made;
}

Digest random_digest() {
  Digest random;
  CHECK(getrandom(random.bytes.data(), random.bytes.size(), 0) ==
            static_cast<ssize_t>(random.bytes.size()),
        "the kernel has random numbers");
  return random;
}

}  // namespace landseer::config
