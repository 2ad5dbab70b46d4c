#include "common/keys/key_files.h"

#include <gtest/gtest.h>

namespace landseer::keys {
namespace {

const std::string kOne(40, 'a');
const std::string kTwo = "#" + std::string(39, 'b');  // a letter of Z85

KeyFile example() {
  KeyFile key;
  key.name = "gpu7";
  key.role = Role::kWorker;
  key.public_key = kOne;
  key.secret_key = kTwo;
  key.broker_key = std::string(40, 'c');
  return key;
}

TEST(KeyFile, IsReadAsItWasWritten) {
  const auto key = parse_key_file(format(example()), "here");
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(key->name, "gpu7");
  EXPECT_EQ(key->role, Role::kWorker);
  EXPECT_EQ(key->public_key, kOne);
  EXPECT_EQ(key->secret_key, kTwo);
  EXPECT_EQ(key->broker_key, std::string(40, 'c'));
}

TEST(KeyFile, OfTheBrokerHasNoRole) {
  KeyFile broker = example();
  broker.role.reset();
  broker.broker_key.clear();
  const auto key = parse_key_file(format(broker), "here");
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_FALSE(key->role);
}

/// Every line left out, doubled or cut, every byte replaced: never a crash, and never another key.
TEST(KeyFile, DamageIsNoticed) {
  const std::string good = format(example());
  for (std::size_t i = good.find("name"); i < good.size(); ++i) {
    EXPECT_FALSE(parse_key_file(good.substr(0, i), "here") && i + 1 < good.size()) << i;
    std::string bad = good;
    bad[i] = '\x01';
    const auto key = parse_key_file(bad, "here");
    EXPECT_TRUE(!key || good[i] == '\n') << i;
  }
  EXPECT_FALSE(parse_key_file(good + "name other\n", "here")) << "said twice";
  EXPECT_FALSE(parse_key_file(good + "colour blue\n", "here"));
  EXPECT_FALSE(parse_key_file("", "here"));
  EXPECT_FALSE(parse_key_file(std::string(kKeyFileBytesMax + 1, '\n'), "here"));
}

TEST(KeyFile, ErrorsDoNotShowTheSecret) {
  std::string bad = format(example());
  bad.insert(bad.find("secret") + 7, "x ");
  const auto key = parse_key_file(bad, "here");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().to_string().find(kTwo), std::string::npos) << key.error().to_string();
}

TEST(Authorized, IsReadAsItWasWritten) {
  const std::vector<Authorized> list{{Role::kAdmin, "root", kOne, "root"},
                                     {Role::kReader, "screen", kTwo, "*"},
                                     {Role::kSubmitter, "laptop", std::string(40, 'd'), "alice"}};
  const auto read = parse_authorized(format(list), "here");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, list);
}

TEST(Authorized, CommentsAndSpacesDoNotCount) {
  const auto list = parse_authorized("\n# who\n \t admin  root " + kOne + " \r\n", "here");
  ASSERT_TRUE(list) << list.error().to_string();
  EXPECT_EQ(*list, (std::vector<Authorized>{{Role::kAdmin, "root", kOne, "root"}}));
}

TEST(Authorized, BadLinesAreNamed) {
  const std::string good = "admin root " + kOne + "\n";
  const std::vector<std::string> bad_lines{"admin",
                                           "boss root " + kTwo,
                                           "admin ro/ot " + kTwo,
                                           "admin other short",
                                           "admin root " + kTwo,
                                           "admin other " + kOne,
                                           "admin other " + kTwo + " *",
                                           "submitter other " + kTwo + " *",
                                           "reader other " + kTwo + " a b",
                                           "admin -x " + kTwo,
                                           "admin .. " + kTwo,
                                           "admin " + std::string(65, 'n') + " " + kTwo};
  for (const std::string& line : bad_lines) {
    const auto list = parse_authorized(good + line + "\n", "here");
    ASSERT_FALSE(list) << line;
    EXPECT_NE(list.error().message.find("line 2"), std::string::npos) << list.error().to_string();
  }
  EXPECT_EQ(parse_authorized(std::string(kAuthorizedBytesMax + 1, '\n'), "here").error().code,
            ErrorCode::kLimit);
}

TEST(Role, EachOpensItsDoors) {
  const auto doors = [](Role role) {
    std::string text;
    for (const Door door : kDoors) {
      if (opens(role, door)) text += std::string(to_string(door)) + " ";
    }
    return text;
  };
  EXPECT_EQ(doors(Role::kReader), "clients bulk ");
  EXPECT_EQ(doors(Role::kSubmitter), "clients bulk ");
  EXPECT_EQ(doors(Role::kAdmin), "clients bulk ");
  EXPECT_EQ(doors(Role::kWorker), "workers bulk ");
  for (const Role role : kRoles) EXPECT_EQ(role_from(to_string(role)), role);
  EXPECT_FALSE(role_from("boss"));
  EXPECT_FALSE(door_from(""));
}

}  // namespace
}  // namespace landseer::keys
