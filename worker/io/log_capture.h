/// Takes what a tool prints, standard output and error in one stream, into a file of bounded size.
/// A tool that prints without end neither blocks nor fills the disk.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "worker/io/unique_fd.h"

namespace landseer::worker {

/// The file holds the first `bytes_max` bytes. If there was more, `finish` appends one line that
/// says how many bytes were left out, and the last ones of them.
class LogCapture {
 public:
  LogCapture() = default;
  static Result<LogCapture> open(const std::string& path, std::uint64_t bytes_max);

  /// The end the tool writes to; to be closed here once the tool has it.
  int write_end() const { return write_end_.get(); }
  void close_write_end() { write_end_.reset(); }
  /// Readable when there is something to `pump`; -1 when there will never be anything.
  int fd() const { return read_end_.get(); }

  /// Takes a bounded part of what is waiting.
  void pump();
  /// Takes the rest and ends the file. Nobody may be writing any more.
  void finish();
  /// The last lines, at most protocol::kLogTailBytesMax bytes, damaged UTF-8 replaced by `?`.
  std::string tail() const;

 private:
  bool read_some();
  void take(const char* data, std::size_t size);
  void write_out(const char* data, std::size_t size);

  UniqueFd read_end_;
  UniqueFd write_end_;
  UniqueFd file_;
  std::uint64_t room_ = 0;  ///< bytes the file may still grow by
  std::uint64_t dropped_ = 0;
  std::string trouble_;  ///< why the file could not be written
  std::string recent_;   ///< the end of all output, kRecentBytes at least
};

}  // namespace landseer::worker
