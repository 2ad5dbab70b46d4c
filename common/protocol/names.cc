/// Texts of the wire's enumerations.
#include "common/protocol/client_rows.h"

namespace landseer::protocol {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSucceeded:
      return "succeeded";
    case Outcome::kExitCode:
      return "exit_code";
    case Outcome::kSignal:
      return "signal";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kOutOfMemory:
      return "oom";
    case Outcome::kRuntimeError:
      return "runtime_error";
    case Outcome::kInputMissing:
      return "input_missing";
    case Outcome::kCancelled:
      return "cancelled";
    case Outcome::kReturned:
      return "returned";
    case Outcome::kWorkerLost:
      return "worker_lost";
  }
  return "unknown";
}

std::string_view to_string(PipelineState state) {
  switch (state) {
    case PipelineState::kRunning:
      return "running";
    case PipelineState::kPaused:
      return "paused";
    case PipelineState::kCompleted:
      return "completed";
    case PipelineState::kFailed:
      return "failed";
    case PipelineState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace landseer::protocol
