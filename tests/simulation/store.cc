#include "tests/simulation/store.h"

#include "broker/core/groups.h"
#include "tests/simulation/model.h"

namespace landseer::simulation {

void Store::append(std::vector<broker::Record>& records, std::uint64_t fingerprint) {
  for (broker::Record& record : records) appended_.push_back(std::move(record));
  records.clear();
  appended_fingerprint_ = fingerprint;
}

bool Store::wants_snapshot(bool active) const {
  const std::size_t every = world_.plan.snapshot_records;
  return every > 0 && !active && synced_.size() >= newest_.position + every;
}

void Store::begin_snapshot() {
  open_ = Snapshot{};
  open_.position = synced_.size();
}

void Store::add_part(std::string part, bool last) {
  appended_parts_.push_back(std::move(part));
  last_part_appended_ = last;
}

void Store::sync() {
  for (broker::Record& record : appended_) {
    if (world_.kernel.tracing()) {
      world_.kernel.say("durable: record " + std::to_string(record.index() + 1));
    }
    world_.model->durable(record);
    if (world_.kernel.random.chance(world_.plan.network.encoded)) {
      const auto copy = broker::decode_record(broker::encode_record(record));
      if (!copy || *copy != record) throw Violation("codec: a record does not come back as it was");
    }
    synced_.push_back(std::move(record));
  }
  appended_.clear();
  synced_fingerprint_ = appended_fingerprint_;
  for (std::string& part : appended_parts_) open_.parts.push_back(std::move(part));
  appended_parts_.clear();
  if (!last_part_appended_) return;
  last_part_appended_ = false;
  newest_ = std::move(open_);
  newest_.complete = true;
  open_ = Snapshot{};
  ++world_.kernel.counters.snapshots;
}

void Store::crash() {
  appended_.clear();
  appended_fingerprint_ = synced_fingerprint_;
  appended_parts_.clear();
  last_part_appended_ = false;
  open_ = Snapshot{};
}

void Store::load(broker::Broker& core, const Now& now) const {
  for (std::string_view part : newest_.parts) {
    for (std::string_view entry; !part.empty();) {
      if (!broker::take_entry(part, entry)) throw Violation("snapshot: a part is cut off");
      auto item = broker::decode_item(entry);
      if (!item) throw Violation("snapshot: " + item.error().message);
      if (auto* pipeline = std::get_if<broker::PipelineItem>(&*item)) {
        for (const broker::Record& record : synced_) {
          const auto* added = std::get_if<broker::PipelineAdded>(&record);
          if (added != nullptr && added->pipeline == pipeline->pipeline) {
            pipeline->body = added->body;
          }
        }
      }
      if (auto good = core.load(*item, now); !good) {
        throw Violation("snapshot: " + good.error().message);
      }
    }
  }
  if (auto good = core.end_load(now); !good) throw Violation("snapshot: " + good.error().message);
}

void Store::recover(broker::Broker& core, const Now& now, bool from_snapshot) const {
  std::size_t position = 0;
  if (from_snapshot && newest_.complete) {
    load(core, now);
    position = newest_.position;
  }
  for (; position < synced_.size(); ++position) {
    if (auto good = core.replay(synced_[position], now); !good) {
      throw Violation("replay: " + good.error().message);
    }
  }
  if (core.fingerprint() != synced_fingerprint_) {
    throw Violation("what was replayed has another fingerprint than what was there");
  }
}

}  // namespace landseer::simulation
