/// A user's program: submits until it is acknowledged, watches until the end, asks, cancels and
/// submits again. Keeps what it was told, and complains when a later answer contradicts it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/protocol/client_messages.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

class Client {
 public:
  Client(World& world, std::uint32_t index) : world_(world), index_(index) {}

  /// From now on, until it is acknowledged.
  void submit(std::uint32_t submission);
  /// Something an operator does. False: there is nothing to do it to.
  bool operate();
  void receive(std::uint64_t number, protocol::ToClient message);

  /// Lets everything go on, in the second phase.
  void resume_all();
  /// Submits everything once more, at the end.
  void submit_all_again();
  bool is_waiting() const { return waiting_for_answers_ > 0; }

 private:
  enum class Kind : std::uint8_t { kSubmit, kWatch, kCancel, kPause, kRetry, kPart, kQuery };
  struct Request {
    Kind kind = Kind::kQuery;
    std::uint32_t submission = 0;
    TaskId task{};
    PipelineId pipeline{};
    bool paused = false;
    bool part = false;  ///< only a part is paused or resumed
  };
  struct Submitting {
    std::uint32_t chunks = 0;  ///< the same whenever it is submitted
    std::uint32_t next = 0;
    PipelineId pipeline{};  ///< once it is acknowledged
    bool open = false;      ///< being submitted now
    bool over = false;
    bool watched = false;
    std::uint32_t pauses = 0;  ///< asked for and not answered, or whose answer came too late
  };

  bool meddle(std::uint32_t submission);
  /// Does something to a part of a pipeline, or to its place among the others.
  void take_part(std::uint32_t submission);
  void plan_parts(std::uint32_t submission);
  void ask(const Request& request, protocol::FromClient message);
  void send_chunk(std::uint32_t submission);
  void watch(std::uint32_t submission);
  void pause(std::uint32_t submission, bool paused);
  void pause_part(std::uint32_t submission);
  void paused(const Request& request);
  void drain(std::uint32_t host, bool drained, bool now);
  void on_timeout(std::uint64_t number);
  void on(const Request& request, const protocol::Submitted& m);
  void on(const Request& request, const protocol::ChunkTaken& m);
  void on(const Request& request, const protocol::PipelineStatus& m);
  void on(const Request& request, const protocol::Cancelled& m);
  void on(const Request& request, const protocol::Paused& m);
  void on(const Request& request, const protocol::PartPaused& m);
  void on(const Request& request, const protocol::Retried& m);
  void on(const Request& request, const protocol::ErrorReply& m);
  void on(const Request& request, const protocol::PipelineList& m);
  void on(const Request& request, const protocol::TaskList& m);
  void on(const Request& request, const protocol::TaskDetail& m);
  template <class Other>
  void on(const Request&, const Other&) {}

  World& world_;
  std::uint32_t index_;
  std::map<std::uint32_t, Submitting> submissions_;
  std::map<std::uint64_t, Request> requests_;
  std::vector<TaskId> cancelled_;  ///< one by one, to be retried
  std::uint64_t next_number_ = 1;
  std::uint32_t waiting_for_answers_ = 0;
};

}  // namespace landseer::simulation
