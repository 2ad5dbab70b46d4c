/// The typed requests of Client: each asks, checks the reply's type and reads all pages.
#include <algorithm>
#include <utility>

#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "submitter/client/client.h"

namespace landseer::client {
namespace {

// Chunks under way at once: enough to fill a connection, few enough that broker and client never
// hold more than this many MiB of one submission in their queues.
constexpr std::uint32_t kChunksUnderWay = 4;

tl::unexpected<Error> unexpected_reply(const std::string& address) {
  return fail(ErrorCode::kVersion,
              "the broker answered with a message that does not fit the request", address,
              "compare `landseer --version` with the broker's");
}

void append(auto& all, auto& page) {
  all.insert(all.end(), std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
}

}  // namespace

template <class Reply>
Result<Reply> Client::ask(const protocol::FromClient& message, Duration limit) {
  auto reply = request(message, limit);
  if (!reply) return tl::make_unexpected(std::move(reply.error()));
  auto* wanted = std::get_if<Reply>(&*reply);
  if (wanted == nullptr) return unexpected_reply(address_);
  return std::move(*wanted);
}

template <class Reply>
Result<Reply> Client::ask(const protocol::FromClient& message) {
  return ask<Reply>(message, options_.limits.reply);
}

Result<std::vector<protocol::PipelineRow>> Client::pipelines() {
  std::vector<protocol::PipelineRow> all;
  protocol::ListPipelines what;
  while (true) {
    auto page = ask<protocol::PipelineList>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    const bool more = page->more && !page->rows.empty();
    append(all, page->rows);
    if (!more) return all;
    what.after = all.back().pipeline;
  }
}

Result<protocol::PipelineStatus> Client::watch(const protocol::WatchPipeline& what,
                                               Duration limit) {
  return ask<protocol::PipelineStatus>(what, std::min(limit, options_.limits.reply));
}

Result<protocol::PipelineStatus> Client::status(PipelineId pipeline) {
  return ask<protocol::PipelineStatus>(protocol::WatchPipeline{.pipeline = pipeline});
}

Result<std::vector<protocol::TaskRow>> Client::tasks(PipelineId pipeline,
                                                     const TaskFilter& filter) {
  std::vector<protocol::TaskRow> all;
  protocol::ListTasks what{pipeline, filter.status, filter.tool, 0, protocol::kPageRowsMax};
  while (true) {
    auto page = ask<protocol::TaskList>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    append(all, page->rows);
    if (page->next_offset <= what.offset) return all;
    what.offset = page->next_offset;
  }
}

Result<protocol::TaskDetail> Client::task(TaskId task) {
  return ask<protocol::TaskDetail>(protocol::GetTask{task});
}

Result<protocol::Explanation> Client::explain(TaskId task) {
  return ask<protocol::Explanation>(protocol::GetExplanation{task});
}

Result<std::vector<protocol::WorkflowRow>> Client::workflows(PipelineId pipeline) {
  std::vector<protocol::WorkflowRow> all;
  protocol::ListWorkflows what{pipeline, 0, protocol::kPageRowsMax};
  while (true) {
    auto page = ask<protocol::WorkflowList>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    append(all, page->rows);
    if (page->next_offset <= what.offset) return all;
    what.offset = page->next_offset;
  }
}

Result<protocol::WorkerList> Client::workers() {
  protocol::WorkerList all;
  protocol::ListWorkers what;
  while (true) {
    auto page = ask<protocol::WorkerList>(what);
    if (!page) return page;
    const bool more = page->more && !page->rows.empty();
    append(all.rows, page->rows);
    all.named = std::move(page->named);
    if (!more) return all;
    what.after = all.rows.back().worker;
  }
}

Result<protocol::Drained> Client::drain(const protocol::Drain& what) {
  return ask<protocol::Drained>(what);
}

Result<std::vector<protocol::ToolTimeRow>> Client::tool_times(
    const std::vector<std::string>& tools) {
  std::vector<protocol::ToolTimeRow> all;
  for (std::size_t at = 0; at < tools.size(); at += protocol::kToolsAskedMax) {
    const std::size_t end = std::min(tools.size(), at + protocol::kToolsAskedMax);
    const auto from = tools.begin() + static_cast<std::ptrdiff_t>(at);
    auto list = ask<protocol::ToolTimeList>(
        protocol::GetToolTimes{{from, tools.begin() + static_cast<std::ptrdiff_t>(end)}});
    if (!list) return tl::make_unexpected(std::move(list.error()));
    append(all, list->rows);
  }
  return all;
}

Result<std::vector<protocol::OfferRow>> Client::offers() {
  std::vector<protocol::OfferRow> all;
  protocol::ListOffers what;
  while (true) {
    auto page = ask<protocol::OfferList>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    const bool more = page->more && !page->rows.empty();
    append(all, page->rows);
    if (!more) return all;
    what.after = all.back().worker;
  }
}

Result<std::vector<protocol::GraphPage>> Client::graph(PipelineId pipeline) {
  std::vector<protocol::GraphPage> all;
  protocol::GetGraph what{pipeline, 0};
  while (true) {
    auto page = ask<protocol::GraphPage>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    const std::uint64_t next = page->next_offset;
    all.push_back(std::move(*page));
    if (next <= what.offset) return all;
    what.offset = next;
  }
}

Result<protocol::ChangeList> Client::changes(const protocol::GetChanges& what) {
  return ask<protocol::ChangeList>(what);
}

Result<std::vector<protocol::TaskAttempt>> Client::attempts(PipelineId pipeline) {
  std::vector<protocol::TaskAttempt> all;
  protocol::ListAttempts what{pipeline, 0, protocol::kPageRowsMax};
  while (true) {
    auto page = ask<protocol::AttemptList>(what);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    append(all, page->rows);
    if (page->next_offset <= what.offset) return all;
    what.offset = page->next_offset;
  }
}

Result<protocol::StreamOpened> Client::open_stream(const protocol::OpenStream& what) {
  return ask<protocol::StreamOpened>(what);
}

Result<protocol::Cancelled> Client::cancel(const protocol::Cancel& what) {
  return ask<protocol::Cancelled>(what);
}

Result<protocol::Retried> Client::retry(const protocol::Retry& what) {
  return ask<protocol::Retried>(what);
}

Result<protocol::Paused> Client::set_paused(const protocol::Pause& what) {
  return ask<protocol::Paused>(what);
}

Result<protocol::Cancelled> Client::cancel_part(const protocol::CancelPart& what) {
  return ask<protocol::Cancelled>(what);
}

Result<protocol::Retried> Client::retry_part(const protocol::RetryPart& what) {
  return ask<protocol::Retried>(what);
}

Result<protocol::PartPaused> Client::pause_part(const protocol::PausePart& what) {
  return ask<protocol::PartPaused>(what);
}

Result<protocol::PrioritySet> Client::set_priority(const protocol::SetPriority& what) {
  return ask<protocol::PrioritySet>(what);
}

Result<protocol::Submitted> Client::submit(const protocol::Submission& submission) {
  return hand_in(submission, false);
}

Result<protocol::Submitted> Client::plan(const protocol::Submission& submission) {
  return hand_in(submission, true);
}

Result<protocol::Submitted> Client::hand_in(const protocol::Submission& submission,
                                            bool plan_only) {
  const std::string body = protocol::encode_submission(submission);
  if (body.size() > protocol::kSubmissionBytesMax) {
    return fail(ErrorCode::kLimit,
                "the submission has " + std::to_string(body.size()) + " bytes, more than " +
                    std::to_string(protocol::kSubmissionBytesMax),
                submission.name, "submit it in parts, or leave out options of a stage");
  }
  if (auto connected = connect(); !connected) return tl::make_unexpected(connected.error());
  return upload(submission.submission_id, body, plan_only);
}

Result<protocol::Submitted> Client::upload(const std::string& submission_id,
                                           const std::string& body, bool plan_only) {
  const std::size_t chunk_count = std::max<std::size_t>(
      1, (body.size() + protocol::kChunkBytesMax - 1) / protocol::kChunkBytesMax);
  std::uint64_t first_number = last_number_ + 1;
  std::size_t sent = 0;
  std::size_t taken = 0;
  while (true) {
    const Instant deadline =
        net::now().instant +
        (taken + 1 >= chunk_count ? options_.limits.commit : options_.limits.reply);
    while (sent < chunk_count && sent - taken < kChunksUnderWay) {
      protocol::SubmitChunk chunk{
          submission_id, static_cast<std::uint32_t>(sent), sent + 1 == chunk_count, {}, plan_only};
      chunk.data = body.substr(sent * protocol::kChunkBytesMax, protocol::kChunkBytesMax);
      if (auto number = send(chunk, deadline); !number) return tl::make_unexpected(number.error());
      ++sent;
    }
    auto received = receive(deadline);
    if (!received) return tl::make_unexpected(std::move(received.error()));
    auto& reply = *received;
    const bool failed = reply && std::holds_alternative<protocol::ErrorReply>(reply->message);
    // What the broker had of it may be gone with the connection. From the beginning, then: the id
    // makes it the same submission.
    if (!reply || (failed && loss_->take())) {
      first_number = last_number_ + 1;
      sent = taken = 0;
      continue;
    }
    if (reply->number != 0 && reply->number < first_number) continue;
    if (auto* done = std::get_if<protocol::Submitted>(&reply->message)) return std::move(*done);
    if (const auto* error = std::get_if<protocol::ErrorReply>(&reply->message)) {
      if (error->code == ErrorCode::kBusy) {
        // The chunks behind it miss this one, so all of them again.
        auto rested = pause(std::chrono::milliseconds(error->retry_ms));
        if (!rested) return tl::make_unexpected(rested.error());
        first_number = last_number_ + 1;
        sent = taken = 0;
        continue;
      }
      return fail(error->code, error->message, error->where, error->hint);
    }
    if (!std::holds_alternative<protocol::ChunkTaken>(reply->message)) {
      return unexpected_reply(address_);
    }
    if (taken + 1 < chunk_count) ++taken;
  }
}

}  // namespace landseer::client
