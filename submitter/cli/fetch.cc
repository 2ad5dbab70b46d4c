#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/artifact_fetch.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

/// What takes less needs no bar.
constexpr Duration kQuiet = std::chrono::seconds(1);
constexpr Duration kRedraw = std::chrono::milliseconds(100);
constexpr std::size_t kBarColumns = 32;

/// On a terminal only: one line, redrawn.
class TransferBar {
 public:
  explicit TransferBar(Context& context)
      : context_(context), began_(net::now().instant), drawn_at_(began_ + kQuiet - kRedraw) {}
  ~TransferBar() {
    if (drawn_) context_.err().stream << "\r\033[K" << std::flush;
  }
  TransferBar(const TransferBar&) = delete;
  TransferBar& operator=(const TransferBar&) = delete;

  void show(std::uint64_t done, std::uint64_t total) {
    const Instant now = net::now().instant;
    if (!context_.chatty() || !context_.err().terminal || now - drawn_at_ < kRedraw) return;
    drawn_at_ = now;
    drawn_ = true;
    const double seconds = std::chrono::duration<double>(now - began_).count();
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
    context_.err().stream << fmt::format("\r{} {} of {}, {}/s\033[K",
                                         progress_bar(context_.err(), done, total, kBarColumns),
                                         format_bytes(done), format_bytes(total),
                                         format_bytes(rate))
                          << std::flush;
  }

 private:
  Context& context_;
  Instant began_;
  Instant drawn_at_;
  bool drawn_ = false;
};

}  // namespace

Result<int> run_fetch(Context& context, const FetchOptions& options) {
  const auto task = client::select_task(options.task);
  if (!task) return tl::make_unexpected(task.error());
  std::error_code error;
  std::filesystem::path target =
      std::filesystem::absolute(options.folder.empty() ? to_string(*task) : options.folder, error);
  if (!target.has_filename()) target = target.parent_path();  // written with a last slash
  if (error || !target.has_filename()) {
    return fail(ErrorCode::kInvalid, "is no folder that can be made", options.folder);
  }
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  TransferBar bar(context);
  client::ArtifactFetch fetch(
      **client, *task, [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
  const auto fetched = fetch.run(target, options.force);
  if (!fetched) return tl::make_unexpected(fetched.error());
  if (context.json()) {
    print_document(context, {{"task_id", to_string(*task)},
                             {"artifact", fetched->artifact.hex()},
                             {"folder", target.string()},
                             {"files", fetched->files},
                             {"bytes", fetched->bytes},
                             {"bytes_moved", fetched->bytes_moved}});
  } else if (context.quiet()) {
    context.print(target.string() + "\n");
  } else {
    context.print(fmt::format("{}: {} files, {}\n", target.string(), fetched->files,
                              format_bytes(fetched->bytes)));
  }
  return kSuccess;
}

}  // namespace landseer::cli
