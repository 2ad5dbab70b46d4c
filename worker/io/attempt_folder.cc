#include "worker/io/attempt_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <tuple>

#include "common/net/clock.h"
#include "worker/io/file_tools.h"
#include "worker/io/log_index.h"
#include "worker/io/renewal.h"
#include "worker/io/spares.h"

namespace landseer::worker {
namespace {

std::string folder_name(const AttemptKey& key) {
  return std::to_string(key.epoch) + "." + std::to_string(number(key.task)) + "." +
         std::to_string(key.attempt);
}

template <class Number>
bool take_number(std::string_view& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<AttemptKey> parse_folder_name(std::string_view text) {
  AttemptKey key;
  std::uint64_t task = 0;
  const bool good = take_number(text, key.epoch) && take_dot(text) && take_number(text, task) &&
                    take_dot(text) && take_number(text, key.attempt) && text.empty();
  if (!good) return std::nullopt;
  key.task = TaskId{task};
  return key;
}

/// Makes a folder of exactly this mode, whatever the umask. An existing one is fine.
Result<void> make_folder(const std::filesystem::path& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return fail_errno("create the folder", path.string());
  }
  if (chmod(path.c_str(), mode) != 0) return fail_errno("open up the folder", path.string());
  return {};
}

/// One level: a folder for each pipeline would have to be removed by one thread while another makes
/// the next checkpoint in it.
std::string checkpoint_name(TaskId task, PipelineId pipeline) {
  return to_string(pipeline) + "." + to_string(task);
}

/// Names the work itself. Task numbers start again when a broker lost its store; another task must
/// not go on from this one's checkpoint.
std::string work_identity(const AttemptJob& job) {
  Hasher hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(std::to_string(text.size()) + ":");
    hasher.update(text);
  };
  const protocol::WorkSpec& spec = job.spec;
  for (const std::string* text : {&spec.tool, &spec.image, &spec.command, &spec.env,
                                  &spec.dataset_name, &spec.dataset_variant, &job.config}) {
    add(*text);
  }
  add(spec.model_script.hex());
  for (const protocol::InputArtifact& input : job.inputs) add(input.artifact.hex());
  return hasher.finish().hex();
}

constexpr std::string_view kMarkerEnding = ".work";

}  // namespace

struct AttemptFolders::SpareFolders {
  explicit SpareFolders(const std::filesystem::path& folder)
      : attempts(folder, "attempt-"),
        checkpoints(folder, "checkpoint-"),
        markers(folder, "marker-") {}

  Spares attempts;
  Spares checkpoints;
  Spares markers;
};

AttemptFolders::AttemptFolders(std::filesystem::path root)
    : root_(std::move(root)), spares_(std::make_shared<SpareFolders>(root_ / "spare")) {}

Result<AttemptFolders> AttemptFolders::open(const std::filesystem::path& scratch) {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::absolute(scratch, error);
  if (error) return fail(ErrorCode::kIo, "cannot find the folder: " + error.message(), scratch);
  for (const char* name : {"attempts", "logs", "checkpoints", "spare"}) {
    if (auto made = make_folder(root / name, 0700); !made) {
      return tl::make_unexpected(made.error());
    }
  }
  return AttemptFolders(root);
}

AttemptPaths AttemptFolders::paths(const AttemptKey& key, PipelineId pipeline) const {
  AttemptPaths paths;
  paths.folder = root_ / "attempts" / folder_name(key);
  paths.input = paths.folder / "input";
  paths.output = paths.folder / "output";
  paths.log = root_ / "logs" / (to_string(key.task) + "." + std::to_string(key.attempt) + ".log");
  paths.checkpoint = root_ / "checkpoints" / checkpoint_name(key.task, pipeline);
  return paths;
}

Result<AttemptPaths> AttemptFolders::create(const AttemptJob& job, ToolUser user) const {
  AttemptPaths paths = this->paths(job.key, job.pipeline);
  if (auto removed = remove_tree(paths.folder); !removed) {
    return tl::make_unexpected(removed.error());
  }
  if (user != ToolUser::kOurs || !spares_->attempts.take(paths.folder)) {
    if (auto made = make_folder(paths.input, 0755); !made) return tl::make_unexpected(made.error());
    if (auto made = make_folder(paths.output, 0777); !made) {
      return tl::make_unexpected(made.error());
    }
  }
  if (auto made = make_checkpoint(paths.checkpoint, work_identity(job), user); !made) {
    return tl::make_unexpected(made.error());
  }
  return paths;
}

Result<void> AttemptFolders::make_checkpoint(const std::filesystem::path& folder,
                                             const std::string& identity, ToolUser user) const {
  const std::filesystem::path parent = folder.parent_path();
  const std::string marker = folder.filename().string().append(kMarkerEnding);
  auto opened = open_folder(parent);
  if (!opened) return tl::make_unexpected(opened.error());
  const auto present = read_file(opened->get(), marker, identity.size());
  // What an earlier attempt put in the folder's place would lead out of here.
  if (present && *present == identity && open_tool_folder(folder)) {
    utimensat(opened->get(), marker.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);  // when it was used
    return make_folder(folder, 0777);
  }
  if (auto removed = remove_tree(folder); !removed) return removed;
  if (auto removed = remove_tree(parent / marker); !removed) return removed;
  const bool reuse = user == ToolUser::kOurs;
  if (reuse) spares_->markers.take(parent / marker);
  if (auto written = rewrite_file(opened->get(), marker, identity); !written) return written;
  if (reuse && spares_->checkpoints.take(folder)) return {};
  return make_folder(folder, 0777);
}

Result<void> AttemptFolders::remove(const AttemptKey& key, ToolUser user) const {
  const std::filesystem::path folder = root_ / "attempts" / folder_name(key);
  if (user == ToolUser::kOurs && renew_attempt(folder) && spares_->attempts.keep(folder)) return {};
  return remove_tree(folder);
}

Result<void> AttemptFolders::remove_checkpoint(TaskId task, PipelineId pipeline,
                                               ToolUser user) const {
  const std::filesystem::path folder = root_ / "checkpoints" / checkpoint_name(task, pipeline);
  const std::filesystem::path marker = std::filesystem::path(folder) += kMarkerEnding;
  const bool reuse = user == ToolUser::kOurs;
  if (!reuse || !renew_checkpoint(folder) || !spares_->checkpoints.keep(folder)) {
    if (auto removed = remove_tree(folder); !removed) return removed;
  }
  if (reuse && spares_->markers.keep(marker)) return {};
  return remove_tree(marker);
}

Result<void> AttemptFolders::remove_old_checkpoints(Duration age) const {
  auto folder = open_folder(root_ / "checkpoints");
  if (!folder) return tl::make_unexpected(folder.error());
  auto names = list_folder(folder->get());
  if (!names) return tl::make_unexpected(names.error());
  std::set<std::string> tasks;
  for (const AttemptKey& key : found()) tasks.insert(to_string(key.task));
  const std::int64_t now_s = net::now().wall.unix_ms / 1000;
  const std::int64_t age_s = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  for (const std::string& name : *names) {
    struct stat status {};
    if (!name.ends_with(kMarkerEnding) ||
        fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        now_s - status.st_mtim.tv_sec < age_s) {
      continue;
    }
    const std::string owner = name.substr(0, name.size() - kMarkerEnding.size());
    if (tasks.contains(owner.substr(owner.find('.') + 1))) continue;
    if (auto removed = remove_tree(root_ / "checkpoints" / owner); !removed) return removed;
    unlinkat(folder->get(), name.c_str(), 0);
  }
  return {};
}

std::vector<AttemptKey> AttemptFolders::found() const {
  std::vector<AttemptKey> keys;
  const auto folder = open_folder(root_ / "attempts");
  if (!folder) return keys;
  const auto names = list_folder(folder->get());
  if (!names) return keys;
  for (const std::string& name : *names) {
    if (const auto key = parse_folder_name(name)) keys.push_back(*key);
  }
  return keys;
}

LogTotals AttemptFolders::log_totals(const AttemptKey& key) const {
  const std::filesystem::path log = paths(key, {}).log;
  struct stat status {};
  if (lstat(log.c_str(), &status) != 0) return {};
  LogTotals totals{static_cast<std::uint64_t>(status.st_size), 1};
  if (lstat(index_path(log).c_str(), &status) == 0) {
    totals.bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return totals;
}

Result<LogTotals> AttemptFolders::prune_logs(const std::set<std::filesystem::path>& in_use,
                                             const LogLimits& limits) const {
  struct Log {
    timespec time;
    std::string name;
    std::uint64_t bytes;
  };
  auto folder = open_folder(root_ / "logs");
  if (!folder) return tl::make_unexpected(folder.error());
  auto names = list_folder(folder->get());
  if (!names) return tl::make_unexpected(names.error());
  std::vector<Log> logs;
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    struct stat status {};
    if (!name.ends_with(".log")) continue;  // counted and removed with its log
    if (fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    Log log{status.st_mtim, name, static_cast<std::uint64_t>(status.st_size)};
    if (fstatat(folder->get(), index_path(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      log.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    bytes += log.bytes;
    logs.push_back(std::move(log));
  }
  std::sort(logs.begin(), logs.end(), [](const Log& a, const Log& b) {
    return std::tie(a.time.tv_sec, a.time.tv_nsec, a.name) <
           std::tie(b.time.tv_sec, b.time.tv_nsec, b.name);
  });
  std::size_t files = logs.size();
  for (const Log& log : logs) {
    if (bytes <= limits.bytes_max && files <= limits.files_max) break;
    if (in_use.contains(root_ / "logs" / log.name)) continue;
    if (log.bytes == 0 && files <= limits.files_max) continue;  // makes no room
    if (unlinkat(folder->get(), log.name.c_str(), 0) != 0) return fail_errno("remove", log.name);
    unlinkat(folder->get(), index_path(log.name).c_str(), 0);
    bytes -= log.bytes;
    --files;
  }
  return LogTotals{bytes, files};
}

}  // namespace landseer::worker
