/// Records of a journal whose checksums are right and whose content is anything: each is refused,
/// or applied so that the tables agree with each other. The input is records as parts; the
/// submission of a pipeline is one of a few, since a digest stands for it.
#include "broker/core/records.h"
#include "tests/fuzz/small_cluster.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

const Budget kBudget{8 * 1024 * 1024, 4096};

std::vector<std::string> seeds() {
  SmallCluster cluster;
  typical_steps(cluster);
  std::vector<std::string> all(1);
  for (const broker::Record& record : cluster.records) {
    all.push_back(all.back() + part_of(broker::encode_record(record)));
  }
  return all;
}

namespace {

void give_body(broker::PipelineAdded& added) {
  static const std::string first = protocol::encode_submission(small_submission("first"));
  static const std::string second = protocol::encode_submission(small_submission("second"));
  added.body = added.digest == sha256(second) ? second : first;
  added.digest = sha256(added.body);
}

}  // namespace
}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  std::string_view input = fuzz::text_of(data, size);
  const Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  broker::Broker broker(fuzz::small_settings());
  while (!input.empty()) {
    const std::string_view bytes = fuzz::take_part(input);
    auto record = broker::decode_record(bytes);
    if (!record) {
      fuzz::check_error(record.error());
      return 0;
    }
    const std::string again = broker::encode_record(*record);
    const auto copy = broker::decode_record(again);
    CHECK(copy.has_value() && *copy == *record, "a record can be read back");
    if (auto* added = std::get_if<broker::PipelineAdded>(&*record)) fuzz::give_body(*added);
    const auto replayed = broker.replay(*record, now);
    if (!replayed) {
      fuzz::check_error(replayed.error());
      return 0;
    }
  }
  broker.end_replay(now);
  broker.check_invariants();
  broker::Outbox out;
  broker.settle({now.instant + std::chrono::hours(1), now.wall}, out);
  broker.check_invariants();
  return 0;
}
