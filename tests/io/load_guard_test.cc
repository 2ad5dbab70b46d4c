#include "broker/io/load_guard.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/temp_folder.h"

namespace landseer::broker {
namespace {

TEST(LoadGuard, TheLeastLimitOfAllGroupsAboveCounts) {
  const test::TempFolder root;
  test::write_text(root / "batch.slice/job/memory.max", "max\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "/batch.slice/job"),
            std::numeric_limits<std::uint64_t>::max());
  test::write_text(root / "batch.slice/memory.max", "3000000000\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "/batch.slice/job"), 3'000'000'000u);
  test::write_text(root / "batch.slice/job/memory.max", "4000000000\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "/batch.slice/job"), 3'000'000'000u);
  test::write_text(root / "batch.slice/job/memory.max", "2000000000\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "/batch.slice/job"), 2'000'000'000u);
  EXPECT_EQ(cgroup_memory_limit(root.path(), "/"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(cgroup_memory_limit(root.path(), ""), std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace landseer::broker
