/// One connection of a browser: requests one after the other, or one stream of events.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dashboard/gateway/http_reader.h"
#include "dashboard/gateway/http_server.h"

namespace landseer::gateway {

class Connection;

/// What all connections share; lives as long as the server's loop.
struct Shared {
  Service& service;
  EventLog& events;
  HttpCounts& counts;
  HttpLimits limits;
  std::set<Connection*> streams{};                  ///< open ones
  std::set<std::shared_ptr<Connection>> waiting{};  ///< for the service's answer
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() { read(); }

  // --- Of a stream ---
  /// Sends what is new, unless it is still sending.
  void pump();
  /// A comment, if nothing is being sent.
  void keep_alive();
  const std::string& session() const { return start_.session; }
  void close();

 private:
  void read();
  void on_read(boost::beast::error_code error);
  void refuse(boost::beast::error_code error);
  void take_answer(Answer answer, bool keep_open);
  void respond(Response response, bool keep_open);
  void send(std::string head, std::shared_ptr<const std::string> body, bool keep_open);
  void begin_stream(StreamStart start);
  void watch_for_end();
  void send_events(std::vector<std::shared_ptr<const std::string>> texts);
  void end_stream();

  boost::beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  boost::beast::flat_buffer buffer_;
  std::optional<RequestParser> parser_;
  std::string remote_;
  bool head_only_ = false;
  StreamStart start_;
  bool is_stream_ = false;
  bool sending_ = false;
  char ignored_ = 0;  // what a client of a stream sends
};

}  // namespace landseer::gateway
