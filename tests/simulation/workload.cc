#include "tests/simulation/workload.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/domain/types.h"
#include "common/protocol/codec.h"

namespace landseer::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kDepthMax = 7;
constexpr std::uint32_t kTools = 5;
constexpr std::uint32_t kNoopTool = kTools;
/// Of one that repeats another: most of it costs no time.
constexpr std::size_t kCopiedTasksMax = 150;

std::string config_of(TaskPlace work) {
  return "{\"task\":\"" + std::to_string(work.submission) + "." + std::to_string(work.index) +
         "\"}";
}

std::vector<protocol::OptionsEntry> make_options(const Plan& plan, Random& random) {
  std::vector<protocol::OptionsEntry> options;
  const std::int64_t count = random.between(1, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    protocol::OptionsEntry entry;
    entry.cpus_milli = random.chance(0.7) ? 1000 : 500;
    if (plan.cpus > 1 && random.chance(0.2)) entry.cpus_milli = 2000;
    if (plan.gpus > 0 && random.chance(0.4)) entry.gpus_milli = random.chance(0.5) ? 1000 : 500;
    entry.retries = static_cast<std::uint32_t>(random.below(plan.retries_max + 1));
    entry.timeout_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(plan.timeout).count());
    if (i == 1 && plan.seed % 3 == 0) entry.named = {{"licence", 1}};
    if (i == 2 && plan.seed % 2 == 0) entry.scratch_bytes = 60;
    // The first host has it; but it may not have what the names stand for.
    if (i == 3 && !plan.reuse.tags_move) entry.labels = {{"zone", 1, {"a"}}};
    if (plan.seed % 4 == 0) entry.time_estimate_ms = 1 + entry.timeout_ms / 4;
    options.push_back(std::move(entry));
  }
  return options;
}

}  // namespace

Workload::Workload(const Plan& plan) : plan_(plan) {
  Random random(mix(plan.seed, 0x10AD));
  submissions_.resize(plan.submissions);
  std::uint32_t left = plan.tasks;
  for (std::uint32_t i = 0; i < plan.submissions; ++i) {
    const std::uint32_t tasks = left / (plan.submissions - i);
    make_submission(i, tasks, random);
    left -= tasks;
  }
  Random copying(mix(plan.seed, 0xC0B2));
  for (std::uint32_t i = 0; i < plan.reuse.copies; ++i) {
    submissions_.emplace_back();
    make_copy(plan.submissions + i, copying);
  }
  Random stopping(mix(plan.seed, 0xC0B4));
  for (PlannedSubmission& made : submissions_) {
    make_rules(made.content, stopping);
    made.content.use_cache = !copying.chance(plan.reuse.alone);
    made.body = protocol::encode_submission(made.content);
    tasks_ += static_cast<std::uint32_t>(made.content.tasks.size());
  }
}

/// Copies have rules of their own.
void Workload::make_rules(protocol::Submission& content, Random& random) const {
  content.stop_after = 0;
  content.stop_when.clear();
  if (random.chance(plan_.control.stop_after)) {
    content.stop_after = 1 + random.below(content.workflows.size());
  }
  if (!random.chance(plan_.control.stop_when)) return;
  content.stop_when.push_back("score < " + std::to_string(random.uniform(0, 0.6)));
  if (random.chance(0.3)) content.stop_when.push_back("other > 0.8 or tool1.score > 0.9");
  if (random.chance(0.3)) content.stop_when.push_back("score > 0.4 and other > 0.4");
}

/// Numbers have two digits: what is written and read again is the same.
std::string Workload::metrics(TaskPlace work) const {
  const TaskFate& task = fate(work);
  if (submissions_[work.submission].content.tasks[work.index].type != 5 || task.noop) return {};
  Random random(mix(plan_.seed, 0x5C0E, work.submission, work.index));
  const auto number = [&] { return "0." + std::to_string(10 + random.below(90)); };
  if (random.chance(plan_.control.mute)) {
    return random.chance(0.5) ? std::string() : "{\"other\":" + number() + "}";
  }
  std::string text = "{\"score\":" + number();
  if (random.chance(0.3)) text += ",\"other\":" + number();
  return text + "}";
}

void Workload::make_submission(std::uint32_t number, std::uint32_t tasks, Random& random) {
  PlannedSubmission& made = submissions_[number];
  protocol::Submission& content = made.content;
  content.submission_id = "s" + std::to_string(plan_.seed) + "-" + std::to_string(number);
  content.name = "p" + std::to_string(number);
  content.policy = random.chance(0.8) ? "landseer" : "depth";
  if (plan_.priorities) content.priority = random.between(-2, 2);
  if (plan_.models) {
    content.model_name = "model.py";
    content.model_script = "script of " + content.submission_id;
  }
  const bool has_image = plan_.reuse.copies == 0 || plan_.reuse.has_images;
  const std::string image = has_image ? "image" : "";
  for (std::uint32_t i = 0; i < kTools; ++i) {
    const bool is_other = plan_.reuse.tags_move && has_image && i >= 3;
    content.tools.push_back(
        {"tool" + std::to_string(i), is_other ? "other" : image, "run", {}, false});
  }
  content.tools.push_back({"nothing", image, "", "noop", false});
  if (plan_.reuse.has_dataset) content.dataset_name = "data";
  content.options = make_options(plan_, random);
  make_tasks(made, number, tasks, random);
  make_workflows(made);
  for (std::uint32_t i = 0; i < tasks; ++i) {
    made.fates.push_back(make_fate(content, i, random));
  }
}

/// An earlier one again, or its beginning; with other options, or partly other work.
void Workload::make_copy(std::uint32_t number, Random& random) {
  const PlannedSubmission& source = submissions_[random.below(number)];
  PlannedSubmission& made = submissions_[number];
  protocol::Submission& content = made.content;
  content = source.content;
  content.submission_id = "s" + std::to_string(plan_.seed) + "-" + std::to_string(number);
  content.name = "p" + std::to_string(number);
  if (plan_.priorities) content.priority = random.between(-2, 2);
  if (random.chance(0.3)) content.options = make_options(plan_, random);
  copy_tasks(made, number, source, random);
  make_workflows(made);
}

/// Other work has other work below it.
void Workload::copy_tasks(PlannedSubmission& made, std::uint32_t number,
                          const PlannedSubmission& source, Random& random) {
  protocol::Submission& content = made.content;
  std::size_t count = std::min(source.content.tasks.size(), kCopiedTasksMax);
  if (random.chance(0.5)) count = 1 + random.below(count);
  content.configs.clear();
  content.tasks.clear();
  content.workflows.clear();
  made.dependents.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    protocol::TaskEntry entry = source.content.tasks[i];
    entry.options %= static_cast<std::uint32_t>(content.options.size());
    bool is_other = random.chance(plan_.reuse.changed);
    for (const std::uint32_t parent : entry.dependencies) {
      is_other = is_other || made.works[parent] == TaskPlace{number, parent};
      made.dependents[parent].push_back(i);
    }
    made.works.push_back(is_other ? TaskPlace{number, i} : source.works[i]);
    made.ancestors.push_back(source.ancestors[i]);
    content.configs.push_back(config_of(made.works.back()));
    content.tasks.push_back(std::move(entry));
    made.fates.push_back(is_other ? make_fate(content, i, random) : source.fates[i]);
  }
}

/// A forest: each task hangs below an earlier one, most of them near the end or all over, and some
/// hang below two.
void Workload::make_tasks(PlannedSubmission& made, std::uint32_t number, std::uint32_t tasks,
                          Random& random) {
  protocol::Submission& content = made.content;
  std::vector<std::uint32_t> depth(tasks, 0);
  made.ancestors.resize(tasks);
  made.dependents.resize(tasks);
  for (std::uint32_t i = 0; i < tasks; ++i) {
    protocol::TaskEntry entry;
    entry.tool =
        random.chance(plan_.noops) ? kNoopTool : static_cast<std::uint32_t>(random.below(kTools));
    entry.options = static_cast<std::uint32_t>(random.below(content.options.size()));
    entry.config = i;
    made.works.push_back({number, i});
    content.configs.push_back(config_of(made.works.back()));
    const auto depend_on = [&](std::uint32_t parent) {
      if (depth[parent] + 1 >= kDepthMax || content.tasks[parent].type == 5) return;
      if (std::count(entry.dependencies.begin(), entry.dependencies.end(), parent) > 0) return;
      entry.dependencies.push_back(parent);
      depth[i] = std::max(depth[i], depth[parent] + 1);
      auto& above = made.ancestors[i];
      above.push_back(parent);
      above.insert(above.end(), made.ancestors[parent].begin(), made.ancestors[parent].end());
    };
    if (i > 0 && !random.chance(0.05)) {
      const bool near = random.chance(plan_.sharing);
      depend_on(near ? i - 1 - static_cast<std::uint32_t>(random.below(std::min(i, 3u)))
                     : static_cast<std::uint32_t>(random.below(i)));
    }
    if (i > 1 && random.chance(plan_.diamonds)) {
      depend_on(static_cast<std::uint32_t>(random.below(i)));
    }
    auto& above = made.ancestors[i];
    std::sort(above.begin(), above.end());
    above.erase(std::unique(above.begin(), above.end()), above.end());
    const bool evaluates = !entry.dependencies.empty() && random.chance(plan_.evaluations);
    entry.type = evaluates ? 5 : static_cast<std::uint8_t>(1 + std::min(depth[i], 3u));
    for (const std::uint32_t parent : entry.dependencies) made.dependents[parent].push_back(i);
    content.tasks.push_back(std::move(entry));
  }
}

/// One for each task that nothing depends on: it, and all above it.
void Workload::make_workflows(PlannedSubmission& made) {
  for (std::uint32_t i = 0; i < made.content.tasks.size(); ++i) {
    if (!made.dependents[i].empty()) continue;
    std::vector<std::uint32_t> members = made.ancestors[i];
    members.push_back(i);
    made.content.workflows.push_back({"comb_" + std::to_string(i), std::move(members)});
  }
}

TaskFate Workload::make_fate(const protocol::Submission& content, std::uint32_t index,
                             Random& random) const {
  TaskFate fate;
  const protocol::TaskEntry& entry = content.tasks[index];
  fate.noop = entry.tool == kNoopTool;
  if (fate.noop) return fate;
  const std::uint32_t retries = content.options[entry.options].retries;
  fate.leaves_nothing = random.chance(plan_.tools.empty);
  if (random.chance(plan_.tools.bad)) {
    fate.temper = Temper::kBad;
  } else if (retries > 0 && random.chance(plan_.tools.flaky)) {
    fate.temper = Temper::kFlaky;
    fate.failing_attempts = static_cast<std::uint32_t>(1 + random.below(retries));
  }
  fate.unfit_output = random.chance(plan_.tools.unfit);
  fate.unmet_requirement = entry.type == 5 && random.chance(plan_.tools.unmet);
  return fate;
}

const protocol::OptionsEntry& Workload::options(TaskPlace place) const {
  const protocol::Submission& content = submissions_[place.submission].content;
  return content.options[content.tasks[place.index].options];
}

RunFate Workload::run_fate(TaskPlace work, std::uint32_t attempt) const {
  Random random(mix(plan_.seed, 0xFA7E, work.submission, work.index, attempt));
  const TaskFate& task = fate(work);
  RunFate run;
  const bool fails = task.temper == Temper::kBad ||
                     (task.temper == Temper::kFlaky && attempt <= task.failing_attempts);
  if (fails) {
    run.end = random.chance(plan_.tools.hang) ? RunEnd::kHang
              : random.chance(0.5)            ? RunEnd::kExitCode
                                              : RunEnd::kSignal;
  }
  // Below its time limit on the slowest clock.
  run.length = std::min(random.exponential(plan_.run_mean) + 1ms, plan_.timeout / 10 * 9);
  run.stubborn = random.chance(plan_.tools.stubborn);
  run.last_words = random.uniform(1ms, plan_.grace());
  if (random.chance(plan_.tools.leftovers)) run.leftovers = random.uniform(1ms, 100ms);
  return run;
}

Digest Workload::artifact(TaskPlace work, const protocol::AttemptRef& attempt) const {
  if (fate(work).leaves_nothing) return {};
  Random random(mix(plan_.seed, 0x4E9E, work.submission, work.index));
  const bool repeats = random.chance(plan_.reuse.repeatable);
  const protocol::AttemptRef made_by = repeats ? protocol::AttemptRef{} : attempt;
  Digest digest;
  const std::uint64_t words[4] = {made_by.epoch + 1, number(made_by.task), made_by.attempt,
                                  mix(plan_.seed, work.submission, work.index)};
  std::memcpy(digest.bytes.data(), words, sizeof words);
  // What the hash table takes as its key should differ between tasks.
  digest.bytes[1] = static_cast<std::uint8_t>(work.index);
  digest.bytes[2] = static_cast<std::uint8_t>(made_by.attempt);
  return digest;
}

Digest Workload::content(const std::string& name, std::uint32_t version) {
  return version == 0 ? Digest{} : sha256(name + std::to_string(version));
}

std::string Workload::image_of(TaskPlace place) const {
  const protocol::Submission& content = submissions_[place.submission].content;
  const protocol::ToolEntry& tool = content.tools[content.tasks[place.index].tool];
  return tool.runtime ? std::string() : tool.image;
}

TaskPlace Workload::work_of(std::string_view config) {
  // {"task":"2.17"}
  TaskPlace place;
  const char* const end = config.data() + config.size();
  const auto first = std::from_chars(config.data() + std::min<std::size_t>(9, config.size()), end,
                                     place.submission);
  if (first.ptr < end) std::from_chars(first.ptr + 1, end, place.index);
  return place;
}

}  // namespace landseer::simulation
