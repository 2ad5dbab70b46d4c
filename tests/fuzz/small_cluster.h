/// The broker's core with everybody around it played by bytes: what fuzz targets of the broker
/// share. After each step the tables must agree with each other, and every message that leaves must
/// be one that its receiver can read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/core/broker.h"
#include "common/protocol/codec.h"

namespace landseer::fuzz {

/// Numbers are in corpus files: append only.
enum class Step : std::uint8_t {
  kWorker,       ///< peer, then a part: its frame
  kClient,       ///< peer, then a part: its frame
  kUnreachable,  ///< peer
  kDisk,         ///< whether it is low
  kWait,         ///< tenths of a second
  kWaitLong,     ///< tens of seconds
};
inline constexpr std::uint8_t kStepKinds = 6;

class SmallCluster {
 public:
  SmallCluster();

  /// Takes one step off the front of `input`. A frame that cannot be decoded changes nothing.
  void step(std::string_view& input);
  std::string worker_step(std::uint8_t peer, const protocol::FromWorker& message);
  std::string client_step(std::uint8_t peer, const protocol::FromClient& message);

  /// What a restart would find is what is there, both by the journal and by a snapshot.
  void check_recovery();

  broker::Broker broker;
  Now now;
  std::vector<broker::Record> records;
  std::vector<broker::WorkerMail> to_workers;  ///< of the last step
  std::vector<std::string> snapshot();         ///< items, encoded

 private:
  void settle();

  broker::Outbox out_;
  std::uint64_t number_ = 0;
};

broker::Settings small_settings();
/// A pipeline of three tools in two workflows.
protocol::Submission small_submission(const std::string& id);
/// What a day brings: steps by which two workers come, take work, end it well or badly, and leave,
/// while clients submit, ask and change their minds.
std::vector<std::string> typical_steps(SmallCluster& cluster);

}  // namespace landseer::fuzz
