/// Interned requests: what a task needs of a worker. Tasks with one index compete for the same
/// workers, so the scheduler keeps one ready queue for each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/domain/tool.h"

namespace landseer::broker {

/// `runtime` empty: any but the built-in no-op. `dataset` empty: none needed.
struct Request {
  domain::ResourceRequest resources;
  std::string runtime;
  std::string dataset;
  std::string variant;
  std::vector<std::string> required;  ///< names in the data set's folder
  std::string image;  ///< what the name stands for may be bound: one must not hold up another
  auto operator<=>(const Request&) const = default;
};

/// The built-in runtime that runs nothing and takes no resources: for measuring everything else.
inline constexpr const char* kNoopRuntime = "noop";

class RequestTable {
 public:
  /// Index of an equal request, old or new. Indices are never reused.
  std::uint32_t intern(const Request& request) {
    const auto [found, added] = index_.emplace(request, static_cast<std::uint32_t>(all_.size()));
    if (added) all_.push_back(request);
    return found->second;
  }
  const Request& at(std::uint32_t index) const { return all_[index]; }

 private:
  std::map<Request, std::uint32_t> index_;
  std::vector<Request> all_;
};

}  // namespace landseer::broker
