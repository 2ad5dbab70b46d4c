#include "common/domain/secret_reference.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

TEST(SecretReference, NamesAreNamesOfFiles) {
  EXPECT_TRUE(is_secret_name("hub-token"));
  EXPECT_TRUE(is_secret_name("A_1.key"));
  for (const char* name : {"", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n", "caf\xc3\xa9"}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
  EXPECT_TRUE(is_secret_name(std::string(kSecretNameBytesMax, 'a')));
  EXPECT_FALSE(is_secret_name(std::string(kSecretNameBytesMax + 1, 'a')));
}

TEST(SecretReference, VariablesAreTheToolsOwn) {
  EXPECT_TRUE(is_secret_variable("HF_TOKEN"));
  EXPECT_TRUE(is_secret_variable("_a1"));
  for (const char* name : {"", "1A", "A-B", "PATH", "HOME", "LD_PRELOAD", "LANDSEER_TASK_ID",
                           "PYTHONPATH", "CONTAINERS_CONF", "DOCKER_HOST", "XDG_RUNTIME_DIR"}) {
    EXPECT_FALSE(is_secret_variable(name)) << name;
  }
}

TEST(SecretReference, AnEnvironmentNamesThem) {
  const auto secrets = secrets_of(R"({"A":"secret","B":{"secret":"hub"},"C":{"x":"y"},"D":1})");
  ASSERT_TRUE(secrets);
  EXPECT_EQ(*secrets, (std::map<std::string, std::string>{{"B", "hub"}}));
  EXPECT_TRUE(secrets_of("{}")->empty());
}

TEST(SecretReference, WhatIsNoReferenceIsRefused) {
  for (const char* env :
       {R"({"A":{"secret":"a/b"}})", R"({"A":{"secret":1}})", R"({"A":{"secret":"a","b":"c"}})",
        R"({"PATH":{"secret":"a"}})", R"({"A":{"secret":)"}) {
    const auto secrets = secrets_of(env);
    ASSERT_FALSE(secrets) << env;
    EXPECT_EQ(secrets.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(secrets.error().message.empty());
  }
}

}  // namespace
}  // namespace landseer::domain
