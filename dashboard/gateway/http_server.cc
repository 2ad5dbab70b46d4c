#include "dashboard/gateway/http_server.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <utility>

#include "dashboard/gateway/http_connection.h"

namespace landseer::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// When the process has no descriptors left, accepting fails at once, again and again.
constexpr std::chrono::milliseconds kAcceptRetry(100);

Result<tcp::endpoint> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  std::uint16_t port = 0;
  bool is_right = colon != std::string::npos;
  if (is_right) {
    const char* begin = text.data() + colon + 1;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), port);
    is_right = error == std::errc{} && end == text.data() + text.size() && end != begin;
  }
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!is_right || error) {
    return fail(ErrorCode::kInvalid, "'" + text + "' is no address such as 127.0.0.1:7713",
                "--bind", "an address of this host and a port; port 0 picks a free one");
  }
  return tcp::endpoint(address, port);
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

}  // namespace

struct HttpServer::Parts {
  Parts(Service& service, EventLog& events, HttpCounts& counts, const HttpLimits& limits)
      : shared(std::make_shared<Shared>(Shared{service, events, counts, limits})),
        acceptor(loop),
        retry(loop),
        keep_alive(loop),
        signals(loop) {}

  void accept() {
    acceptor.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        retry.expires_after(kAcceptRetry);
        retry.async_wait([this](boost::system::error_code stopped) {
          if (!stopped) accept();
        });
        return;
      }
      // One too many is closed at once: whoever waits in the kernel's queue would wait for nothing.
      if (shared->counts.connections < shared->limits.connections) {
        std::make_shared<Connection>(std::move(socket), shared)->start();
      }
      accept();
    });
  }

  void tick() {
    keep_alive.expires_after(shared->limits.keep_alive);
    keep_alive.async_wait([this](boost::system::error_code error) {
      if (error) return;
      for (Connection* stream : streams()) stream->keep_alive();
      tick();
    });
  }

  /// A copy: a stream that fails leaves the set.
  std::vector<Connection*> streams() const {
    return {shared->streams.begin(), shared->streams.end()};
  }

  /// From any thread; many at once lead to one round.
  void wake() {
    if (woken.exchange(true)) return;
    asio::post(loop, [this] {
      woken = false;
      for (Connection* stream : streams()) stream->pump();
    });
  }

  void close_streams(const std::string& session) {
    asio::post(loop, [this, session] {
      for (Connection* stream : streams()) {
        if (stream->session() == session) stream->close();
      }
    });
  }

  std::shared_ptr<Shared> shared;
  std::atomic<bool> woken{false};
  asio::io_context loop{1};
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  asio::steady_timer keep_alive;
  asio::posix::stream_descriptor signals;
};

HttpServer::HttpServer(Service& service, EventLog& events, HttpCounts& counts,
                       const HttpLimits& limits)
    : parts_(std::make_unique<Parts>(service, events, counts, limits)) {
  events.on_news([parts = parts_.get()] { parts->wake(); });
  service.on_logout(
      [parts = parts_.get()](const std::string& session) { parts->close_streams(session); });
}

HttpServer::~HttpServer() {
  // They hold what holds them.
  parts_->shared->waiting.clear();
}

Result<std::string> HttpServer::listen(const std::string& address) {
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) return tl::make_unexpected(endpoint.error());
  boost::system::error_code error;
  tcp::acceptor& acceptor = parts_->acceptor;
  acceptor.open(endpoint->protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(*endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot listen: " + error.message(), address,
                "choose another address with --bind; port 0 picks a free one");
  }
  return text_of(acceptor.local_endpoint());
}

void HttpServer::run(net::SignalWatch& signals) {
  parts_->accept();
  parts_->tick();
  parts_->signals.assign(dup(signals.fd()));
  parts_->signals.async_wait(asio::posix::stream_descriptor::wait_read,
                             [this, &signals](boost::system::error_code) {
                               spdlog::info("signal {}: stopping", signals.take());
                               parts_->loop.stop();
                             });
  parts_->loop.run();
}

}  // namespace landseer::gateway
