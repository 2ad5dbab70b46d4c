#include "submitter/cli/follow.h"

#include <algorithm>

#include "common/net/clock.h"

namespace landseer::cli {
namespace {

// A busy pipeline changes many times a second; people and logs need no more than this.
constexpr Duration kNewsInterval = std::chrono::milliseconds(500);
// A restarted broker is back within this time; longer silence is for the user to judge.
constexpr Duration kSilenceMax = std::chrono::minutes(1);
// The broker answers a watch after ten seconds at the latest; the rest is for a slow network.
constexpr Duration kWatchLimit = std::chrono::seconds(15);

class Follower {
 public:
  Follower(Context& context, PipelineId pipeline, const FollowOptions& options)
      : context_(context), pipeline_(pipeline), options_(options) {}

  /// Empty when the deadline is over.
  Result<std::optional<protocol::PipelineStatus>> next_status(std::uint64_t known_version) {
    silent_since_.reset();
    while (true) {
      const Duration left = time_left();
      if (left <= Duration::zero()) return std::nullopt;
      auto status = ask(known_version, std::min(left, kWatchLimit));
      if (status) return std::optional(std::move(*status));
      if (context_.interrupted_by() != 0) return interrupted(std::move(status.error()));
      if (!is_worth_retrying(status.error())) return tl::make_unexpected(status.error());
    }
  }

  Result<void> rest() {
    auto client = context_.client();
    if (!client) return {};  // the next request finds out by itself
    auto paused = (*client)->pause(std::clamp(time_left(), Duration::zero(), kNewsInterval));
    if (!paused) return interrupted(std::move(paused.error()));
    return {};
  }

  Duration time_left() const {
    return options_.deadline ? *options_.deadline - net::now().instant : Duration::max();
  }

 private:
  Result<protocol::PipelineStatus> ask(std::uint64_t known_version, Duration limit) {
    auto client = context_.client();
    if (!client) return tl::make_unexpected(client.error());
    known_ = true;
    return (*client)->watch({pipeline_, known_version, options_.until_ended}, limit);
  }

  /// Silence of a broker that was there before is waited out for a while.
  bool is_worth_retrying(const Error& error) {
    if (error.code != ErrorCode::kUnavailable || !known_) return false;
    if (time_left() <= Duration::zero()) return true;
    const Instant now = net::now().instant;
    if (!silent_since_) {
      silent_since_ = now;
      context_.note("the broker does not answer; trying for another minute");
    }
    return now - *silent_since_ < kSilenceMax;
  }

  tl::unexpected<Error> interrupted(Error error) const {
    error.message = "interrupted; " + to_string(pipeline_) + " goes on";
    error.hint =
        "landseer watch " + to_string(pipeline_) + ", or landseer cancel " + to_string(pipeline_);
    return tl::make_unexpected(std::move(error));
  }

  Context& context_;
  PipelineId pipeline_;
  const FollowOptions& options_;
  std::optional<Instant> silent_since_;
  bool known_ = false;  // this broker was reached before
};

}  // namespace

Result<Followed> follow(Context& context, PipelineId pipeline, const FollowOptions& options,
                        const std::function<void(const protocol::PipelineStatus&)>& on_status) {
  Follower follower(context, pipeline, options);
  Followed followed;
  bool first = true;
  while (true) {
    auto status = follower.next_status(first ? 0 : followed.status.version);
    if (!status) return tl::make_unexpected(status.error());
    if (!*status) {
      followed.timed_out = true;
      return followed;
    }
    const bool news = first || (*status)->version != followed.status.version;
    first = false;
    followed.status = std::move(**status);
    const bool ended = is_ended(followed.status.row.state);
    if (news || ended || !options.until_ended) on_status(followed.status);
    if (ended) return followed;
    if (auto rested = follower.rest(); !rested) return tl::make_unexpected(rested.error());
  }
}

}  // namespace landseer::cli
