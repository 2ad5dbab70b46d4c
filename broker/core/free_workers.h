/// Workers that take work, in the order in which placement prefers them, and what changed about
/// them: so that a pass looks at few of them. Belongs to placement, which keeps it up to date.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "broker/core/worker_table.h"

namespace landseer::broker {

class FreeWorkers {
 public:
  /// A worker as it was at the last sync().
  struct Slot {
    WorkerRecord* worker = nullptr;
    WorkerId id{};
    bool listed = false;  ///< takes work
    std::uint64_t offer = 0;
    std::int64_t cpus_milli = 0;
    std::int64_t gpus_milli = 0;
    std::uint32_t noops = 0;
    std::uint64_t grade = 0;     // domain::GpuPool::grade()
    std::uint64_t releases = 0;  // WorkerRecord::releases
    std::string store_id;
    std::vector<std::uint8_t> verdicts;  ///< by request: 0 unknown, 1 can run it, 2 cannot
  };
  /// Those without GPUs first, then those with small ones, so that large ones stay free; then those
  /// with few GPUs free, so that tasks that want many find them on one host; then the most free
  /// CPUs, so that hosts are used evenly; then the lowest id.
  struct Entry {
    std::uint64_t grade = 0;
    std::int64_t gpus_milli = 0;
    std::int64_t used = 0;  // minus what is free
    WorkerId id{};
    Slot* slot = nullptr;
    bool operator<(const Entry& other) const {
      return std::tie(grade, gpus_milli, used, id) <
             std::tie(other.grade, other.gpus_milli, other.used, other.id);
    }
  };
  using Order = std::set<Entry>;

  /// Costs what changed since the last time; after a worker came, went or changed what it offers,
  /// a look at each.
  void sync(WorkerTable& workers);

  const Order& all() const { return all_; }
  /// Those that share a store, or null.
  const Order* with_store(const std::string& store_id) const;
  /// None: unknown, or takes no work.
  std::optional<Entry> find(WorkerId id);
  /// Whether it could ever run such a task, busy or not.
  static bool can_run(Slot& slot, std::uint32_t request, const RequestTable& requests);

  /// Whether can_run() only looks it up.
  static bool knows(const Slot& slot, std::uint32_t request) {
    return request < slot.verdicts.size() && slot.verdicts[request] != 0;
  }

  // --- Who has more room than before ---

  /// As if it had got more: it was kept for somebody and is no longer.
  void note_gain(WorkerId id) { gained_.push_back(id); }

  /// So many times a worker got more room, or came.
  std::uint64_t gains() const { return first_gain_ + gained_.size(); }
  /// False: that is too long ago to say who it was since.
  bool remembers(std::uint64_t since) const { return since >= first_gain_; }
  /// Those that did since gains() was `since`, each once, in the order of all(). Good until the
  /// next sync().
  const std::vector<Entry>& gained_since(std::uint64_t since);

 private:
  void refresh(WorkerRecord& worker);
  void list(Slot& slot, bool in);
  static Entry entry_of(Slot& slot);

  std::unordered_map<WorkerId, Slot> slots_;
  Order all_;
  std::unordered_map<std::string, Order> by_store_;
  std::vector<WorkerId> gained_;  // those after the first `first_gain_`
  std::uint64_t first_gain_ = 0;
  std::uint64_t generation_ = 0;
  std::vector<Entry> found_;  // reused
};

}  // namespace landseer::broker
