#include "worker/core/gpu_watch.h"

#include <gtest/gtest.h>

namespace landseer::worker {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

class GpuWatchTest : public testing::Test {
 protected:
  /// Answers the looks that are due; false if none is.
  bool look(std::uint64_t used, const std::string& trouble = {}) {
    std::vector<Effect> out;
    watch_.settle(now_, out);
    if (out.empty()) return false;
    EXPECT_EQ(std::get<CheckGpus>(out[0]).indices, std::vector<std::uint32_t>{0});
    watch_.on_reading({0, used, {77}, trouble}, now_);
    return true;
  }
  /// To the next look, and answers it.
  void next_look(std::uint64_t used) {
    ASSERT_TRUE(watch_.next_deadline());
    now_.instant = std::max(now_.instant, *watch_.next_deadline());
    ASSERT_TRUE(look(used));
  }

  GpuWatch watch_{{{0, "A100", 80 * kGiB, "GPU-a", {}}, {1, "unknown", 0, {}, {}}}};
  Now now_;
};

TEST_F(GpuWatchTest, IsUsableOnlyAfterALookAndOneThatCannotBeAskedAlways) {
  EXPECT_FALSE(watch_.is_usable(0));
  EXPECT_TRUE(watch_.is_usable(1));
  EXPECT_TRUE(look(kGiB));
  EXPECT_TRUE(watch_.is_usable(0));
  EXPECT_FALSE(look(kGiB)) << "nothing is due";
}

TEST_F(GpuWatchTest, MemoryThatComesBackLateIsWaitedFor) {
  look(kGiB);
  watch_.taken(0);
  watch_.released(0, now_);
  EXPECT_FALSE(watch_.is_usable(0));
  next_look(9 * kGiB);
  EXPECT_FALSE(watch_.is_usable(0));
  EXPECT_EQ(watch_.fault(0), "");
  next_look(kGiB + kGpuMemorySlackBytes);
  EXPECT_TRUE(watch_.is_usable(0));
}

TEST_F(GpuWatchTest, MemoryThatStaysInUseFencesUntilItComesBack) {
  look(kGiB);
  watch_.taken(0);
  watch_.released(0, now_);
  for (std::uint32_t i = 1; i < kGpuChecksMax; ++i) next_look(3 * kGiB);
  EXPECT_EQ(watch_.fault(0), "");
  next_look(3 * kGiB);
  EXPECT_EQ(watch_.fault(0),
            "2.0 GiB of its memory are still in use after its task, by process 77");
  EXPECT_FALSE(watch_.is_usable(0));
  EXPECT_EQ(watch_.next_deadline()->nanoseconds, (now_.instant + kGpuFencedPause).nanoseconds);
  next_look(kGiB);
  EXPECT_EQ(watch_.fault(0), "");
  EXPECT_TRUE(watch_.is_usable(0));
}

TEST_F(GpuWatchTest, OneThatFellOffIsFencedAtOnceAlsoInUseAndComesBack) {
  look(kGiB);
  watch_.taken(0);
  watch_.on_reading({0, 0, {}, "GPU is lost"}, now_);
  EXPECT_EQ(watch_.fault(0), "it cannot be asked: GPU is lost");
  EXPECT_FALSE(watch_.is_usable(0));
  watch_.released(0, now_);
  next_look(kGiB);
  EXPECT_TRUE(watch_.is_usable(0));
  watch_.on_reading({0, 0, {}, "GPU is lost"}, now_);
  EXPECT_FALSE(watch_.is_usable(0)) << "and when nobody has it";
}

}  // namespace
}  // namespace landseer::worker
