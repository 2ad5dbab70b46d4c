/// The workers the broker knows: what they offer, what they hold, when they were last heard. The
/// only owner of these facts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core/events.h"
#include "broker/core/name_index.h"
#include "broker/core/request_table.h"
#include "broker/core/settings.h"
#include "common/base/time.h"
#include "common/domain/task.h"

namespace landseer::broker {

enum class WorkerState : std::uint8_t {
  kConnected,
  kSilent,  ///< missed heartbeats: gets no new work
  kLost,    ///< its lease is over: what it held was given away
  kLeft,    ///< said goodbye; becomes lost when its lease is over
};
std::string_view to_string(WorkerState state);

struct WorkerRecord {
  WorkerId id{};
  WorkerState state = WorkerState::kConnected;
  PeerId peer{};
  std::uint64_t session = 0;  ///< 0: no conversation
  std::string key;            ///< the name of the only key that it may have; empty: any
  std::string public_key;     ///< of its connection; empty: there are no keys
  protocol::Hello offer;
  std::size_t offer_bytes = 0;
  std::unordered_map<std::string, protocol::ImageOffer> images;  ///< of `offer`, by name
  std::int64_t cpus_free_milli = 0;  ///< may fall below 0 by what is prefetched
  std::int64_t gpus_free_milli = 0;  ///< the sum over `gpus`
  std::int64_t memory_free_bytes = 0;
  std::int64_t scratch_free_bytes = 0;
  std::map<std::string, std::int64_t> named_free;  ///< of what it offers
  domain::GpuPool gpus;
  std::map<protocol::AttemptRef, std::vector<std::uint32_t>> gpus_taken;  ///< that the books have
  std::map<TaskId, protocol::AttemptRef> attempts;                        ///< live ones
  /// What is reserved for those that began for another task, which may have asked for more or less.
  std::map<TaskId, std::uint32_t> inherited;
  std::uint32_t noops = 0;         ///< of those, without resources
  std::uint64_t releases = 0;      ///< so many times something was given back
  std::uint64_t offer_number = 0;  ///< grows when what it could run may be something else
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_fetched = 0;  ///< of artifacts, since the broker was started
  bool leaving = false;             ///< said that it will go
  bool drained = false;             ///< a user wants it to get no new attempts
  bool recalled = false;            ///< drained, and to give back what it has
  bool hears = false;               ///< used the session it was given, so Welcome reached it
  std::uint32_t host_failures = 0;  ///< runtime errors in a row
  std::string host_error;           ///< the last of them
  /// The last CheckContents that it took too long to answer: what it offers may be out of date.
  std::uint64_t unchecked = 0;
  protocol::CheckContents unanswered;  ///< that one
  Instant last_heard;
  Instant fell_silent_at;  ///< while it is silent
  WallTime last_seen;

  bool takes_work() const {
    return state == WorkerState::kConnected && session != 0 && !leaving && !drained &&
           offer.unfit.empty() && host_failures < kHostFailuresMax;
  }
  /// Why it takes no work; `kind` empty: it does.
  struct Refusal {
    std::string_view kind;  ///< `host`, `silent`, `left`, `lost`, `leaving`, `drained`, `unfit`
    std::string text;       ///< as in `w1 gets no work: disk full`
    std::string last{};     ///< what somebody's task met there, which may name what is his alone

    std::string said(bool to_who_sees_all) const { return to_who_sees_all ? text + last : text; }
  };
  Refusal why_refused() const;
  /// What this name stands for here; none: it does not have it, or does not know yet.
  Digest image_content(const std::string& image) const;
  /// The one that a task of this name and variant reads; null: it has none.
  const protocol::DatasetOffer* find_dataset(const std::string& name,
                                             const std::string& variant) const;
  /// The first name that the request's data set lacks; empty: none, as far as the worker says.
  std::string missing_name(const Request& request) const;
  /// The image changed there just now, and nobody knows to what yet.
  bool doubts(const std::string& image) const;
  /// Whether it has the image with this content, or may have; none: with any.
  bool can_run(const std::string& image, const Digest& content) const;
  Digest dataset_content(const std::string& name, const std::string& variant) const;
  /// Whether it could ever run such a task, busy or not.
  bool can_run(const Request& request) const;
  /// Whether its labels are as the rule wants them.
  bool satisfies(const domain::LabelRule& rule) const;
  /// How much of a site-defined resource it offers.
  std::uint64_t offered(const std::string& name) const;
  /// Whether it has room now; `overcommit` more milli-CPUs than it has may be promised.
  bool has_room(const Request& request, std::int64_t overcommit_milli) const;
  /// The request by which this task's live attempt was assigned.
  std::uint32_t request_of(const domain::Task& task) const;
};

class WorkerTable {
 public:
  WorkerRecord& add(std::string uid);
  /// As add(), with the id it had before.
  WorkerRecord& restore(WorkerId id, std::string uid);
  void restore_next_id(std::uint64_t next) { next_id_ = next; }
  std::uint64_t next_id() const { return next_id_; }
  /// Forgets a worker that holds no attempt.
  void forget(WorkerId id);
  /// A worker that is lost or left and holds nothing; none if all may come back. O(workers).
  std::optional<WorkerId> find_gone() const;
  WorkerRecord* find(WorkerId id);
  const WorkerRecord* find(WorkerId id) const;
  WorkerRecord* find_uid(const std::string& uid);
  WorkerRecord* find_name(const std::string& name);
  /// The worker whose conversation runs over this connection, or null.
  WorkerRecord* find_peer(PeerId peer);
  void bind_peer(WorkerRecord& worker, PeerId peer);
  /// Ends the conversation; the worker must say Hello again.
  void unbind_peer(WorkerRecord& worker);

  // --- What is free of each worker; the only ways to change it ---

  /// What the attempt's request asks for is in use.
  void reserve(WorkerRecord& worker, const protocol::AttemptRef& attempt, const Request& request);
  void release(WorkerRecord& worker, const protocol::AttemptRef& attempt, const Request& request);
  /// All of what is offered now is free, but for the worker's attempts: the caller reserves these.
  void reset_room(WorkerRecord& worker);
  /// `offer.images` and `offer.datasets` are what it has: it is found by their names.
  void adopt_names(WorkerRecord& worker);
  /// Those whose last word was that they have an image of this name; connected or not, by id.
  const std::set<WorkerId>& with_image(const std::string& image) const;
  /// The same of a data set, of any variant.
  const std::set<WorkerId>& with_dataset(const std::string& dataset) const;
  /// What of the resources that the broker holds for all workers is free; may fall below 0 when
  /// it was started with less than is in use.
  void set_shared(const std::map<std::string, std::uint64_t>& amounts);
  const std::map<std::string, std::int64_t>& shared_free() const { return shared_free_; }
  bool has_shared(const Request& request) const;
  /// Whose room changed since these were forgotten; when there are too many, all are as changed().
  const std::vector<WorkerId>& room_changes() const { return room_changes_; }
  void forget_room_changes() { room_changes_.clear(); }

  // --- Where each worker stands; the only ways to change `state` ---

  using ByTime = std::set<std::pair<Instant, WorkerId>>;
  /// A sign of life. True if it was not connected before.
  bool heard(WorkerRecord& worker, const Now& now);
  /// A connected worker missed its heartbeats.
  void fell_silent(WorkerRecord& worker, Instant now);
  /// After a start: silent, but it has a whole lease from now to come back.
  void await(WorkerRecord& worker, const Now& now);
  void left(WorkerRecord& worker);
  /// No longer watched.
  void lost(WorkerRecord& worker);
  /// By their last sign of life, the longest silent first.
  const ByTime& connected() const { return connected_; }
  const ByTime& silent() const { return silent_; }
  const ByTime& gone() const { return left_; }
  /// Of the silent workers, how many fell silent after `from`. Never asked with an earlier one.
  std::size_t silent_since(Instant from);

  const std::map<WorkerId, WorkerRecord>& all() const { return workers_; }
  std::size_t size() const { return workers_.size(); }
  /// What workers offer is bounded for all together. `worker` null: for a new one.
  bool has_room_for_offer(const WorkerRecord* worker, std::size_t bytes, std::size_t max) const;
  void set_offer_bytes(WorkerRecord& worker, std::size_t bytes);
  /// Grows when a worker comes, goes or changes what it offers.
  std::uint64_t generation() const { return generation_; }
  void changed() { ++generation_; }

 private:
  std::map<WorkerId, WorkerRecord> workers_;
  std::size_t offers_bytes_ = 0;
  std::unordered_map<std::string, WorkerId> by_uid_;
  std::map<PeerId, WorkerId> by_peer_;
  void stop_watching(const WorkerRecord& worker);
  void note_room(const WorkerRecord& worker);
  void change_room(WorkerRecord& worker, const Request& request, int sign);

  ByTime connected_;
  ByTime silent_;
  ByTime left_;
  ByTime falls_;  // of silent workers, by when they fell silent; only recent ones
  std::vector<WorkerId> room_changes_;
  std::map<std::string, std::int64_t> shared_free_;
  NameIndex by_image_;
  NameIndex by_dataset_;
  std::uint64_t next_id_ = 1;
  std::uint64_t generation_ = 1;
};

}  // namespace landseer::broker
