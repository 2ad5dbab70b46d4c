#include "submitter/client/artifact_fetch.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>
#include <variant>

#include "common/net/clock.h"

namespace landseer::client {
namespace {

namespace fs = std::filesystem;

/// A source is given up after this long without a byte, as a worker does with another one.
constexpr Duration kSilenceMax = std::chrono::seconds(10);
/// While the connection is being made, a request is tried again this often.
constexpr Duration kSendRetry = std::chrono::milliseconds(5);
/// When no source was of use: holders come back, and the broker may know others.
constexpr Duration kRoundPause = std::chrono::seconds(1);
constexpr int kRoundsMax = 5;
constexpr std::size_t kReadBytes = 256 * 1024;

tl::unexpected<Error> fail_errno(const std::string& what, const fs::path& where) {
  const int code = errno;
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::generic_category().message(code),
              where,
              code == ENOSPC ? "free space on this disk, then run it again: it goes on" : "");
}

Result<std::string> read_whole(int file, const fs::path& where) {
  std::string content;
  std::string buffer(kReadBytes, '\0');
  for (off_t at = 0;;) {
    const ssize_t got = pread(file, buffer.data(), buffer.size(), at);
    if (got < 0) return fail_errno("read", where);
    if (got == 0) return content;
    content.append(buffer, 0, static_cast<std::size_t>(got));
    at += got;
  }
}

Result<void> write_at(int file, std::string_view data, std::uint64_t offset,
                      const fs::path& where) {
  while (!data.empty()) {
    const ssize_t put = pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno("write", where);
    data.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

bool is_there(const fs::path& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

bool is_empty_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && fs::is_empty(path, error);
}

}  // namespace

Result<Fetched> ArtifactFetch::run(const fs::path& target, bool replace) {
  if (auto prepared = prepare(target, replace); !prepared) {
    return tl::make_unexpected(prepared.error());
  }
  if (auto opened = open(); !opened) return tl::make_unexpected(opened.error());
  auto manifest = fetch_manifest();
  if (!manifest) return tl::make_unexpected(manifest.error());
  std::map<Digest, std::uint64_t> contents;
  for (const ManifestEntry& entry : manifest->entries) contents[entry.content] = entry.bytes;
  total_ = 0;
  for (const auto& [blob, bytes] : contents) total_ += bytes;
  done_ = 0;
  for (const auto& [blob, bytes] : contents) {
    if (auto got = fetch_blob(blob, bytes); !got) return tl::make_unexpected(got.error());
  }
  if (auto made = assemble(*manifest); !made) return tl::make_unexpected(made.error());
  if (auto installed = install(target, replace); !installed) {
    return tl::make_unexpected(installed.error());
  }
  fetched_.artifact = opened_.artifact;
  fetched_.bytes = manifest->bytes();
  fetched_.files = manifest->entries.size();
  return fetched_;
}

Result<void> ArtifactFetch::prepare(const fs::path& target, bool replace) {
  if (!replace && is_there(target) && !is_empty_folder(target)) {
    return fail(ErrorCode::kConflict, "the folder exists and is not empty", target,
                "name another one, or add --force to replace it");
  }
  if (replace && is_there(target) && !fs::is_directory(fs::symlink_status(target))) {
    return fail(ErrorCode::kConflict, "is there already and is no folder", target,
                "name another one");
  }
  stage_ = target.parent_path() / ("." + target.filename().string() + ".fetching");
  if (mkdir(stage_.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("create the folder", stage_);
  }
  lock_ = UniqueFd(::open(stage_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!lock_ || fstat(lock_.get(), &info) != 0) return fail_errno("open the folder", stage_);
  if (info.st_uid != geteuid()) {
    return fail(ErrorCode::kConflict, "the folder belongs to another user", stage_.string(),
                "fetch into another folder");
  }
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kConflict, "another `landseer fetch` is writing this folder", target,
                "wait until it has ended");
  }
  inside_ = "/proc/self/fd/" + std::to_string(lock_.get());
  return {};
}

Result<void> ArtifactFetch::open() {
  auto reply = client_.open_stream({task_, 0, true});
  if (!reply) return tl::make_unexpected(reply.error());
  if (reply->sources.empty() || reply->artifact.empty()) {
    return fail(ErrorCode::kUnavailable, "no connected worker has the artifact", to_string(task_));
  }
  if (!opened_.artifact.empty() && opened_.artifact != reply->artifact) {
    return fail(ErrorCode::kConflict, "the task was run again meanwhile, with another result",
                to_string(task_), "fetch it again");
  }
  opened_ = std::move(*reply);
  source_ = 0;
  return stream_.connect(opened_.bulk_address);
}

Result<Manifest> ArtifactFetch::fetch_manifest() {
  if (auto got = fetch_blob(opened_.artifact, kManifestBytesMax); !got) {
    return tl::make_unexpected(got.error());
  }
  const fs::path path = blob_path(opened_.artifact);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return fail_errno("open the list of files", stage_);
  const auto text = read_whole(file.get(), stage_);
  if (!text) return tl::make_unexpected(text.error());
  auto manifest = parse_manifest(*text);
  if (!manifest) manifest.error().where = opened_.artifact.hex();
  return manifest;
}

/// A complete blob has its name; one on its way has `.part` behind it, and goes on where it was.
Result<void> ArtifactFetch::fetch_blob(const Digest& blob, std::uint64_t bytes_max) {
  const fs::path path = blob_path(blob);
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    done_ += static_cast<std::uint64_t>(info.st_size);
    return {};
  }
  const fs::path part = path.native() + ".part";
  const UniqueFd file(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file || fstat(file.get(), &info) != 0) return fail_errno("create a file", stage_);
  window_.seek(std::min(static_cast<std::uint64_t>(info.st_size), bytes_max));
  done_ += window_.received();
  while (true) {
    auto step = pull(blob, bytes_max, file.get());
    if (!step) return tl::make_unexpected(step.error());
    if (*step == Step::kDone) {
      auto good = verify(blob, file.get());
      if (!good) return tl::make_unexpected(good.error());
      if (*good) break;
      trouble_ = "what came has not the digest it should have";
      done_ -= window_.received();
      window_.seek(0);
      if (ftruncate(file.get(), 0) != 0) return fail_errno("empty a file", stage_);
      step = Step::kNextSource;
    }
    if (auto found = next_source(*step); !found) return found;
  }
  if (rename(part.c_str(), path.c_str()) != 0) return fail_errno("rename a file", stage_);
  return {};
}

/// From the present source, until it is of no use any more.
Result<ArtifactFetch::Step> ArtifactFetch::pull(const Digest& blob, std::uint64_t bytes_max,
                                                int file) {
  window_.seek(window_.received());
  Instant heard = net::now().instant;
  while (!window_.at_end()) {
    const std::string& ticket = opened_.sources[source_].ticket;
    while (const auto ask = window_.next()) {
      if (stream_.send(protocol::GetBlob{blob, ask->offset, ask->limit, ticket}, ask->number)) {
        continue;
      }
      window_.forget();
      break;
    }
    const Duration left = heard + kSilenceMax - net::now().instant;
    if (left <= Duration::zero()) {
      trouble_ = "does not answer";
      return Step::kNextSource;
    }
    auto news = stream_.wait(window_.waits() ? left : std::min(left, kSendRetry));
    if (!news) return tl::make_unexpected(news.error());
    if (news->lost) window_.forget();
    if (!news->reply || !window_.expects(news->reply->number)) continue;
    heard = net::now().instant;
    auto step = take(news->reply->message, news->reply->number, blob, bytes_max, file);
    if (!step || *step != Step::kDone) return step;
  }
  return Step::kDone;
}

/// kDone: go on.
Result<ArtifactFetch::Step> ArtifactFetch::take(const protocol::BulkReplyView& reply,
                                                std::uint64_t number, const Digest& blob,
                                                std::uint64_t bytes_max, int file) {
  if (const auto* error = std::get_if<protocol::StreamError>(&reply)) {
    trouble_ = error->message;
    window_.forget();
    if (error->code == ErrorCode::kNotAllowed) return Step::kAskBroker;
    return Step::kNextSource;
  }
  const auto* data = std::get_if<protocol::BlobDataView>(&reply);
  if (data == nullptr || !data->found || data->blob != blob || data->size > bytes_max ||
      data->offset != window_.received()) {
    trouble_ = data != nullptr && !data->found ? "does not have it any more" : "sends other bytes";
    return Step::kNextSource;
  }
  if (window_.take(number, data->offset, data->size, data->data.size()) !=
          PieceWindow::Verdict::kTaken ||
      (data->data.empty() && !window_.at_end())) {
    trouble_ = "sends other bytes";
    return Step::kNextSource;
  }
  if (auto put = write_at(file, data->data, data->offset, stage_); !put) {
    return tl::make_unexpected(put.error());
  }
  rounds_ = 0;
  done_ += data->data.size();
  fetched_.bytes_moved += data->data.size();
  progress_(done_, std::max(total_, done_));
  return Step::kDone;
}

Result<bool> ArtifactFetch::verify(const Digest& blob, int file) {
  Hasher hasher;
  std::string buffer(kReadBytes, '\0');
  for (off_t at = 0;;) {
    const ssize_t got = pread(file, buffer.data(), buffer.size(), at);
    if (got < 0) return fail_errno("read", stage_);
    if (got == 0) break;
    hasher.update({buffer.data(), static_cast<std::size_t>(got)});
    at += got;
  }
  return hasher.finish() == blob;
}

/// The next of those the broker named; after the last one, whom it names then.
Result<void> ArtifactFetch::next_source(Step why) {
  if (why == Step::kNextSource && source_ + 1 < opened_.sources.size()) {
    ++source_;
    return {};
  }
  if (++rounds_ > kRoundsMax) {
    return fail(ErrorCode::kUnavailable,
                "cannot fetch from worker '" + opened_.sources[source_].worker + "': " + trouble_,
                to_string(task_), "run it again later: it goes on where it was");
  }
  if (why == Step::kNextSource) {
    if (auto rested = client_.pause(kRoundPause); !rested) return rested;
  }
  return open();
}

/// Every path was checked with the list (common/artifact/manifest.h), and nothing but what is made
/// here lies in the folder: none leads out of it.
Result<void> ArtifactFetch::assemble(const Manifest& manifest) const {
  const fs::path tree = inside_ / "tree";
  std::error_code error;
  fs::remove_all(tree, error);
  if (mkdir(tree.c_str(), 0777) != 0) return fail_errno("create a folder", stage_);
  const mode_t mask = umask(0);
  umask(mask);
  std::map<Digest, int> uses;
  for (const ManifestEntry& entry : manifest.entries) ++uses[entry.content];
  for (const ManifestEntry& entry : manifest.entries) {
    const fs::path path = tree / entry.path;
    fs::create_directories(path.parent_path(), error);
    const fs::path blob = blob_path(entry.content);
    const bool linked = uses[entry.content] == 1 && !error && link(blob.c_str(), path.c_str()) == 0;
    if (!linked && !error) fs::copy_file(blob, path, error);
    const std::string where = stage_ / "tree" / entry.path;
    if (error) return fail(ErrorCode::kIo, "cannot create: " + error.message(), where);
    const mode_t mode = (entry.executable ? 0777U : 0666U) & ~mask;
    if (chmod(path.c_str(), mode) != 0) return fail_errno("set the mode", where);
  }
  return {};
}

Result<void> ArtifactFetch::install(const fs::path& target, bool replace) const {
  const fs::path tree = inside_ / "tree";
  std::error_code error;
  if (rename(tree.c_str(), target.c_str()) != 0) {
    const bool occupied = errno == ENOTEMPTY || errno == EEXIST;
    if (!replace || !occupied) return fail_errno("rename to the folder", target);
    if (renameat2(AT_FDCWD, tree.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
      return fail_errno("exchange with the folder", target);
    }
  }
  for (const auto& entry : fs::directory_iterator(inside_, error)) {
    fs::remove_all(entry.path(), error);
  }
  rmdir(stage_.c_str());
  return {};
}

fs::path ArtifactFetch::blob_path(const Digest& blob) const { return inside_ / blob.hex(); }

}  // namespace landseer::client
