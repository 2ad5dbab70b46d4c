/// Answers what clients read through the broker's bulk port, logs and blobs, in a thread of its own
/// with a connection and an I/O thread of its own: however much is read, the agent's loop and the
/// transfers between workers go on. Connects when the broker first asks for it.
/// docs/protocol.md, "Bulk messages".
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/digest.h"
#include "common/base/time.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"
#include "common/protocol/bulk_messages.h"
#include "worker/io/artifact_contents.h"
#include "worker/io/artifact_store.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/file_watch.h"

namespace landseer::worker {

class StreamServer {
 public:
  /// With keys if the broker has some.
  StreamServer(const ArtifactStore& store, const AttemptFolders& folders,
               std::optional<net::ClientKeys> keys = {});
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  /// Says Attach at this address, now and after every break of the connection. Any thread.
  void attend(const std::string& address, const protocol::Attach& attach);
  /// Frames dropped because they were no request.
  std::uint64_t malformed() const { return malformed_; }

 private:
  struct Place {
    std::string address;
    protocol::Attach attach;
  };
  /// A request for more of a log than there is.
  struct Held {
    std::uint64_t number = 0;
    protocol::GetLog request;
    Instant deadline;
  };

  void serve();
  void wait();
  void take_place();
  void connect(const std::string& address);
  void receive();
  void answer(const protocol::GetBlob& request, std::uint64_t number);
  void answer(const protocol::GetLog& request, std::uint64_t number);
  void answer(const protocol::Attach&, std::uint64_t) { ++malformed_; }
  void answer_held();
  std::filesystem::path log_of(const protocol::GetLog& request) const;
  void send(const protocol::BulkReply& reply, std::uint64_t number);
  void send(std::string frame);
  void flush();

  ArtifactStore store_;
  ArtifactContents contents_;
  AttemptFolders folders_;
  const std::optional<net::ClientKeys> keys_;
  std::mutex mutex_;
  std::optional<Place> wanted_;  // by attend(), not yet taken over
  Cancel stop_;
  Cancel news_;
  std::atomic<std::uint64_t> malformed_{0};

  // Of the thread only.
  struct Line;
  net::Context context_;
  std::unique_ptr<Line> line_;
  std::string address_;
  std::optional<protocol::Attach> unsaid_;  // to be sent once the connection is made
  std::optional<protocol::Attach> attach_;
  std::deque<std::string> unsent_;
  std::vector<Held> held_;
  FileWatch watch_;
  std::thread thread_;
};

}  // namespace landseer::worker
