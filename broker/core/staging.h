/// Submissions on their way: chunks are put together here and become a pipeline all at once.
#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "broker/core/events.h"
#include "common/base/result.h"

namespace landseer::broker {

/// Bounded in number and bytes; the submission that was left alone longest makes room.
class Staging {
 public:
  /// Adds a chunk. Chunk 0 begins anew. kConflict when the index is not the next one, kLimit when
  /// the body grows too large; either way what was staged under that id is dropped.
  Result<void> add(PeerId peer, const protocol::SubmitChunk& chunk);
  /// The complete body, no longer staged.
  std::string take(PeerId peer, const std::string& submission_id);

 private:
  struct Staged {
    PeerId peer{};
    std::string submission_id;
    std::uint32_t next = 0;
    std::string body;
  };
  std::list<Staged>::iterator find(PeerId peer, const std::string& submission_id);
  void drop(std::list<Staged>::iterator staged);
  void make_room();

  std::list<Staged> staged_;  // most recently used last
  std::size_t bytes_ = 0;
};

}  // namespace landseer::broker
