/// The simulator's command line; docs/testing.md, "The simulator", explains it.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/simulation/runner.h"

namespace {

int usage() {
  std::fprintf(stderr,
               "usage: simulation [--seeds N] [--first S] [--jobs J] [--keep-going] [--bug NAME]\n"
               "       simulation --seed S [--trace] [--inputs FILE] [--bug NAME]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  landseer::simulation::RunnerOptions options;
  std::uint64_t seed = 0;
  const std::map<std::string, std::uint64_t*> numbers{{"--seeds", &options.seeds},
                                                      {"--first", &options.first},
                                                      {"--jobs", &options.jobs},
                                                      {"--seed", &seed}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--trace") {
      options.schedule.trace = true;
    } else if (word == "--keep-going") {
      options.keep_going = true;
    } else if (word == "--inputs" && i + 1 < argc) {
      options.inputs_file = argv[++i];
    } else if (word == "--bug" && i + 1 < argc) {
      options.schedule.switches.bug = argv[++i];
    } else if (numbers.contains(word) && i + 1 < argc) {
      *numbers.at(word) = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return usage();
    }
  }
  if (options.jobs == 0) return usage();
  if (seed == 0) return run_many(options);
  options.schedule.seed = seed;
  return run_one(options);
}
