/// Items of a snapshot whose checksums are right and whose content is anything: refused, or loaded
/// so that the tables agree with each other. The input is items as parts.
#include "broker/core/snapshot_items.h"
#include "tests/fuzz/small_cluster.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

const Budget kBudget{8 * 1024 * 1024, 4096};

namespace {

std::string joined(const std::vector<std::string>& items) {
  std::string all;
  for (const std::string& item : items) all += part_of(item);
  return all;
}

void give_body(broker::PipelineItem& item) {
  static const std::string first = protocol::encode_submission(small_submission("first"));
  static const std::string second = protocol::encode_submission(small_submission("second"));
  item.body = item.digest == sha256(second) ? second : first;
  item.digest = sha256(item.body);
}

}  // namespace

std::vector<std::string> seeds() {
  SmallCluster whole;
  std::vector<std::string> all;
  SmallCluster cluster;
  for (const std::string& step : typical_steps(whole)) {
    std::string_view rest = step;
    cluster.step(rest);
    all.push_back(joined(cluster.snapshot()));
  }
  return all;
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  std::string_view input = fuzz::text_of(data, size);
  const Now now{Instant{1'000'000'000}, WallTime{1'700'000'000'000}};
  broker::Broker broker(fuzz::small_settings());
  while (!input.empty()) {
    auto item = broker::decode_item(fuzz::take_part(input));
    if (!item) {
      fuzz::check_error(item.error());
      return 0;
    }
    const auto copy = broker::decode_item(broker::encode_item(*item));
    CHECK(copy.has_value() && *copy == *item, "an item can be read back");
    if (auto* pipeline = std::get_if<broker::PipelineItem>(&*item)) fuzz::give_body(*pipeline);
    const auto loaded = broker.load(*item, now);
    if (!loaded) {
      fuzz::check_error(loaded.error());
      return 0;
    }
  }
  if (const auto ended = broker.end_load(now); !ended) fuzz::check_error(ended.error());
  return 0;
}
