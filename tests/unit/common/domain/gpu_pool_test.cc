#include "common/domain/gpu_pool.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

GpuPool mixed() {
  GpuPool pool;
  pool.add(0, "NVIDIA A100-SXM4-80GB", 80, true);
  pool.add(1, "Tesla T4", 16, true);
  pool.add(2, "Tesla T4", 16, true);
  return pool;
}

TEST(GpuPool, AModelIsAPartOfTheNameInAnyCase) {
  EXPECT_TRUE(matches_model("NVIDIA A100-SXM4-80GB", "a100"));
  EXPECT_TRUE(matches_model("NVIDIA A100-SXM4-80GB", ""));
  EXPECT_TRUE(matches_model("", ""));
  EXPECT_FALSE(matches_model("NVIDIA A100-SXM4-80GB", "h100"));
  EXPECT_FALSE(matches_model("", "a"));
}

TEST(GpuPool, TheSmallestThatWouldDoAreTaken) {
  GpuPool pool = mixed();
  EXPECT_EQ(pool.take({1000, 0, {}}), std::vector<std::uint32_t>{1});
  EXPECT_EQ(pool.take({1000, 20, {}}), std::vector<std::uint32_t>{0});
  EXPECT_EQ(pool.take({1000, 0, {}}), std::vector<std::uint32_t>{2});
  EXPECT_FALSE(pool.fits({1000, 0, {}}));
}

TEST(GpuPool, WhatItCouldServeIsNotWhatFitsNow) {
  GpuPool pool = mixed();
  EXPECT_TRUE(pool.could_serve({2000, 0, "t4"}));
  EXPECT_FALSE(pool.could_serve({3000, 0, "t4"}));
  EXPECT_FALSE(pool.could_serve({2000, 20, {}}));
  ASSERT_TRUE(pool.take({500, 0, "t4"}));
  EXPECT_TRUE(pool.could_serve({2000, 0, "t4"}));
  EXPECT_FALSE(pool.fits({2000, 0, "t4"}));
}

TEST(GpuPool, TwoHalvesOfTwoGpusAreNoWholeOne) {
  GpuPool pool;
  pool.add(0, "T4", 16, true);
  pool.add(1, "T4", 16, true);
  ASSERT_TRUE(pool.take({600, 0, {}}));
  ASSERT_TRUE(pool.take({600, 0, {}}));
  EXPECT_EQ(pool.free_milli(), 800);
  EXPECT_FALSE(pool.fits({800, 0, {}}));
  EXPECT_TRUE(pool.fits({400, 0, {}}));
}

TEST(GpuPool, ItsGradeIsItsLargestUsableGpu) {
  GpuPool pool;
  EXPECT_EQ(pool.grade(), 0u);
  pool.add(0, "unknown", 0, true);
  EXPECT_EQ(pool.grade(), 1u) << "a GPU of unknown memory is one";
  pool.add(1, "T4", 16, true);
  pool.add(2, "A100", 80, false);
  EXPECT_EQ(pool.grade(), 16u);
  pool.set_usable(2, true);
  EXPECT_EQ(pool.grade(), 80u);
}

}  // namespace
}  // namespace landseer::domain
