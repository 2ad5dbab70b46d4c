#include "worker/io/log_index.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/support/temp_folder.h"
#include "worker/io/log_capture.h"
#include "worker/io/log_reader.h"

namespace landseer::worker {
namespace {

using test::TempFolder;

/// A log as LogCapture writes it, with times of the test's choosing.
class Writer {
 public:
  Writer(const std::filesystem::path& log, std::uint64_t head, std::uint64_t ring,
         std::uint64_t times_max = LogIndex::kTimesMax)
      : index(*LogIndex::create(log, head, ring, times_max)),
        file_(open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) {}

  void write(std::string_view text, std::int64_t unix_ms) {
    for (const char c : text) {
      const std::uint64_t at = index.state().size;
      index.reserve(at + 1);
      ASSERT_EQ(pwrite(file_.get(), &c, 1, static_cast<off_t>(index.state().place_of(at))), 1);
      index.grow(at + 1, unix_ms);
    }
  }

  LogIndex index;

 private:
  UniqueFd file_;
};

class LogFile : public testing::Test {
 protected:
  protocol::LogData read(std::uint64_t offset, std::uint32_t limit = 1000, bool times = false) {
    return read_log(log, {"", TaskId{1}, 1, offset, limit, 0, times});
  }
  /// From the beginning to the end, as a client reads it; `#n#` for n bytes that were left out.
  std::string all() {
    std::string text;
    for (std::uint64_t at = 0;;) {
      const auto piece = read(at);
      if (piece.offset > at) text += "#" + std::to_string(piece.offset - at) + "#";
      if (piece.data.empty()) return text;
      text += piece.data;
      at = piece.offset + piece.data.size();
    }
  }

  TempFolder folder;
  std::filesystem::path log = folder / "task_1.1.log";
};

TEST_F(LogFile, WithinItsLimitsItIsWhole) {
  Writer writer(log, 10, 4);
  writer.write("0123456789abcd", 1);
  EXPECT_EQ(all(), "0123456789abcd");
  const auto piece = read(3, 4);
  EXPECT_EQ(piece.data, "3456");
  EXPECT_EQ(piece.size, 14u);
  EXPECT_FALSE(piece.finished);
  writer.index.finish();
  EXPECT_TRUE(read(0).finished);
}

TEST_F(LogFile, BeyondThemHeadAndTailAreKeptAndTheGapIsKnown) {
  for (int more = 1; more < 30; ++more) {
    Writer writer(log, 10, 4);
    std::string text = "0123456789";
    for (int i = 0; i < 4 + more; ++i) text += static_cast<char>('a' + i % 26);
    writer.write(text, 1);
    EXPECT_EQ(all(), "0123456789#" + std::to_string(more) + "#" + text.substr(text.size() - 4));
    EXPECT_LE(std::filesystem::file_size(log), 14u);
  }
}

TEST_F(LogFile, WhatIsBeingOverwrittenIsNotShown) {
  Writer writer(log, 10, 4);
  writer.write("0123456789abcd", 1);
  writer.index.reserve(16);  // and then its writer was killed
  EXPECT_EQ(all(), "0123456789#2#cd");
}

TEST_F(LogFile, ALimitOfZeroAsksForTheSize) {
  Writer writer(log, 10, 4);
  writer.write("hello", 1);
  const auto piece = read(0, 0);
  EXPECT_TRUE(piece.found);
  EXPECT_EQ(piece.size, 5u);
  EXPECT_EQ(piece.data, "");
}

TEST_F(LogFile, ReadingBeyondTheEndIsAtTheEnd) {
  Writer writer(log, 10, 4);
  writer.write("hello", 1);
  EXPECT_EQ(read(99).offset, 5u);
  EXPECT_EQ(read(99).data, "");
}

TEST_F(LogFile, WithoutAnIndexItIsAsItIs) {
  test::write_text(log, "of an earlier version");
  EXPECT_EQ(all(), "of an earlier version");
  EXPECT_TRUE(read(0).finished);
  test::write_text(index_path(log), "rubbish");
  EXPECT_EQ(all(), "of an earlier version");
}

TEST_F(LogFile, WithoutALogNothingIsFound) { EXPECT_FALSE(read(0).found); }

TEST_F(LogFile, EachPieceKnowsWhenItWasWritten) {
  Writer writer(log, 1000, 4);
  writer.write("one\n", 1000);
  writer.write("two\n", 2000);
  writer.write("three\n", 2005);  // too soon for a mark of its own
  writer.write("four\n", 3000);
  using Times = std::vector<protocol::LogTime>;
  EXPECT_EQ(read(0, 1000, true).times, (Times{{0, 1000}, {4, 2000}, {14, 3000}}));
  EXPECT_EQ(read(5, 5, true).times, (Times{{4, 2000}}));
  EXPECT_EQ(read(14, 5, true).times, (Times{{14, 3000}}));
  EXPECT_EQ(read(0, 1000, false).times, Times{});
}

TEST_F(LogFile, AClockThatIsSetBackIsShownAsItIs) {
  Writer writer(log, 1000, 4);
  writer.write("one\n", 5000);
  writer.write("two\n", 1000);
  EXPECT_EQ(read(0, 1000, true).times, (std::vector<protocol::LogTime>{{0, 5000}, {4, 1000}}));
}

TEST_F(LogFile, TheNumberOfMarksIsBounded) {
  Writer writer(log, 1000, 4, 16);
  for (int i = 0; i < 500; ++i) writer.write("x", 1000 + 10 * i);
  EXPECT_LE(std::filesystem::file_size(index_path(log)), sizeof(LogState) + 16 * 16);
  EXPECT_LE(writer.index.state().times, 16u);
  const auto times = read_log_times(log, 0, 500);
  ASSERT_GE(times.size(), 8u);
  EXPECT_EQ(times[0], (protocol::LogTime{0, 1000}));
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_GT(times[i].offset, times[i - 1].offset);
    EXPECT_EQ(times[i].unix_ms, 1000 + 10 * static_cast<std::int64_t>(times[i].offset));
  }
  EXPECT_EQ(all(), std::string(500, 'x'));
}

// --- Logs of tools that say nothing, or not yet ---

ino_t inode_of(const std::filesystem::path& file) {
  struct stat info {};
  return stat(file.c_str(), &info) == 0 ? info.st_ino : 0;
}

TEST_F(LogFile, OfASilentToolItIsEmptyAndEndsWithTheTool) {
  auto capture = LogCapture::open(log, 1000);
  ASSERT_TRUE(capture);
  EXPECT_TRUE(read(0).found);
  EXPECT_FALSE(read(0).finished);
  capture->close_write_end();
  capture->finish();
  EXPECT_TRUE(read(0).found);
  EXPECT_TRUE(read(0).finished);
  EXPECT_EQ(read(0).size, 0u);
}

TEST_F(LogFile, SilentOnesAreOneFileUntilSomethingIsSaid) {
  const std::filesystem::path other = folder / "task_2.1.log";
  auto silent = LogCapture::open(other, 1000);
  auto capture = LogCapture::open(log, 1000);
  ASSERT_TRUE(silent && capture);
  EXPECT_EQ(inode_of(log), inode_of(other));
  ASSERT_EQ(write(capture->write_end(), "words", 5), 5);
  capture->pump();
  EXPECT_NE(inode_of(log), inode_of(other));
  EXPECT_EQ(all(), "words");
  EXPECT_FALSE(read(0).finished);
  capture->close_write_end();
  capture->finish();
  EXPECT_TRUE(read(0).finished);
  EXPECT_EQ(std::filesystem::file_size(other), 0u);
  EXPECT_FALSE(read_log(other, {"", TaskId{2}, 1, 0, 1000, 0, false}).finished);
}

TEST_F(LogFile, OneOfAnEarlierAttemptOfThisNameIsGivenUpAndNotWrittenTo) {
  const std::filesystem::path other = folder / "task_2.1.log";
  for (const std::string words : {"first", "second", ""}) {
    auto capture = LogCapture::open(log, 1000);
    auto silent = LogCapture::open(other, 1000);
    ASSERT_TRUE(capture && silent);
    EXPECT_EQ(read(0).size, 0u);
    ASSERT_EQ(write(capture->write_end(), words.data(), words.size()),
              static_cast<ssize_t>(words.size()));
    capture->close_write_end();
    capture->finish();
    EXPECT_EQ(all(), words);
    EXPECT_EQ(std::filesystem::file_size(other), 0u);
  }
}

TEST_F(LogFile, WhatCannotBeWrittenIsMissedOnlyThere) {
  EXPECT_FALSE(LogCapture::open(folder / "nowhere" / "log", 1000));
  std::filesystem::create_directories(folder / "logs");
  auto capture = LogCapture::open(folder / "logs" / "log", 1000);
  ASSERT_TRUE(capture);
  std::filesystem::remove_all(folder / "logs");
  ASSERT_EQ(write(capture->write_end(), "words", 5), 5);
  capture->close_write_end();
  capture->finish();
  EXPECT_EQ(capture->tail(), "words");
}

}  // namespace
}  // namespace landseer::worker
