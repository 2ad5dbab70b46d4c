/// What every verb is given: the global options, the streams, and the connection to the broker,
/// made when a verb first asks for it. One per run of the program; one thread.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/signals.h"
#include "submitter/cli/screen.h"
#include "submitter/client/client.h"

namespace landseer::cli {

struct GlobalOptions {
  std::string broker;
  std::string keys;  ///< folder; empty: that of $LANDSEER_HOME
  bool json = false;
  bool quiet = false;
  bool no_color = false;
  bool trace = false;  ///< log every message (--log-level debug or trace)
};

struct Streams {
  Screen out;
  Screen err;
  std::istream& in;
  bool can_ask = false;  ///< a person reads `err` and types into `in`
};

class Context {
 public:
  Context(GlobalOptions options, Streams streams);

  bool json() const { return options_.json; }
  bool quiet() const { return options_.quiet; }
  /// Hints and progress: neither with --json nor with --quiet.
  bool chatty() const { return !options_.json && !options_.quiet; }
  const std::string& keys_folder() const { return options_.keys; }
  const Screen& out() const { return streams_.out; }
  const Screen& err() const { return streams_.err; }

  /// The greeted client. From here on signals are taken by its waits.
  Result<client::Client*> client();
  /// The same for a verb that can do without: null when nothing says where a broker is, or it does
  /// not answer within a second, which is noted.
  client::Client* client_if_near();

  void print(std::string_view text);
  /// `next: ...` on stderr, if chatty.
  void next(std::string_view hint);
  /// `warning: ...` on stderr, unless quiet; remote or file text is made safe.
  void warn(std::string_view text);
  /// A line of news on stderr, if chatty.
  void note(std::string_view text);
  /// Asks on the terminal; kInvalid where nobody can answer, naming `flag` as the way out.
  Result<bool> confirm(std::string_view question, std::string_view flag);

  /// Sleeps, but not through a signal: kUnavailable if one came.
  Result<void> rest(Duration duration);
  /// The signal that ended a wait, or 0.
  int interrupted_by() const { return client_ ? client_->interrupted_by() : 0; }

 private:
  Result<client::Client*> connect(client::Limits limits);

  GlobalOptions options_;
  Streams streams_;
  std::unique_ptr<net::SignalWatch> signals_;  // outlives client_
  std::unique_ptr<client::Client> client_;
};

}  // namespace landseer::cli
