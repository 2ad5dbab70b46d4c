#include "worker/io/launch_book.h"

#include <utility>

namespace landseer::worker {

void LaunchBook::ended(const AttemptKey& key) {
  launched_.erase(key);
  in_doubt_.erase(key);
}

void LaunchBook::connection_lost() {
  in_doubt_.merge(launched_);
  launched_.clear();
}

std::vector<AttemptKey> LaunchBook::settle(std::span<const Launched> running) {
  for (const Launched& attempt : running) {
    if (in_doubt_.erase(attempt.key) > 0) launched_.insert(attempt.key);
  }
  const std::set<AttemptKey> missing = std::exchange(in_doubt_, {});
  return {missing.begin(), missing.end()};
}

}  // namespace landseer::worker
