#include "worker/io/gpu_choice.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace landseer::worker {
namespace {

using Gpus = std::vector<protocol::GpuOffer>;

constexpr std::uint32_t kIndexMax = 1023;

std::optional<std::uint32_t> read_index(const std::string& word) {
  std::uint32_t index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (error != std::errc{} || end != word.data() + word.size() || index > kIndexMax) return {};
  return index;
}

/// The first number that no GPU has.
std::uint32_t unused_index(const Gpus& present, const Gpus& chosen) {
  const auto has = [](const Gpus& gpus, std::uint32_t index) {
    return std::any_of(gpus.begin(), gpus.end(),
                       [&](const auto& gpu) { return gpu.index == index; });
  };
  std::uint32_t index = 0;
  while (has(present, index) || has(chosen, index)) ++index;
  return index;
}

const protocol::GpuOffer* find(const Gpus& present, const std::string& word) {
  const auto index = read_index(word);
  const auto found = std::find_if(present.begin(), present.end(), [&](const auto& gpu) {
    return index ? gpu.index == *index : gpu.uuid.starts_with(word);
  });
  return found == present.end() ? nullptr : &*found;
}

tl::unexpected<Error> not_there(const std::string& word, const Gpus& present) {
  std::string indices;
  for (const auto& gpu : present) {
    indices += (indices.empty() ? "" : ",") + std::to_string(gpu.index);
  }
  return fail(ErrorCode::kNotFound, "this host has no GPU " + word, "--gpus",
              present.empty() ? "it has none" : "it has " + indices);
}

}  // namespace

Result<Gpus> choose_gpus(const std::string& choice, const char* visible, const Gpus& present,
                         bool is_known) {
  Gpus chosen;
  const bool is_auto = choice == "auto";
  if (choice == "none" || (is_auto && !is_known)) return chosen;
  if (is_auto && visible == nullptr) return present;
  std::istringstream words(is_auto ? visible : choice);
  for (std::string word; std::getline(words, word, ',');) {
    const bool is_mig = word.starts_with("MIG-");
    const protocol::GpuOffer* known = is_mig || word.empty() ? nullptr : find(present, word);
    if (known != nullptr) {
      const bool twice = std::any_of(chosen.begin(), chosen.end(),
                                     [&](const auto& gpu) { return gpu.index == known->index; });
      if (!twice) chosen.push_back(*known);
      continue;
    }
    // As CUDA does: what it does not know ends the list.
    if (is_auto && !is_mig) break;
    const auto index = read_index(word);
    if (!index && !is_mig && !word.starts_with("GPU-")) {
      return fail(ErrorCode::kInvalid, "--gpus '" + choice + "' is not a list of GPUs", {},
                  "write auto, none, indices such as 0,1, or UUIDs");
    }
    if (is_known && !is_mig) return not_there(word, present);
    const std::uint32_t number = index ? *index : unused_index(present, chosen);
    chosen.push_back({number, "unknown", 0, index ? std::string() : word, {}});
  }
  return chosen;
}

std::string visible_devices(const Gpus& gpus) {
  std::string text;
  for (const protocol::GpuOffer& gpu : gpus) {
    text += (text.empty() ? "" : ",") + (gpu.uuid.empty() ? std::to_string(gpu.index) : gpu.uuid);
  }
  return text;
}

}  // namespace landseer::worker
