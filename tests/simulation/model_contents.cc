// The reference for what images stand for, and for which artifacts are kept.
#include <algorithm>
#include <set>

#include "tests/simulation/broker_host.h"
#include "tests/simulation/model.h"

namespace landseer::simulation {

using domain::TaskStatus;

void Model::offered(const std::string& uid, const std::vector<protocol::ImageOffer>& images,
                    const std::vector<protocol::DatasetOffer>& datasets) {
  offers_[uid].clear();
  for (const protocol::ImageOffer& offer : images) offers_[uid][offer.image] = offer.content;
  for (const auto& dataset : datasets) offers_[uid][""] = dataset.content;
  new_offers_.emplace_back(uid, offers_[uid]);
}

Contents Model::pick(const std::map<std::string, Digest>& from, const TaskModel& task) const {
  if (is_noop(task)) return {};
  const auto find = [&](const std::string& name) {
    const auto known = from.find(name);
    return known != from.end() ? known->second : Digest{};
  };
  const std::string image = world_.workload.image_of(task.place);
  return {image.empty() ? Digest{} : find(image), find("")};
}

Contents Model::bound(const TaskModel& task) const {
  return pick(pipelines_[task.pipeline].contents, task);
}

Contents Model::offered(std::size_t worker, const TaskModel& task) const {
  const auto offer = offers_.find(uids_[worker]);
  return offer != offers_.end() ? pick(offer->second, task) : Contents{};
}

/// What an unbound image means is open then, and nothing of before is taken for it.
bool Model::workers_differ(const TaskModel& task) const {
  std::set<Digest> contents;
  for (const auto& [uid, offers] : offers_) contents.insert(pick(offers, task).image);
  contents.erase(Digest{});
  return contents.size() > 1;
}

/// Somebody may have edited a tool whose image is not known.
bool Model::knows_image(const TaskModel& task, const Digest& content) const {
  return world_.workload.image_of(task.place).empty() || !content.empty();
}

/// Neither is bound to what the other is not.
bool Model::agree(const TaskModel& a, const TaskModel& b) const {
  const auto fits = [](const Digest& first, const Digest& second) {
    return first.empty() || second.empty() || first == second;
  };
  return fits(bound(a).image, bound(b).image) && fits(bound(a).dataset, bound(b).dataset);
}

/// An image may come to the worker still; its data set must be there, and known.
void Model::check_worker(const TaskModel& task, std::size_t worker, const std::string& who) const {
  const Contents there = offered(worker, task);
  const Contents wanted = bound(task);
  const bool is_other =
      !there.image.empty() && !wanted.image.empty() && there.image != wanted.image;
  if (is_other || there.dataset != wanted.dataset) {
    throw Violation(who + " is assigned to a host where its image or data set is another");
  }
}

/// A result counts only if it was made with what the pipeline is bound to.
void Model::check_made_with(const TaskModel& owner, const AttemptModel& process,
                            const protocol::AttemptResult& result) const {
  if (is_noop(owner)) return;
  const Contents said{result.image_content, result.dataset_content};
  if (said != process.used) {
    throw Violation(name(process.key) + " says that it was made with other contents than it was");
  }
  if (said != bound(owner)) {
    throw Violation(to_string(id_of(owner)) +
                    " has a result that was made with another image, or " +
                    "from another data set");
  }
}

void Model::said_release(std::size_t records, const std::vector<Digest>& artifacts) {
  for (const Digest& artifact : artifacts) releases_.emplace_back(records, artifact);
  world_.kernel.counters.released += artifacts.size();
}

/// What was given up must not have been needed, at that place among the turn's records.
void Model::judge_releases() {
  std::erase_if(releases_, [&](const auto& release) {
    if (release.first > turn_records_) return false;
    if (is_needed(release.second)) {
      throw Violation("an artifact that is needed is given up: " +
                      release.second.hex().substr(0, 12));
    }
    return true;
  });
}

/// A live pipeline has a task that will read it, or it is the end of one of its workflows, or a
/// task goes on from it.
bool Model::is_needed(const Digest& artifact) {
  return std::any_of(tasks_.begin(), tasks_.end(), [&](const TaskModel& made) {
    if (pipelines_[made.pipeline].open == 0) return false;
    if (made.checkpoint == artifact && !domain::is_terminal(made.status)) return true;
    if (made.artifact != artifact) return false;
    const PlannedSubmission& planned = world_.workload.at(made.place.submission);
    if (planned.dependents[made.place.index].empty()) return true;
    for (std::uint32_t i = made.place.index; i < planned.ancestors.size(); ++i) {
      const auto& above = planned.ancestors[i];
      const bool reads = std::binary_search(above.begin(), above.end(), made.place.index);
      if (reads && !domain::is_terminal(neighbour(made, i).status)) return true;
    }
    return !domain::is_terminal(made.status);
  });
}

/// The broker does not count on it. Answers have no number, so that one that comes twice may answer
/// another question.
void Model::artifact_removed(std::uint32_t host, const Digest& artifact) {
  if (world_.plan.repeats() || !world_.broker->runs() || !is_needed(artifact)) return;
  // With another disk it is another worker.
  const auto last = std::find(hosts_.rbegin(), hosts_.rend(), host);
  const WorkerId worker{static_cast<std::uint64_t>(hosts_.rend() - last)};
  for (const WorkerId holder : world_.broker->core().state().artifacts.holders(artifact)) {
    if (holder != worker) continue;
    throw Violation("host " + std::to_string(host) +
                    " removes an artifact that is needed and that the broker counts on: " +
                    artifact.hex().substr(0, 12));
  }
}

}  // namespace landseer::simulation
