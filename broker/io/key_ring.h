/// The keys a broker knows: its own, and the list of those it lets in, which may change at any
/// time. A thread looks after the file each second, so that a key that was taken back is worth
/// nothing from then on. A list that cannot be read changes nothing, and is complained about.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/keys/key_files.h"
#include "common/net/cancel.h"
#include "common/net/doorkeeper.h"
#include "common/net/socket.h"

namespace landseer::broker {

class KeyRing {
 public:
  /// An error says which file is missing, damaged or readable by others.
  static Result<std::unique_ptr<KeyRing>> open(const std::string& folder);
  ~KeyRing();
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  const std::string& folder() const { return folder_; }
  const std::string& public_key() const { return own_.public_key; }
  /// For the socket behind this door.
  net::ServerKeys keys_of(keys::Door door) const;
  /// Lets in whose key opens the door, also if it was added just now. Must not outlive this ring.
  net::Doorkeeper::Judge judge();

  /// Whose this public key is, if it opens that door now. Any thread.
  std::optional<keys::Authorized> find(const std::string& public_key, keys::Door door) const;

  /// Grows when the list changed. Any thread.
  std::uint64_t version() const { return version_; }
  /// Readable after the list changed, until clear().
  int fd() const { return news_.fd(); }
  void clear() { news_.clear(); }

 private:
  using Known = std::unordered_map<std::string, keys::Authorized>;  // by public key

  KeyRing(std::string folder, keys::KeyFile own)
      : folder_(std::move(folder)), own_(std::move(own)) {}
  Result<void> load();
  void watch();
  void refresh();
  std::string mark() const;
  void tell(const Known& before, const Known& after) const;

  const std::string folder_;
  const keys::KeyFile own_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Known> known_ = std::make_shared<const Known>();
  std::atomic<std::uint64_t> version_{0};
  std::mutex refreshing_;  // guards `mark_`
  std::string mark_;       // of the file that `known_` is from
  Cancel news_;
  Cancel stop_;
  std::thread thread_;
};

}  // namespace landseer::broker
