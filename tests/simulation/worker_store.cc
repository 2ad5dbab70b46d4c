// What a worker has: artifacts, as many as there is room for, its images and its data set.
#include <algorithm>

#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using namespace std::chrono_literals;

Digest WorkerHost::content_of(const std::string& name) const {
  const auto known = contents_.find(name);
  return known != contents_.end() ? Workload::content(name, known->second.version) : Digest{};
}

std::vector<protocol::ImageOffer> WorkerHost::image_offers() const {
  std::vector<protocol::ImageOffer> offers;
  for (const auto& [name, image] : contents_) {
    if (name == "data" || !image.told || image.version == 0) continue;
    offers.push_back({name, content_of(name)});
  }
  return offers;
}

/// What is not told is being read still.
std::vector<protocol::DatasetOffer> WorkerHost::dataset_offers() const {
  const auto known = contents_.find("data");
  if (known == contents_.end()) return {};
  return {{"data", "", known->second.told ? content_of("data") : Digest{}}};
}

bool WorkerHost::serves(const Digest& artifact) const { return artifacts_.contains(artifact); }

/// Whether the artifact is here, or comes from one of its sources.
bool WorkerHost::fetch(const protocol::InputArtifact& input, bool& answered) {
  answered = true;
  for (const std::string& source : input.sources) {
    const auto from = static_cast<std::uint32_t>(source[1] - '0');
    const bool reachable =
        world_.hosts[from]->responds() && world_.network->data_passes(from, index_);
    answered = answered && reachable;
    if (!reachable || !world_.hosts[from]->serves(input.artifact)) continue;
    return true;
  }
  return false;
}

/// As worker/io/disk_keeper.cc does above its budget, but for which ones it names.
void WorkerHost::keep_artifact(const Digest& artifact) {
  artifacts_.insert(artifact);
  const std::size_t budget = world_.plan.reuse.artifacts;
  if (budget == 0 || artifacts_.size() <= budget || world_.kernel.now() < asks_again_) return;
  asks_again_ = world_.kernel.now() + 1s;
  tell_agent(&WorkerHost::notice_full_store);
}

void WorkerHost::notice_full_store() {
  const std::size_t budget = world_.plan.reuse.artifacts;
  if (artifacts_.size() <= budget) return;
  worker::StoreFull full{{artifacts_.begin(), artifacts_.end()}};
  const std::size_t first = world_.kernel.random.below(full.artifacts.size());
  std::rotate(full.artifacts.begin(), full.artifacts.begin() + static_cast<std::ptrdiff_t>(first),
              full.artifacts.end());
  full.artifacts.resize(std::min(full.artifacts.size(), artifacts_.size() - budget + 2));
  handle(full);
}

void WorkerHost::move_tag() {
  Random& random = world_.kernel.random;
  auto some = contents_.begin();
  std::advance(some, static_cast<std::ptrdiff_t>(random.below(contents_.size())));
  some->second = {static_cast<std::uint32_t>(random.below(3)), random.chance(0.7)};
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(index_) + ": " + some->first + " is version " +
                      std::to_string(some->second.version));
  }
  if (agent_) tell_agent(&WorkerHost::notice_contents);
}

void WorkerHost::notice_contents() {
  handle(worker::ImagesChanged{image_offers()});
  handle(worker::DatasetsChanged{dataset_offers()});
}

/// A data set on a slow file system takes longer than the broker waits.
void WorkerHost::perform(const worker::LookAtContents& effect) {
  looks_.push_back(effect.number);
  if (!world_.kernel.random.chance(0.1)) return tell_agent(&WorkerHost::answer_look);
  schedule(world_.kernel.now() + 3s, [this] {
    if (agent_) tell_agent(&WorkerHost::answer_look);
  });
}

void WorkerHost::answer_look() {
  if (looks_.empty()) return;
  notice_contents();
  handle(worker::ContentsLooked{looks_.front()});
  looks_.pop_front();
}

void WorkerHost::perform(const worker::RemoveArtifacts& effect) {
  for (const Digest& artifact : effect.released) {
    for (const auto& [key, job] : jobs_) {
      for (const auto& input : job.inputs) {
        if (input.artifact == artifact) throw Violation("an input of " + name(key) + " is removed");
      }
    }
    world_.model->artifact_removed(index_, artifact);
    artifacts_.erase(artifact);
  }
}

}  // namespace landseer::simulation
