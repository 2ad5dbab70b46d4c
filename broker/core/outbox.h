/// What the core wants done. The shell's order is fixed: keep blobs, append and sync the records,
/// then send. Reused between turns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/core/arrivals.h"
#include "broker/core/events.h"
#include "broker/core/records.h"
#include "common/base/digest.h"

namespace landseer::broker {

struct WorkerMail {
  PeerId peer{};
  protocol::ToWorker message;
};

struct ClientMail {
  PeerId peer{};
  std::uint64_t number = 0;
  protocol::ToClient message;
};

struct Blob {
  Digest digest;
  std::string bytes;
};

/// A verb that changed something and was accepted, for the audit log.
struct Audit {
  std::string key;  ///< name of the caller's key; empty: there are no keys
  std::string role;
  std::string verb;  ///< see rights.h
  std::string target;
};

struct Outbox {
  std::vector<Blob> blobs;
  std::vector<Digest> unneeded_blobs;  ///< to be removed once the records are stored
  std::vector<Record> records;
  std::vector<WorkerMail> to_workers;
  std::vector<ClientMail> to_clients;
  std::vector<std::string> notices;  ///< for the operator: the shell logs them as warnings
  std::vector<Audit> audits;
  std::vector<BuildRequest> builds;  ///< each to be built, and given to Broker::take_built
  /// What is needed no more, and may be large: destroying it takes its time.
  std::vector<std::unique_ptr<PipelineRecord>> discarded;

  bool empty() const {
    return blobs.empty() && unneeded_blobs.empty() && records.empty() && to_workers.empty() &&
           to_clients.empty() && notices.empty() && audits.empty() && builds.empty() &&
           discarded.empty();
  }
  void clear() {
    blobs.clear();
    unneeded_blobs.clear();
    records.clear();
    to_workers.clear();
    to_clients.clear();
    notices.clear();
    audits.clear();
    builds.clear();
    discarded.clear();
  }
};

}  // namespace landseer::broker
