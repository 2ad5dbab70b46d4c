/// The file of `--trace`: everything the core is given, until the file is as large as it may be.
/// It holds what clients and workers sent, so only its owner may read it. One thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <iosfwd>
#include <memory>
#include <string>

#include "broker/core/trace_replay.h"

namespace landseer::broker {

class TraceFile {
 public:
  /// A file of this name becomes NAME.1, in place of an older one.
  static Result<std::unique_ptr<TraceFile>> open(const std::string& path, std::uint64_t bytes_max);

  void add(const TraceStep& step);
  /// Writes what was added. Trouble ends the trace, with a warning, and nothing else.
  void flush();

 private:
  TraceFile(std::string path, std::ofstream file, std::uint64_t bytes_max)
      : path_(std::move(path)), file_(std::move(file)), bytes_max_(bytes_max) {}

  std::string path_;
  std::ofstream file_;
  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::string buffer_;
  bool ended_ = false;
};

/// Runs a core by the trace in the file; prints each decision on a line if there is somewhere to.
/// A trace that was cut off ends with its last whole step. Returns a summary with the digest.
Result<std::string> replay_trace(const std::string& path, std::ostream* decisions);

}  // namespace landseer::broker
