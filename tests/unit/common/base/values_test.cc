/// Ids, digests, errors: the small values.
#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/result.h"

namespace landseer {
namespace {

TEST(Ids, PrintAndParseWithAndWithoutTheirWord) {
  EXPECT_EQ(to_string(TaskId{7}), "task_7");
  EXPECT_EQ(parse_id<TaskId>("task_7"), TaskId{7});
  EXPECT_EQ(parse_id<PipelineId>("3"), PipelineId{3});
  for (const char* text :
       {"", "task_", "task_0", "0", "-1", "workflow_1", "task_1x", "99999999999999999999"}) {
    EXPECT_FALSE(parse_id<TaskId>(text)) << text;
  }
}

TEST(Digest, IsWhatSha256sumPrints) {
  const Digest digest = sha256("abc");
  EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::from_hex(digest.hex()), digest);
  EXPECT_FALSE(Digest::from_hex("ba78"));
  EXPECT_FALSE(Digest::from_hex(std::string(64, 'G')));
  EXPECT_TRUE(Digest{}.empty());
}

TEST(Digest, InPiecesIsTheSame) {
  Hasher hasher;
  hasher.update("a");
  hasher.update("bc");
  EXPECT_EQ(hasher.finish(), sha256("abc"));
}

TEST(Hmac, IsThatOfOpenSsl) {
  // printf TEXT | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY, with the key 01 02 ... 20.
  Digest key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(i + 1);
  EXPECT_EQ(hmac_sha256(bytes_of(key), "what is signed").hex(),
            "9c39456d51e086a37e1e43a4d084f688243a751c9583726668fce4d2050887ca");
  EXPECT_NE(hmac_sha256(bytes_of(key), "what is signed"),
            hmac_sha256(bytes_of(Digest{}), "what is signed"));
}

TEST(Secrets, AreEqualOnlyAsAWhole) {
  EXPECT_TRUE(is_equal_secret("", ""));
  EXPECT_TRUE(is_equal_secret("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "abcd", "ABC"}) {
    EXPECT_FALSE(is_equal_secret("abc", other)) << other;
  }
}

TEST(Error, SaysWhereWhatAndWhatToDo) {
  const Error error{ErrorCode::kInvalid, "unknown tool 'x'", "p.yaml:3:5", "did you mean 'y'?"};
  EXPECT_EQ(error.to_string(), "p.yaml:3:5: unknown tool 'x' (did you mean 'y'?)");
}

}  // namespace
}  // namespace landseer
