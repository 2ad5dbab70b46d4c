/// Interned requests: what a task needs of a worker. Tasks with one index compete for the same
/// workers, so the scheduler keeps one ready queue for each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/domain/gpu_pool.h"
#include "common/domain/tool.h"

namespace landseer::broker {

/// `runtime` empty: any but the built-in no-op. `dataset` empty: none needed.
struct Request {
  domain::ResourceRequest resources;  ///< `named`: only what workers offer, see `shared`
  std::string runtime;
  std::string dataset;
  std::string variant;
  std::vector<std::string> required;  ///< names in the data set's folder
  std::string image;  ///< what the name stands for may be bound: one must not hold up another
  std::vector<domain::NamedAmount> shared{};  ///< of what the broker holds for all workers
  domain::GpuWish gpus() const {
    return {resources.gpus_milli, resources.gpu_memory_bytes, resources.gpu_model};
  }
  auto operator<=>(const Request&) const = default;
};

/// The built-in runtime that runs nothing and takes no resources: for measuring everything else.
inline constexpr const char* kNoopRuntime = "noop";

class RequestTable {
 public:
  /// Resources that the broker holds, by name; before the first intern().
  void set_shared(std::map<std::string, std::uint64_t> amounts) { shared_ = std::move(amounts); }
  const std::map<std::string, std::uint64_t>& shared() const { return shared_; }
  /// Index of an equal request, old or new. Indices are never reused. What it asks of the broker's
  /// own resources becomes `shared`.
  std::uint32_t intern(Request request) {
    auto& named = request.resources.named;
    const auto is_own = [&](const auto& wanted) { return !shared_.contains(wanted.name); };
    const auto own = std::stable_partition(named.begin(), named.end(), is_own);
    request.shared.assign(own, named.end());
    named.erase(own, named.end());
    const auto [found, added] = index_.emplace(request, static_cast<std::uint32_t>(all_.size()));
    if (added) all_.push_back(request);
    return found->second;
  }
  const Request& at(std::uint32_t index) const { return all_[index]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(all_.size()); }

 private:
  std::map<std::string, std::uint64_t> shared_;
  std::map<Request, std::uint32_t> index_;
  std::vector<Request> all_;
};

}  // namespace landseer::broker
