#include <array>

#include "bench/limit/limit.h"
#include "common/base/check.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::bench {
namespace {

std::unique_ptr<net::Dealer> connect(const net::Context& context, const LimitSetup& setup,
                                     const std::string& address) {
  auto dealer = std::make_unique<net::Dealer>(context);
  if (setup.with_keys) {
    CHECK(dealer->secure({setup.server.public_key, setup.peer.public_key, setup.peer.secret_key}),
          "keys are good");
  }
  CHECK(dealer->connect(address), "the address is good");
  return dealer;
}

std::string await_frame(net::Dealer& dealer) {
  for (;;) {
    std::array<net::PollItem, 1> items{{{&dealer}}};
    net::poll(items, Duration(-1));
    if (auto frame = dealer.receive()) return std::move(*frame);
  }
}

void send_all(net::Dealer& dealer, const std::string& frame) {
  while (!dealer.send(frame)) net::poll({}, std::chrono::milliseconds(1));
}

}  // namespace

void work_limit(const LimitSetup& setup, const std::string& address) {
  net::Context context;
  const auto dealer = connect(context, setup, address);
  send_all(*dealer, protocol::encode(protocol::FromWorker(protocol::Heartbeat{1, 1})));
  for (;;) {
    const auto decoded = protocol::decode_to_worker(await_frame(*dealer));
    const auto* assign = std::get_if<protocol::Assign>(&decoded->message);
    if (assign == nullptr) continue;
    protocol::Results results{1, {}};
    const std::int64_t now = net::now().wall.unix_ms;
    for (const auto& attempt : assign->attempts) {
      protocol::AttemptResult result;
      result.epoch = 1;
      result.task = attempt.task;
      result.attempt = attempt.attempt;
      result.outcome = protocol::Outcome::kSucceeded;
      result.started_at = result.finished_at = now;
      results.results.push_back(std::move(result));
    }
    send_all(*dealer, protocol::encode(protocol::FromWorker(results)));
  }
}

double submit_limit(const LimitSetup& setup, const std::string& address,
                    const protocol::Submission& submission) {
  net::Context context;
  const auto dealer = connect(context, setup, address);
  const Instant began = net::now().instant;
  const std::string body = protocol::encode_submission(submission);
  for (std::size_t at = 0; at < body.size(); at += protocol::kChunkBytesMax) {
    const protocol::SubmitChunk chunk{
        submission.submission_id, static_cast<std::uint32_t>(at / protocol::kChunkBytesMax),
        at + protocol::kChunkBytesMax >= body.size(), body.substr(at, protocol::kChunkBytesMax)};
    send_all(*dealer, protocol::encode(protocol::FromClient(chunk), 1));
  }
  CHECK(protocol::decode_to_client(await_frame(*dealer)), "the answer can be read");
  return std::chrono::duration<double>(net::now().instant - began).count();
}

}  // namespace landseer::bench
