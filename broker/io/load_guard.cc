#include "broker/io/load_guard.h"

#include <fcntl.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>

#include "common/net/clock.h"

namespace landseer::broker {
namespace {

constexpr Duration kLook = std::chrono::seconds(1);
/// Between two attempts to give memory back; and so many times as long as one takes.
constexpr Duration kTrim = std::chrono::seconds(3);
constexpr int kTrimRest = 50;
/// What a connection may hold when the memory is full: what one message may be, or none.
constexpr std::uint64_t kHeldMax = 4 * 1024 * 1024;
constexpr std::uint64_t kHeldMaxLate = 64 * 1024;
/// From here on the second of the two counts.
constexpr double kLate = 1.25;

std::uint64_t page_bytes() { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

/// Of version 2, as `/system.slice/landseer-broker.service`; empty if nobody can say.
std::string own_cgroup() {
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

}  // namespace

std::uint64_t cgroup_memory_limit(const std::string& root, const std::string& path) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (std::string at = path; !at.empty(); at.resize(at.rfind('/'))) {
    std::uint64_t limit = 0;
    std::ifstream file(root + at + "/memory.max");
    if (file >> limit) least = std::min(least, limit);  // else it says `max`
  }
  return least;
}

std::uint64_t default_memory_limit() {
  const std::uint64_t machine = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_bytes();
  return std::min(machine, cgroup_memory_limit("/sys/fs/cgroup", own_cgroup())) / 4 * 3;
}

LoadGuard::LoadGuard(std::uint64_t memory_limit)
    : memory_limit_(memory_limit), statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

std::uint64_t LoadGuard::resident() const {
  std::array<char, 128> text{};
  unsigned long size = 0;
  unsigned long pages = 0;
  if (pread(statm_.get(), text.data(), text.size() - 1, 0) <= 0 ||
      std::sscanf(text.data(), "%lu %lu", &size, &pages) != 2) {
    return 0;
  }
  return pages * page_bytes();
}

Duration LoadGuard::until_next(Instant now) const {
  return std::max<Duration>(next_look_ - now, Duration::zero());
}

void LoadGuard::look(Instant now, net::Connections* first, net::Connections* second) {
  if (now < next_look_) return;
  next_look_ = now + kLook;
  used_ = resident();
  files_ = net::files_in_use();
  if (memory_is_short() && now >= next_trim_) {
    const Instant began = net::now().instant;
    malloc_trim(0);  // what was freed counts until it is given back
    const Instant ended = net::now().instant;
    next_trim_ = ended + std::max<Duration>(kTrim, kTrimRest * (ended - began));
    used_ = resident();
  }
  tell();
  for (net::Connections* const connections : {first, second}) {
    if (connections == nullptr) continue;
    connections->end_due(now);
    relieve(*connections);
  }
}

void LoadGuard::relieve(net::Connections& connections) {
  if (files_ > kFilesMany) {
    const std::size_t ended = connections.end_silent();
    if (ended > 0) spdlog::debug("ended {} connections that said nothing", ended);
    files_ = net::files_in_use();  // libzmq's thread may not have closed all of them yet
  }
  if (used_ <= memory_limit_) return;
  const bool late = static_cast<double>(used_) > kLate * static_cast<double>(memory_limit_);
  const std::size_t ended = connections.end_holders(late ? kHeldMaxLate : kHeldMax);
  if (ended == 0) return;
  spdlog::warn("memory is full: ended {} connections that held much of it", ended);
  next_trim_ = {};
}

/// When it becomes another quarter, and not each second.
void LoadGuard::tell() {
  const std::uint64_t quarter = std::max<std::uint64_t>(memory_limit_ / 4, 1);
  const int now = static_cast<int>(std::clamp<std::uint64_t>(used_ / quarter, 2, 8)) - 2;
  if (now > told_) {
    spdlog::warn("{} MiB of memory are used, {} are allowed: no new submissions", used_ >> 20,
                 memory_limit_ >> 20);
  } else if (now == 0 && told_ > 0) {
    spdlog::info("{} MiB of memory are used: submissions are taken again", used_ >> 20);
  }
  if (now > told_ || now == 0) told_ = now;
}

}  // namespace landseer::broker
