#include "submitter/cli/context.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

#include "submitter/cli/text_width.h"
#include "submitter/client/address.h"

namespace landseer::cli {

Context::Context(GlobalOptions options, Streams streams)
    : options_(std::move(options)), streams_(streams) {}

Result<client::Client*> Context::client() { return connect({}); }

client::Client* Context::client_if_near() {
  if (!client::is_address_known(options_.broker)) return nullptr;
  client::Limits limits;
  limits.connect = std::chrono::seconds(1);
  const auto near = connect(limits);
  if (near) return *near;
  note("no broker was asked: " + near.error().message);
  return nullptr;
}

Result<client::Client*> Context::connect(client::Limits limits) {
  if (!client_) {
    signals_ = std::make_unique<net::SignalWatch>();
    // A reader of our output that leaves (`landseer list | head`) ends us, as it ends other tools.
    std::signal(SIGPIPE, SIG_DFL);
    client::ClientOptions options;
    options.broker = options_.broker;
    options.keys = options_.keys;
    options.signals = signals_.get();
    options.limits = limits;
    if (options_.trace) options.trace = [](const std::string& line) { spdlog::debug(line); };
    client_ = std::make_unique<client::Client>(std::move(options));
  }
  if (auto connected = client_->connect(); !connected) {
    return tl::make_unexpected(connected.error());
  }
  return client_.get();
}

Result<void> Context::rest(Duration duration) {
  // Without a client signals end the program by themselves.
  return client_ ? client_->pause(duration) : Result<void>();
}

void Context::print(std::string_view text) {
  streams_.out.stream << text;
  streams_.out.stream.flush();
}

void Context::next(std::string_view hint) {
  if (chatty())
    streams_.err.stream << paint(streams_.err, Color::kDim, "next:") << ' ' << hint << '\n';
}

void Context::warn(std::string_view text) {
  if (options_.quiet) return;
  streams_.err.stream << paint(streams_.err, Color::kYellow, "warning:") << ' '
                      << one_line(std::string(text)) << '\n';
}

void Context::note(std::string_view text) {
  if (chatty()) streams_.err.stream << one_line(std::string(text)) << '\n';
}

Result<bool> Context::confirm(std::string_view question, std::string_view flag) {
  if (!streams_.can_ask || options_.json) {
    return fail(ErrorCode::kInvalid, std::string(question) + " Nobody can answer here.", "",
                "add " + std::string(flag) + " to mean it");
  }
  streams_.err.stream << one_line(std::string(question)) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(streams_.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace landseer::cli
