/// Under libFuzzer: writes the target's seeds into the folder that LANDSEER_FUZZ_SEEDS names,
/// before the corpus is read.
#include <cstdlib>
#include <fstream>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("LANDSEER_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  std::size_t number = 0;
  for (const std::string& seed : landseer::fuzz::seeds()) {
    const std::string path = std::string(folder) + "/seed_" + std::to_string(number++);
    std::ofstream(path, std::ios::binary) << seed;
  }
  return 0;
}
