/// Decides again by traces: `replay [--decisions] FILE...` prints for each file how many steps and
/// decisions it has, and a digest of all of them. Compiled twice, with different flags.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "broker/core/groups.h"
#include "broker/core/trace_replay.h"

namespace {

using namespace landseer;

void print(const broker::TraceReplay::Decision& each) {
  std::printf("%s %llu ", std::string(each.kind).c_str(),
              static_cast<unsigned long long>(each.peer));
  for (const char c : each.bytes) std::printf("%02x", static_cast<unsigned char>(c));
  std::printf("\n");
}

/// 0, or 1 with a message.
int replay(const char* path, bool prints) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::string_view left = all;
  if (!left.starts_with(broker::kTraceMagic)) {
    std::fprintf(stderr, "%s is no trace\n", path);
    return 1;
  }
  left.remove_prefix(broker::kTraceMagic.size());
  broker::TraceReplay replay(prints ? broker::TraceReplay::Sink(print)
                                    : broker::TraceReplay::Sink());
  for (std::string_view entry; broker::take_entry(left, entry);) {
    const auto step = broker::decode_step(entry);
    const auto done = step ? replay.step(*step) : tl::make_unexpected(step.error());
    if (done) continue;
    std::fprintf(stderr, "%s, step %llu: %s\n", path,
                 static_cast<unsigned long long>(replay.steps()), done.error().message.c_str());
    return 1;
  }
  const auto steps = static_cast<unsigned long long>(replay.steps());
  const Digest digest = replay.finish();
  const auto decisions = static_cast<unsigned long long>(replay.decisions());
  std::printf("%llu steps, %llu decisions, digest %s\n", steps, decisions, digest.hex().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool prints = false;
  int code = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--decisions") == 0) {
      prints = true;
    } else {
      code |= replay(argv[i], prints);
    }
  }
  return code;
}
