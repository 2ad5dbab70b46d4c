#include "broker/io/audit_log.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace landseer::broker {
namespace {

const std::vector<Audit> kOne{{"anna", "submitter", "submit", "pipeline_1"}};
constexpr WallTime kAt{1'700'000'000'000};

TEST(AuditLog, GrowsToItsLimitAndKeepsTheOneBefore) {
  const test::TempFolder folder;
  const std::string line = audit_line(kOne[0], kAt);
  AuditLog log(folder.path(), 2 * line.size());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(log.write(kOne, kAt));
    ASSERT_TRUE(log.sync());
  }
  EXPECT_EQ(test::read_text(folder / "audit.log"), line);
  EXPECT_EQ(test::read_text(folder / "audit.log.1"), line + line + line);
  AuditLog again(folder.path(), 2 * line.size());
  ASSERT_TRUE(again.write(kOne, kAt));
  EXPECT_EQ(test::read_text(folder / "audit.log"), line + line) << "a restart goes on with it";
}

TEST(AuditLog, SaysThatItCannotWriteAndGoesOnWhenItCan) {
  const test::TempFolder folder;
  std::filesystem::create_symlink("/dev/full", folder / "audit.log");
  AuditLog log(folder.path());
  const auto refused = log.write(kOne, kAt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, (folder / "audit.log").string());
  EXPECT_TRUE(log.sync()) << "there is nothing to wait for";
  std::filesystem::remove(folder / "audit.log");
  EXPECT_TRUE(log.write(kOne, kAt));
  EXPECT_TRUE(log.sync());
  EXPECT_EQ(test::read_text(folder / "audit.log"), audit_line(kOne[0], kAt));
}

}  // namespace
}  // namespace landseer::broker
