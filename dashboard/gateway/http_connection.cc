#include "dashboard/gateway/http_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <utility>

namespace landseer::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr int kStreamBufferBytes = 128 * 1024;  // which Linux doubles

void add_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) {
    if (c != '\r' && c != '\n') head.push_back(c);  // whatever a value came from
  }
  head.append("\r\n");
}

std::string head_of(unsigned status) {
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head.append(reason.data(), reason.size()).append("\r\n");
  add_header(head, "Server", "landseer-dashboard");
  for (const auto& [name, value] : safety_headers()) add_header(head, name, value);
  return head;
}

bool has_header(const Response& response, std::string_view name) {
  for (const auto& [known, value] : response.headers) {
    if (known == name) return true;
  }
  return false;
}

asio::const_buffer buffer_of(const std::string& text) { return asio::buffer(text); }

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
    : stream_(std::move(socket)),
      shared_(std::move(shared)),
      buffer_(shared_->limits.request.header_bytes + shared_->limits.request.body_bytes) {
  ++shared_->counts.connections;
  beast::error_code ignored;
  remote_ = stream_.socket().remote_endpoint(ignored).address().to_string();
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
}

Connection::~Connection() {
  if (is_stream_) end_stream();
  --shared_->counts.connections;
}

void Connection::read() {
  parser_.emplace();
  set_limits(*parser_, shared_->limits.request);
  stream_.expires_after(shared_->limits.read);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
}

void Connection::on_read(beast::error_code error) {
  if (error) return refuse(error);
  const bool keep_open = parser_->get().keep_alive();
  auto request = take_request(*parser_, remote_);
  stream_.expires_never();
  head_only_ = parser_->get().method() == http::verb::head;
  if (!request) return respond(bad_target(), false);
  if (head_only_) request->method = "GET";
  // It lives as long as the answer takes, and ends in this thread, whoever forgets the answer last.
  shared_->waiting.insert(shared_from_this());
  auto reply = [weak = weak_from_this(), executor = stream_.get_executor(),
                keep_open](Answer answer) {
    asio::post(executor, [weak, keep_open, answer = std::move(answer)]() mutable {
      if (const auto self = weak.lock()) self->take_answer(std::move(answer), keep_open);
    });
  };
  shared_->service.handle(std::move(*request), std::move(reply));
}

void Connection::take_answer(Answer answer, bool keep_open) {
  shared_->waiting.erase(shared_from_this());
  if (auto* start = std::get_if<StreamStart>(&answer)) {
    begin_stream(std::move(*start));
  } else {
    respond(std::move(std::get<Response>(answer)), keep_open);
  }
}

/// What is no request that can be answered.
void Connection::refuse(beast::error_code error) {
  if (error == http::error::end_of_stream || error == asio::error::operation_aborted) {
    return close();
  }
  ++shared_->counts.malformed;
  auto refusal = error == beast::error::timeout ? std::nullopt : refusal_of(error);
  if (!refusal) return close();
  stream_.expires_never();
  respond(std::move(*refusal), false);
}

void Connection::respond(Response response, bool keep_open) {
  auto& counts = shared_->counts;
  ++(response.status < 400   ? counts.answered
     : response.status < 500 ? counts.refused
                             : counts.failed);
  std::string head = head_of(response.status);
  for (const auto& [name, value] : response.headers) add_header(head, name, value);
  if (!has_header(response, "Cache-Control")) {
    add_header(head, "Cache-Control", "private, no-cache");
  }
  const bool may_have_body = response.status != 204 && response.status != 304;
  if (response.body && may_have_body) add_header(head, "Content-Type", response.type);
  if (may_have_body) {
    const std::size_t size = response.body ? response.body->size() : 0;
    add_header(head, "Content-Length", std::to_string(size));
  }
  add_header(head, "Connection", keep_open ? "keep-alive" : "close");
  head.append("\r\n");
  if (head_only_ || !may_have_body) response.body = nullptr;
  send(std::move(head), std::move(response.body), keep_open);
}

void Connection::send(std::string head, std::shared_ptr<const std::string> body, bool keep_open) {
  auto kept = std::make_shared<const std::string>(std::move(head));
  std::vector<asio::const_buffer> buffers{buffer_of(*kept)};
  if (body) buffers.push_back(buffer_of(*body));
  stream_.expires_after(shared_->limits.write);
  asio::async_write(
      stream_, buffers,
      [self = shared_from_this(), kept, body, keep_open](beast::error_code error, std::size_t) {
        if (error || !keep_open) return self->close();
        self->read();
      });
}

void Connection::begin_stream(StreamStart start) {
  start_ = std::move(start);
  is_stream_ = true;
  shared_->streams.insert(this);
  ++shared_->counts.streams;
  ++shared_->counts.answered;
  // What the kernel holds for a slow client is bounded, too.
  beast::error_code ignored;
  stream_.socket().set_option(asio::socket_base::send_buffer_size(kStreamBufferBytes), ignored);
  stream_.expires_never();
  watch_for_end();
  std::string head = head_of(200);
  add_header(head, "Content-Type", "text/event-stream; charset=utf-8");
  add_header(head, "Cache-Control", "no-store");
  add_header(head, "X-Accel-Buffering", "no");  // nginx passes events on at once
  add_header(head, "Connection", "close");
  head.append("\r\n").append(start_.first);
  start_.first.clear();
  send_events({std::make_shared<const std::string>(std::move(head))});
}

/// A client that goes away is noticed also when nothing is sent.
void Connection::watch_for_end() {
  stream_.async_read_some(asio::buffer(&ignored_, 1),
                          [self = shared_from_this()](beast::error_code, std::size_t) {
                            self->close();  // gone, or it says what nobody asked for
                          });
}

void Connection::pump() {
  if (sending_ || !is_stream_) return;
  EventBatch batch = shared_->events.read(start_.from, start_.filter, kBatchBytes);
  if (batch.gap) {
    start_.from = shared_->events.newest();
    const std::string position = shared_->events.position(start_.from);
    return send_events({std::make_shared<const std::string>(
        event_text(position, "reset",
                   R"({"reason":"more happened than this connection could carry","position":")" +
                       position + "\"}"))});
  }
  start_.from = batch.next;
  if (!batch.events.empty()) send_events(std::move(batch.events));
}

void Connection::keep_alive() {
  static const auto comment = std::make_shared<const std::string>(": keep-alive\n\n");
  if (!sending_ && is_stream_) send_events({comment});
}

void Connection::send_events(std::vector<std::shared_ptr<const std::string>> texts) {
  sending_ = true;
  std::vector<asio::const_buffer> buffers;
  for (const auto& text : texts) buffers.push_back(buffer_of(*text));
  stream_.expires_after(shared_->limits.stream_write);
  asio::async_write(
      stream_, buffers,
      [self = shared_from_this(), texts = std::move(texts)](beast::error_code error, std::size_t) {
        self->sending_ = false;
        if (error == beast::error::timeout) ++self->shared_->counts.dropped_streams;
        if (error) return self->close();
        self->pump();
      });
}

void Connection::end_stream() {
  is_stream_ = false;
  shared_->streams.erase(this);
  --shared_->counts.streams;
  shared_->service.stream_ended(start_.session);
}

void Connection::close() {
  if (is_stream_) end_stream();
  beast::error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
}

}  // namespace landseer::gateway
