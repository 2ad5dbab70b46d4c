/// Takes what a tool prints, standard output and error in one stream, into a file of bounded size.
/// A tool that prints without end neither blocks nor fills the disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "worker/io/log_index.h"

namespace landseer::worker {

/// The file holds at most `bytes_max` bytes: three quarters are for the beginning of what the tool
/// prints, the rest for its end; log_index.h says where. If the file cannot be written, `finish`
/// tries to append one line that says how much is missing, and the last bytes.
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
  Result<void> make_files();
  bool read_some();
  void take(const char* data, std::size_t size);
  void write_out(std::string_view data);

  std::string path_;  ///< empty: there is no log
  std::uint64_t bytes_max_ = 0;
  UniqueFd read_end_;
  UniqueFd write_end_;
  UniqueFd file_;  ///< none while nothing was printed, see silent_log.h
  LogIndex index_;
  std::uint64_t size_ = 0;     ///< bytes taken into the file, those that are overwritten included
  std::uint64_t dropped_ = 0;  ///< because of trouble
  std::string trouble_;        ///< why the file could not be written
  std::string recent_;         ///< the end of all output, kRecentBytes at least
};

}  // namespace landseer::worker
