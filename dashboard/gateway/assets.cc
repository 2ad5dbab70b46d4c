#include "dashboard/gateway/assets.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/base/digest.h"

namespace landseer::gateway {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, const char*>, 12> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
    {".wasm", "application/wasm"},
}};

constexpr const char* kNotBuiltPage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Landseer</title>"
    "<h1>The page is not built</h1><p>The gateway works and serves <code>/api/v1/</code>, "
    "<code>/metrics</code>, <code>/healthz</code> and <code>/readyz</code>; see docs/openapi.yaml."
    "<p>To have the page, say this in the source folder and load this page again:"
    "<pre>dashboard/web/build.sh</pre>"
    "<p>It writes dashboard/web/dist; another folder is named with <code>--web DIR</code>.";

std::string type_of(const std::string& path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::int64_t stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return 0;
  return status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

Error too_much(const std::string& folder) {
  return {ErrorCode::kLimit, "the page's folder has more than 4096 files or 64 MiB", folder,
          "name the folder that the build wrote with --web"};
}

}  // namespace

bool Assets::is_stale() const { return stamp_of(folder_ + "/index.html") != stamp_; }

Result<void> Assets::load() {
  files_.clear();
  stamp_ = stamp_of(folder_ + "/index.html");
  if (stamp_ == 0) return {};
  std::map<std::string, std::string> found;
  std::size_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_symlink() || !it->is_regular_file()) continue;  // nothing from elsewhere
    std::string text = read_file(it->path());
    bytes += text.size();
    if (found.size() >= kFilesMax || bytes > kBytesMax)
      return tl::make_unexpected(too_much(folder_));
    found.emplace("/" + fs::relative(it->path(), folder_).generic_string(), std::move(text));
  }
  for (auto& [path, text] : found) {
    File& file = files_[path];
    file.type = type_of(path);
    file.tag = "\"" + sha256(text).hex().substr(0, 16) + "\"";
    file.body = std::make_shared<const std::string>(std::move(text));
  }
  for (auto& [path, file] : files_) {
    const auto zipped = files_.find(path + ".gz");
    if (zipped != files_.end()) file.zipped = zipped->second.body;
  }
  return {};
}

Response Assets::answer(const Request& request) {
  if (is_stale()) {
    if (auto loaded = load(); !loaded) spdlog::warn("the page: {}", loaded.error().to_string());
  }
  const auto file = files_.find(request.path);
  if (file != files_.end()) return respond(request, file->second);
  const auto index = files_.find("/index.html");
  if (index == files_.end()) {
    return text_response(request.path == "/" ? 200 : 404, "text/html; charset=utf-8",
                         kNotBuiltPage);
  }
  // A route of the page; a file that is not there has an ending.
  const auto slash = request.path.rfind('/');
  if (request.path.find('.', slash) == std::string::npos) return respond(request, index->second);
  return text_response(404, "text/plain; charset=utf-8", "there is no such file\n");
}

Response Assets::respond(const Request& request, const File& file) {
  Response response;
  response.type = file.type;
  response.headers.emplace_back("ETag", file.tag);
  const bool is_named_by_content = request.path.starts_with("/assets/");
  response.headers.emplace_back(
      "Cache-Control", is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache");
  if (file.zipped) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (request.header("if-none-match") == file.tag) {
    response.status = 304;
    return response;
  }
  const bool takes_zipped = request.header("accept-encoding").find("gzip") != std::string::npos;
  response.body = file.body;
  if (file.zipped && takes_zipped) {
    response.body = file.zipped;
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  return response;
}

}  // namespace landseer::gateway
