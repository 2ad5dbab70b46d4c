/// The body of a submission, from bytes to a pipeline of the core: refused with one error, or
/// built, and then the core can run it, forget nothing of it and read it back.
#include "broker/core/submission_builder.h"
#include "common/protocol/codec.h"
#include "tests/fuzz/small_cluster.h"
#include "tests/fuzz/target.h"
#include "tests/protocol/examples.h"

namespace landseer::fuzz {

// Each task of the submission is a dozen small tables in the core.
const Budget kBudget{8 * 1024 * 1024, 8192};

std::vector<std::string> seeds() {
  protocol::Submission forecast = small_submission("live");
  forecast.policy = "finish-first";
  forecast.options[1].time_estimate_ms = 60'000;
  return {protocol::encode_submission(protocol::submission_example()),
          protocol::encode_submission(small_submission("small")),
          protocol::encode_submission(forecast)};
}

namespace {

/// True if the pipeline can be built; where it cannot, the error says why.
bool is_buildable(const protocol::Submission& submission) {
  domain::IdCounters ids;
  broker::RequestTable requests;
  const auto built =
      broker::build_pipeline(submission, ids, requests, broker::ToolTimes{}, WallTime{1});
  if (built) return true;
  check_error(built.error());
  CHECK(built.error().code == ErrorCode::kInvalid || built.error().code == ErrorCode::kLimit,
        "a submission is invalid or too large");
  CHECK(ids.task == 1 && ids.pipeline == 1, "what is refused uses no number");
  return false;
}

}  // namespace
}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  const std::string_view body = fuzz::text_of(data, size);
  const auto submission = protocol::decode_submission(body);
  if (!submission) {
    fuzz::check_error(submission.error());
    return 0;
  }
  const bool buildable = fuzz::is_buildable(*submission);
  fuzz::SmallCluster cluster;
  const protocol::SubmitChunk chunk{submission->submission_id, 0, true, std::string(body)};
  const std::string step = cluster.client_step(0, chunk);
  if (body.size() > 60'000) return 0;  // more than a step can carry
  std::string_view rest = step;
  cluster.step(rest);
  CHECK(buildable == !cluster.records.empty(), "the core takes what can be built, and only that");
  cluster.check_recovery();
  return 0;
}
