/// The digest of a stream is that of its bytes, however it is cut and whoever hashes it.
#include "worker/io/stream_hasher.h"

#include <gtest/gtest.h>

#include <string>

namespace landseer::worker {
namespace {

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t word = 7;
  for (char& byte : bytes) {
    word = word * 1664525 + 1013904223;
    byte = static_cast<char>(word >> 24);
  }
  return bytes;
}

TEST(StreamHasher, PiecesOfAnySizeGiveTheDigestOfTheWhole) {
  const std::string content = some_bytes(20 * 1024 * 1024 + 17);
  for (const std::size_t piece : {std::size_t{4096}, std::size_t{300'000}, std::size_t{1 << 20}}) {
    StreamHasher hasher;
    for (std::size_t at = 0; at < content.size(); at += piece) {
      // As a frame that is given back: what was hashed must not be looked at again.
      std::string copy = content.substr(at, piece);
      hasher.begin(copy);
      hasher.wait();
      copy.assign(copy.size(), 'x');
    }
    EXPECT_EQ(hasher.finish(), sha256(content)) << piece;
  }
}

TEST(StreamHasher, LargeAndSmallPiecesMayAlternate) {
  const std::string content = some_bytes(12 * 1024 * 1024);
  StreamHasher hasher;
  std::size_t at = 0;
  for (std::size_t i = 0; at < content.size(); ++i) {
    const std::size_t size = i % 2 == 0 ? 1 << 20 : 100;
    const std::string_view piece = std::string_view(content).substr(at, size);
    hasher.begin(piece);
    hasher.wait();
    at += piece.size();
  }
  EXPECT_EQ(hasher.finish(), sha256(content));
}

TEST(StreamHasher, OneThatIsGivenUpInTheMiddleEnds) {
  const std::string content = some_bytes(8 * 1024 * 1024);
  StreamHasher hasher;
  hasher.begin(content);
}

TEST(StreamHasher, NothingHasTheDigestOfNothing) {
  StreamHasher hasher;
  EXPECT_EQ(hasher.finish(), sha256(""));
}

}  // namespace
}  // namespace landseer::worker
