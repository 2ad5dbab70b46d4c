#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/config/dashboard_file.h"
#include "common/config/dashboard_token.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

constexpr Duration kTicketLife = std::chrono::minutes(5);

/// Set by sshd: the browser is on another machine.
bool is_remote() {
  const char* connection = std::getenv("SSH_CONNECTION");
  return connection != nullptr && *connection != '\0';
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "HOST";
}

/// `http://127.0.0.1:7713` -> `7713`.
std::string port_of(const std::string& url) { return url.substr(url.rfind(':') + 1); }

std::string ssh_line(const std::string& url) {
  const std::string port = port_of(url);
  const std::string target = url.substr(url.rfind('/') + 1);
  return fmt::format("ssh -N -L {}:{} {}", port, target, host_name());
}

}  // namespace

Result<int> run_dashboard(Context& context, const DashboardOptions& options) {
  const auto file = config::read_dashboard_file();
  if (!file) return tl::make_unexpected(file.error());
  const auto key = config::read_dashboard_key();
  if (!key) return tl::make_unexpected(key.error());
  config::DashboardToken ticket;
  ticket.may_act = options.control;
  ticket.expires_at = net::now().wall.unix_ms +
                      std::chrono::duration_cast<std::chrono::milliseconds>(kTicketLife).count();
  ticket.nonce = config::random_digest().hex().substr(0, 32);
  const std::string link =
      file->url + "/login?ticket=" + config::sign_token(*key, ticket, file->instance);
  if (context.json()) {
    print_document(context, {{"url", file->url},
                             {"link", link},
                             {"may_act", options.control},
                             {"ssh", is_remote() ? Json(ssh_line(file->url)) : Json()}});
    return kSuccess;
  }
  context.print(link + "\n");
  context.note(options.control ? "It works once, for five minutes, and lets you act."
                               : "It works once, for five minutes, and lets you look; with "
                                 "--control one that lets you act.");
  if (is_remote()) context.next("on the machine with the browser: " + ssh_line(file->url));
  return kSuccess;
}

}  // namespace landseer::cli
