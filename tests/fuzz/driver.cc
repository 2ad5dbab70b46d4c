/// Runs one fuzz target with any compiler: every seed, every file of its corpus, then so many
/// mutations of them, the same ones on every machine. Counts what each input makes the process
/// allocate. Other arguments are files to run, to look into a finding.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <random>

#include "tests/fuzz/target.h"

namespace {

std::size_t live_bytes = 0;  // of the thread that runs inputs; others are not counted
std::size_t peak_bytes = 0;
thread_local bool is_counted = false;

void* allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  if (is_counted) {
    live_bytes += malloc_usable_size(memory);
    peak_bytes = std::max(peak_bytes, live_bytes);
  }
  return memory;
}

void release(void* memory) {
  if (is_counted && memory != nullptr)
    live_bytes -= std::min(live_bytes, malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace landseer::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInputBytesMax = 64 * 1024;

std::string current;  // shown when the process aborts

std::string read_whole(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> inputs_of(const char* corpus) {
  std::vector<std::string> inputs = seeds();
  std::vector<fs::path> paths;
  if (fs::is_directory(corpus)) {
    for (const auto& entry : fs::directory_iterator(corpus)) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) inputs.push_back(read_whole(path));
  return inputs;
}

/// A fixed sequence of changed copies.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& inputs) : inputs_(inputs) {}

  std::string next() {
    std::string text = inputs_[below(inputs_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(text);
    if (text.size() > kInputBytesMax) text.resize(kInputBytesMax);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  char byte() {
    // What lengths, types, separators and control sequences are made of.
    static constexpr std::string_view kTelling{
        "\0\1\x1b\x7f\x80\x90\x91\xc0\xc6\xcf\xdb\xdd\xdf\xff\n\r\t \"#%&'*+,-./:;<=>?@[]{|}~", 43};
    return below(2) == 0 ? static_cast<char>(below(256)) : kTelling[below(kTelling.size())];
  }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(text.size() - at, 32) + 1);
    switch (below(7)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = byte();
        break;
      case 2:
        text.insert(at, 1 + below(8), byte());
        break;
      case 3:
        text.erase(at, size);
        break;
      case 4:
        text.insert(below(text.size() + 1), text.substr(at, size));
        break;
      case 5:
        text.resize(at);
        break;
      default: {
        const std::string& other = inputs_[below(inputs_.size())];
        text.replace(at, size, other, below(other.size() + 1), below(64));
      }
    }
  }

  const std::vector<std::string>& inputs_;
  std::mt19937 random_{20'240'229};
};

void run(const std::string& input) {
  current = input;
  live_bytes = 0;
  peak_bytes = 0;
  is_counted = true;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
  is_counted = false;
  if (peak_bytes > kBudget.fixed + kBudget.per_byte * input.size()) {
    std::fprintf(stderr, "%zu bytes for an input of %zu\n", peak_bytes, input.size());
    std::abort();
  }
}

void keep_finding(int) {
  is_counted = false;
  std::ofstream("finding", std::ios::binary) << current;
  std::fprintf(stderr, "the input is in the file 'finding' (%zu bytes)\n", current.size());
  std::_Exit(1);
}

struct Plan {
  const char* corpus;
  std::size_t mutations;
  double seconds;
};

int run_all(const Plan& plan) {
  const std::vector<std::string> inputs = inputs_of(plan.corpus);
  for (const std::string& input : inputs) run(input);
  Mutator mutator(inputs);
  const auto begin = std::chrono::steady_clock::now();
  std::size_t done = 0;
  double took = 0;
  // The bound in time is for slow builds; where it holds the count is what decides.
  for (; done < plan.mutations && took < plan.seconds; ++done) {
    run(mutator.next());
    took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  std::printf("%zu seeds and %zu mutations in %.1f s\n", inputs.size(), done, took);
  return done == 0 && plan.mutations > 0 ? 1 : 0;
}

}  // namespace
}  // namespace landseer::fuzz

int main(int count, char** arguments) {
  using namespace landseer::fuzz;
  std::signal(SIGABRT, keep_finding);
  std::signal(SIGSEGV, keep_finding);
  if (count == 5 && std::string_view(arguments[1]) == "--corpus") {
    return run_all({arguments[2], std::strtoul(arguments[3], nullptr, 10),
                    std::strtod(arguments[4], nullptr)});
  }
  for (int i = 1; i < count; ++i) run(read_whole(arguments[i]));
  if (count == 1) std::puts("usage: TARGET --corpus FOLDER MUTATIONS SECONDS | TARGET FILE...");
  return count == 1 ? 2 : 0;
}
