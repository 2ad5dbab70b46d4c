#include "worker/io/disk_keeper.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/check.h"
#include "common/base/units.h"
#include "common/net/clock.h"
#include "common/net/socket.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

/// What others put into a store that is shared is seen by looking only.
constexpr Duration kScanPeriod = std::chrono::minutes(10);

}  // namespace

Result<DiskSpace> read_disk_space(const std::filesystem::path& path) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) return fail_errno("look at the disk of", path.string());
  return DiskSpace{disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize};
}

std::string disk_fitness(const std::vector<std::filesystem::path>& disks, std::uint64_t disk_min,
                         bool was_unfit) {
  for (const auto& path : disks) {
    const auto space = read_disk_space(path);
    if (!space) return "disk gone: " + space.error().to_string();
    if (space->free >= disk_min + (was_unfit ? disk_min / 10 : 0)) continue;
    return "disk full: " + format_bytes(space->free) + " free of " + format_bytes(space->size) +
           ", work needs " + format_bytes(disk_min) + " in " + path.string();
  }
  return {};
}

DiskKeeper::DiskKeeper(const ArtifactStore& store, AttemptFolders folders,
                       std::filesystem::path scratch, DiskLimits limits)
    : store_(store),
      folders_(std::move(folders)),
      disks_{std::move(scratch), store.root()},
      limits_(limits),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      first_fitness_(disk_fitness(disks_, limits.disk_min, false)),
      index_(store),
      unfit_(!first_fitness_.empty()) {
  CHECK(event_fd_.get() >= 0, "the process has file descriptors left for an event");
  if (unfit_) spdlog::warn("{}", first_fitness_);
  thread_ = std::thread([this] { work(); });
}

DiskKeeper::~DiskKeeper() {
  stop_.request();
  thread_.join();
}

void DiskKeeper::remove(const RemoveArtifacts& answer) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(answer);
}

std::vector<DiskKeeper::Event> DiskKeeper::take_events() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  return std::exchange(events_, {});
}

void DiskKeeper::post(Event event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  eventfd_write(event_fd_.get(), 1);
}

void DiskKeeper::work() {
  std::array<net::PollItem, 1> items;
  items[0].fd = stop_.fd();
  while (!stop_.requested()) {
    look();
    net::poll(items, limits_.period);
  }
}

void DiskKeeper::look() {
  watch_disks();
  take_answers();
  const Instant now = net::now().instant;
  const bool waiting = asked_at_ != Instant{} && now - asked_at_ < limits_.answer_max;
  if (waiting || now < resting_until_) return;
  const std::uint64_t bytes = excess();
  if (bytes > 0) ask(bytes);
}

/// Said when it changes, not with every byte.
void DiskKeeper::watch_disks() {
  const std::string fitness = disk_fitness(disks_, limits_.disk_min, unfit_);
  if (fitness.empty() != unfit_) return;
  unfit_ = !fitness.empty();
  if (unfit_) {
    spdlog::warn("{}: this worker takes no work until there is space", fitness);
    (void)folders_.remove_old_checkpoints(std::chrono::hours(1));
  } else {
    spdlog::info("there is space on the disk again");
  }
  post(FitnessChanged{fitness});
}

void DiskKeeper::take_answers() {
  std::vector<RemoveArtifacts> answers;
  {
    const std::lock_guard lock(mutex_);
    answers = std::exchange(answers_, {});
  }
  for (const RemoveArtifacts& answer : answers) {
    asked_at_ = Instant{};
    needed_.insert(answer.kept.begin(), answer.kept.end());
    const std::uint64_t before = index_.bytes();
    if (auto removed = index_.remove(answer.released); !removed) {
      spdlog::warn("cannot remove artifacts: {}", removed.error().to_string());
      resting_until_ = net::now().instant + limits_.rest;
    }
    spdlog::info("{} artifacts were removed to make room, {}", answer.released.size(),
                 format_bytes(before - std::min(before, index_.bytes())));
  }
}

/// The scan is repeated only when there may be too much.
std::uint64_t DiskKeeper::excess() {
  const Instant now = net::now().instant;
  const std::uint64_t added = store_.memory().bytes_added - added_at_scan_;
  const bool due = !scanned_ || now - scanned_at_ > kScanPeriod;
  const bool short_of_space = unfit_;
  if (!due && !short_of_space && index_.bytes() + added <= limits_.artifacts_max) return 0;
  added_at_scan_ += added;
  scanned_at_ = now;
  scanned_ = true;
  if (auto scanned = index_.scan(); !scanned) {
    spdlog::warn("cannot look through the artifact store: {}", scanned.error().to_string());
    resting_until_ = now + limits_.rest;
    return 0;
  }
  const bool full = index_.bytes() > limits_.artifacts_max;
  if (!full && !short_of_space) return 0;
  if (auto removed = index_.remove_loose(); !removed) {
    spdlog::warn("cannot remove from the artifact store: {}", removed.error().to_string());
  }
  const std::uint64_t wanted = limits_.artifacts_max / 10 * 9;
  std::uint64_t bytes = full && index_.bytes() > wanted ? index_.bytes() - wanted : 0;
  const auto space = read_disk_space(store_.root());
  if (short_of_space && space && space->free < 2 * limits_.disk_min) {
    bytes = std::max(bytes, 2 * limits_.disk_min - space->free);
  }
  return bytes;
}

void DiskKeeper::ask(std::uint64_t bytes) {
  std::vector<Digest> candidates = index_.oldest(bytes, protocol::kBatchMax, needed_);
  if (candidates.empty()) {
    if (index_.artifacts() > 0) {
      spdlog::warn("the artifact store has {}, {} too much, and all of it is still needed",
                   format_bytes(index_.bytes()), format_bytes(bytes));
    }
    needed_.clear();
    resting_until_ = net::now().instant + limits_.rest;
    return;
  }
  asked_at_ = net::now().instant;
  post(StoreFull{std::move(candidates)});
}

}  // namespace landseer::worker
