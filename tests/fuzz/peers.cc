/// A conversation of workers and clients with the broker's core, each with a key of some role: any
/// messages in any order, with time that passes. Nothing that a peer says may break the tables,
/// make a message that nobody can read, or a journal that does not lead back to the same state.
#include "tests/fuzz/small_cluster.h"
#include "tests/fuzz/target.h"
#include "tests/protocol/examples.h"

namespace landseer::fuzz {

// Tables that hold the input, three times: as it is, replayed, and loaded from a snapshot.
const Budget kBudget{8 * 1024 * 1024, 4096};

std::vector<std::string> seeds() {
  SmallCluster cluster;
  const std::vector<std::string> steps = typical_steps(cluster);
  std::vector<std::string> all(1);
  for (const std::string& step : steps) {
    all.push_back(all.back() + step);
  }
  const std::string began = all[3];
  for (const auto& message : protocol::from_worker_examples()) {
    all.push_back(began + cluster.worker_step(4, message));
  }
  for (const auto& message : protocol::from_client_examples()) {
    all.push_back(began + cluster.client_step(0, message));
  }
  return all;
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  constexpr int kStepsMax = 64;
  std::string_view input = fuzz::text_of(data, size);
  fuzz::SmallCluster cluster;
  for (int steps = 0; steps < kStepsMax && !input.empty(); ++steps) cluster.step(input);
  cluster.check_recovery();
  return 0;
}
