/// The built page: every file of one folder, read when the program starts and again when its
/// index.html is another. Only what was found there can be asked for, by its very name, so no path
/// leads elsewhere.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "dashboard/gateway/http_types.h"

namespace landseer::gateway {

class Assets {
 public:
  static constexpr std::size_t kFilesMax = 4096;
  static constexpr std::size_t kBytesMax = 64 * 1024 * 1024;

  /// A folder that does not exist, or has no index.html, is a page that was not built. kLimit for
  /// one with too much in it.
  explicit Assets(std::string folder) : folder_(std::move(folder)) {}
  Result<void> load();

  /// For a GET or HEAD of any path: the file, index.html for a route of the page, or what to do
  /// when there is no page.
  Response answer(const Request& request);

 private:
  struct File {
    std::string type;
    std::string tag;
    std::shared_ptr<const std::string> body;
    std::shared_ptr<const std::string> zipped;  ///< null: there is no such file
  };

  bool is_stale() const;
  static Response respond(const Request& request, const File& file);

  std::string folder_;
  std::map<std::string, File> files_;  // by path, which begins with a slash
  std::int64_t stamp_ = 0;             // of index.html
};

}  // namespace landseer::gateway
