/// What agent and executor say to each other, as bytes.
#include "worker/io/executor_link.h"

#include <gtest/gtest.h>

#include "worker/io/executor_messages.h"

namespace landseer::worker {
namespace {

using protocol::Outcome;

AttemptKey key_of(std::uint64_t task) { return {1, TaskId{task}, 1}; }

TEST(ExecutorLink, MessagesComeBackAsTheyWere) {
  const Launch launch{key_of(9), {"a", "\xff\x01"}, {"A=1"}, "/c", "/l", ~0ULL, 2,   3,   {"t"},
                      {"k"},     {"r", "x"},        "g",     8,    true, {"d"}, "s", true};
  EXPECT_EQ(std::get<Launch>(*decode_to_executor(encode(ToExecutor(launch)))), launch);
  const Ended ended{key_of(9), Outcome::kTimeout, -1, "r", "t", -5, 6, 7, 8, true, key_of(2)};
  EXPECT_EQ(std::get<Ended>(*decode_from_executor(encode(FromExecutor(ended)))), ended);
  const Inventory inventory{{{key_of(1), 2, 3}, {key_of(2), 4, 5}}, "/", "u", true};
  EXPECT_EQ(std::get<Inventory>(*decode_from_executor(encode(FromExecutor(inventory)))), inventory);
  EXPECT_EQ(std::get<Start>(*decode_to_executor(encode(ToExecutor(Start{key_of(3)})))).key,
            key_of(3));
  EXPECT_TRUE(std::holds_alternative<Quit>(*decode_to_executor(encode(ToExecutor(Quit{})))));
}

TEST(ExecutorLink, TruncatedAndForeignBytesAreRefused) {
  const std::string bytes = encode(ToExecutor(Launch{key_of(9), {"a"}, {}, "/c", "/l", 1, 2, 3}));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_to_executor(std::string_view(bytes).substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_to_executor(bytes + "x"));
  EXPECT_FALSE(decode_to_executor("\x92\x63\x80"));              // [99, {}]
  EXPECT_FALSE(decode_to_executor("\x92\x01\x81\xa3key\xa1x"));  // [1, {key: "x"}]
}

}  // namespace
}  // namespace landseer::worker
