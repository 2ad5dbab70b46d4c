#include "submitter/client/address.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/config/rendezvous.h"

namespace landseer::client {
namespace {

class Address : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv("LANDSEER_BROKER");
    std::string pattern = (std::filesystem::temp_directory_path() / "landseer-XXXXXX").string();
    home_ = mkdtemp(pattern.data());
    setenv("LANDSEER_HOME", home_.c_str(), 1);
  }
  void TearDown() override {
    std::filesystem::remove_all(home_);
    unsetenv("LANDSEER_BROKER");
    unsetenv("LANDSEER_HOME");
  }
  std::string home_;
};

TEST_F(Address, FlagThenVariableThenFileThenDefault) {
  EXPECT_EQ(resolve_address("").value(), kDefaultAddress);
  config::Rendezvous rendezvous;
  rendezvous.clients_address = "tcp://127.0.0.1:1111";
  rendezvous.instance = "a";
  ASSERT_TRUE(config::write_rendezvous(rendezvous));
  EXPECT_EQ(resolve_address("").value(), "tcp://127.0.0.1:1111");
  setenv("LANDSEER_BROKER", "tcp://127.0.0.1:2222", 1);
  EXPECT_EQ(resolve_address("").value(), "tcp://127.0.0.1:2222");
  EXPECT_EQ(resolve_address("tcp://127.0.0.1:3333").value(), "tcp://127.0.0.1:3333");
}

TEST_F(Address, HostAndPortAreEnough) {
  EXPECT_EQ(resolve_address("broker.lab:7711").value(), "tcp://broker.lab:7711");
}

TEST_F(Address, ADamagedFileIsAnErrorNotADefault) {
  std::ofstream(config::rendezvous_path()) << "not json";
  EXPECT_EQ(resolve_address("").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace landseer::client
