/// Everything that passes between a worker and the broker. docs/protocol.md, "Worker messages".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/added.h"
#include "common/protocol/attempt.h"
#include "common/protocol/bytes.h"
#include "common/protocol/content_check.h"
#include "common/protocol/limits.h"
#include "common/protocol/resources.h"
#include "common/protocol/version.h"

namespace landseer::protocol {

struct GpuOffer {
  std::uint32_t index = 0;
  std::string model;
  std::uint64_t memory_bytes = 0;
  std::string uuid{};   ///< its name for ever; empty: not known
  std::string fault{};  ///< why nothing may run on it; empty: it is well
  bool operator==(const GpuOffer&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("index", m.index);
    visit("model", m.model);
    visit("memory_bytes", m.memory_bytes);
    visit("uuid", added(m.uuid));
    visit("fault", added(m.fault));
  }
};

struct DatasetOffer {
  std::string name;
  std::string variant;  ///< empty: every variant
  Digest content{};     ///< of its list of files; none: not known yet, so nothing is placed by it
  /// What is in its folder, folders with a `/` behind; empty: not said.
  std::vector<std::string> names{};
  bool operator==(const DatasetOffer&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("name", m.name);
    visit("variant", m.variant);
    visit("content", added(m.content));
    visit("names", added(at_most(kRefusedInWords * kDatasetNamesMax, m.names)));
  }
};

/// An image that is on the worker's disk.
struct ImageOffer {
  std::string image;  ///< as tools name it
  Digest content;     ///< what the name stands for here; none: something happened to it just now
  std::vector<Digest> kept{};  ///< what it stood for before and can still be run
  bool operator==(const ImageOffer&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("image", m.image);
    visit("content", m.content);
    visit("kept", added(at_most(kRefusedInWords * kImageVersionsMax, m.kept)));
  }
};

/// First message of a worker, and the answer to Rehello.
struct Hello {
  std::uint32_t protocol_min = kProtocolMin;
  std::uint32_t protocol_max = kProtocolMax;
  std::string program_version;
  std::string uid;  ///< lives in the scratch folder: the worker's identity
  std::string name;
  std::uint64_t instance = 0;  ///< new for every process
  std::uint32_t cpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<GpuOffer> gpus;
  std::map<std::string, std::string> labels;
  std::vector<std::string> runtimes;  ///< the default one first
  std::vector<DatasetOffer> datasets;
  std::string data_address;      ///< where other workers fetch artifacts
  std::vector<AttemptRef> held;  ///< attempts it still has, or their results
  std::uint64_t number = 0;      ///< of this Hello: comes back in Welcome
  std::string boot_id;           ///< of its host: another one means that it was restarted
  std::vector<ImageOffer> images;
  std::string store_id;  ///< of an artifact store on a common file system; empty: its own
  std::string unfit;     ///< why it must get no work now, in words; empty: it may
  std::uint64_t scratch_bytes = 0;  ///< that attempts may fill
  std::vector<NamedAmount> named;   ///< resources of the site, each name once
  std::uint32_t tasks_max = 0;      ///< attempts at a time; 0: as many as there is room for
  std::string fetch_secret;  ///< signs passes for its data port; empty: none are wanted there
  bool operator==(const Hello&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("protocol_min", m.protocol_min);
    visit("protocol_max", m.protocol_max);
    visit("program_version", m.program_version);
    visit("uid", m.uid);
    visit("name", m.name);
    visit("instance", m.instance);
    visit("cpus_milli", m.cpus_milli);
    visit("memory_bytes", m.memory_bytes);
    visit("gpus", at_most(kRefusedInWords * kGpusMax, m.gpus));
    visit("labels", m.labels);
    visit("runtimes", at_most(kRefusedInWords * kRuntimesMax, m.runtimes));
    visit("datasets", at_most(kRefusedInWords * kDatasetsMax, m.datasets));
    visit("data_address", m.data_address);
    visit("held", at_most(kRequestItemsMax, m.held));
    visit("number", m.number);
    visit("boot_id", added(m.boot_id));
    visit("images", added(at_most(kRefusedInWords * kImagesMax, m.images)));
    visit("store_id", added(m.store_id));
    visit("unfit", added(m.unfit));
    visit("scratch_bytes", added(m.scratch_bytes));
    visit("named", added(at_most(kRefusedInWords * kNamedOffersMax, m.named)));
    visit("tasks_max", added(m.tasks_max));
    visit("fetch_secret", added(as_bytes(m.fetch_secret)));
  }
};

/// The broker's verdict on a held attempt: go on, or stop it and forget it.
struct Verdict {
  AttemptRef attempt;
  bool keep = false;
  bool operator==(const Verdict&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempt", m.attempt);
    visit("keep", m.keep);
  }
};

struct Welcome {
  std::uint32_t protocol = 0;
  std::uint64_t epoch = 0;  ///< grows with every start of the broker
  WorkerId worker{};
  std::uint64_t session = 0;  ///< in every later message of this conversation
  std::uint32_t heartbeat_ms = 0;
  std::uint32_t lease_ms = 0;
  std::string bulk_address;
  std::vector<Verdict> verdicts;
  std::uint64_t hello = 0;  ///< the Hello it answers; the lease counts from when that was sent
  bool operator==(const Welcome&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("protocol", m.protocol);
    visit("epoch", m.epoch);
    visit("worker", m.worker);
    visit("session", m.session);
    visit("heartbeat_ms", m.heartbeat_ms);
    visit("lease_ms", m.lease_ms);
    visit("bulk_address", m.bulk_address);
    visit("verdicts", m.verdicts);
    visit("hello", m.hello);
  }
};

/// "I do not know this conversation; say Hello."
struct Rehello {
  bool operator==(const Rehello&) const = default;
  template <class Self, class Visit>
  static void fields(Self&, Visit&&) {}
};

/// The broker will not work with this worker. It must not retry before something is changed.
struct Refused {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;
  bool operator==(const Refused&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("code", m.code);
    visit("message", m.message);
    visit("hint", m.hint);
  }
};

/// `number` comes back in the reply; the lease counts from when the number was sent.
struct Heartbeat {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
  bool operator==(const Heartbeat&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("number", m.number);
  }
};

struct HeartbeatReply {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
  bool operator==(const HeartbeatReply&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("number", m.number);
  }
};

struct Assign {
  std::uint64_t session = 0;
  std::uint64_t epoch = 0;
  std::vector<WorkSpec> specs;
  std::vector<Assignment> attempts;
  bool operator==(const Assign&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("epoch", m.epoch);
    visit("specs", m.specs);
    visit("attempts", m.attempts);
  }
};

struct StartedAttempt {
  AttemptRef attempt;
  std::int64_t started_at = 0;
  std::vector<std::uint32_t> gpus{};  ///< indexes of those it was given
  bool operator==(const StartedAttempt&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempt", m.attempt);
    visit("started_at", m.started_at);
    visit("gpus", added(at_most(kGpusMax, m.gpus)));
  }
};

struct Started {
  std::uint64_t session = 0;
  std::vector<StartedAttempt> attempts;
  bool operator==(const Started&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("attempts", at_most(kBatchMax, m.attempts));
  }
};

/// Sent again until acknowledged.
struct Results {
  std::uint64_t session = 0;
  std::vector<AttemptResult> results;
  bool operator==(const Results&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("results", at_most(kBatchMax, m.results));
  }
};

/// Sent once the results are durable, also for stale ones: the worker may forget them.
struct ResultsAck {
  std::uint64_t session = 0;
  std::vector<AttemptRef> attempts;
  bool operator==(const ResultsAck&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("attempts", m.attempts);
  }
};

/// Stop these attempts and report them as cancelled once their processes are gone.
struct Stop {
  std::uint64_t session = 0;
  std::vector<AttemptRef> attempts;
  bool operator==(const Stop&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("attempts", m.attempts);
  }
};

/// The worker fetched these artifacts and now serves them too.
struct Holding {
  std::uint64_t session = 0;
  std::vector<Digest> artifacts;
  std::uint64_t bytes = 0;  ///< that were moved for it
  bool operator==(const Holding&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("artifacts", at_most(kBatchMax, m.artifacts));
    visit("bytes", added(m.bytes));
  }
};

/// Somebody wants to read a log or an artifact of this worker through the broker: it is to say
/// Attach at its bulk port.
struct Attend {
  std::uint64_t session = 0;
  Digest key;  ///< shows the bulk port that it is this worker's session
  bool operator==(const Attend&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("key", m.key);
  }
};

/// The worker leaves; whatever it held is given back by now.
struct Goodbye {
  std::uint64_t session = 0;
  bool operator==(const Goodbye&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
  }
};

/// The worker is about to leave: it gives back what it holds, and must get nothing new.
struct Leaving {
  std::uint64_t session = 0;
  bool operator==(const Leaving&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
  }
};

/// What the worker offers has changed since Hello: all of it, as it is now.
struct Offer {
  std::uint64_t session = 0;
  std::vector<GpuOffer> gpus;
  std::vector<DatasetOffer> datasets;
  std::vector<ImageOffer> images;
  std::string unfit;
  bool operator==(const Offer&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("gpus", at_most(kRefusedInWords * kGpusMax, m.gpus));
    visit("datasets", at_most(kRefusedInWords * kDatasetsMax, m.datasets));
    visit("images", at_most(kRefusedInWords * kImagesMax, m.images));
    visit("unfit", m.unfit);
  }
};

/// The worker needs room: which of these artifacts may it remove?
struct ReleaseRequest {
  std::uint64_t session = 0;
  std::vector<Digest> artifacts;  ///< the one that was not used for the longest time first
  bool operator==(const ReleaseRequest&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("artifacts", at_most(kBatchMax, m.artifacts));
  }
};

/// Give these attempts back, as a worker does that leaves: what each left in its checkpoint folder
/// goes with its result, and the task goes on elsewhere.
struct Recall {
  std::uint64_t session = 0;
  std::vector<AttemptRef> attempts;
  bool operator==(const Recall&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("attempts", m.attempts);
  }
};

/// Answers a ReleaseRequest. From now on the worker does not count as having these.
struct Release {
  std::uint64_t session = 0;
  std::vector<Digest> artifacts;
  bool operator==(const Release&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("artifacts", m.artifacts);
  }
};

/// The worker no longer has these artifacts, or they are damaged.
struct Dropped {
  std::uint64_t session = 0;
  std::vector<Digest> artifacts;
  bool operator==(const Dropped&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("artifacts", at_most(kBatchMax, m.artifacts));
  }
};

/// Order gives the type number on the wire (index + 1): append only.
using FromWorker = std::variant<Hello, Heartbeat, Started, Results, Holding, Dropped, Goodbye,
                                Leaving, Offer, ReleaseRequest, ContentsChecked>;
using ToWorker = std::variant<Welcome, Rehello, Refused, HeartbeatReply, Assign, ResultsAck, Stop,
                              Attend, Release, Recall, CheckContents>;

}  // namespace landseer::protocol
