#include "common/config/key_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/config/private_file.h"
#include "common/config/rendezvous.h"

namespace landseer::config {
namespace {

tl::unexpected<Error> io_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check the folder's owner and free space, or name another with --keys");
}

constexpr PrivateHints kHints{
    "`landseer keys init` makes a broker's, `landseer keys add` those of others",
    "if it was so for long, replace the keys with `landseer keys add NAME --replace`"};

std::string path_of(const std::string& folder, const std::string& file) {
  return folder + "/" + file;
}

Result<std::string> read_private(const std::string& folder, const std::string& file,
                                 std::size_t bytes_max) {
  return read_private_file(folder, file, bytes_max, kHints);
}

Result<void> make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return io_error("make the folder", folder);
  return check_private_folder(folder, kHints);
}

/// A draft that is synced, then put in place by `put`.
template <class Put>
Result<void> write_private(const std::string& folder, const std::string& file,
                           const std::string& text, Put&& put) {
  if (auto made = make_folder(folder); !made) return made;
  const std::string draft = path_of(folder, "." + file + "." + std::to_string(getpid()));
  const UniqueFd fd(
      open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return io_error("write the file", draft);
  const bool written =
      write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fchmod(fd.get(), 0600) == 0 && fsync(fd.get()) == 0;
  Result<void> done;
  if (!written) {
    done = io_error("write the file", draft);
  } else {
    done = put(draft, path_of(folder, file));
  }
  unlink(draft.c_str());  // gone already if it was renamed
  const UniqueFd synced(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (synced) fsync(synced.get());
  return done;
}

Result<void> put_over(const std::string& draft, const std::string& path) {
  if (rename(draft.c_str(), path.c_str()) != 0) return io_error("put the file in place", path);
  return {};
}

Result<void> put_new(const std::string& draft, const std::string& path) {
  if (link(draft.c_str(), path.c_str()) == 0) return {};
  if (errno != EEXIST) return io_error("put the file in place", path);
  return fail(ErrorCode::kConflict, "there is a key already", path,
              "choose another name, or make it anew with --replace");
}

}  // namespace

std::string keys_folder(const std::string& named) {
  if (named.empty()) return home_folder() + "/keys";
  std::error_code error;
  std::string folder = std::filesystem::absolute(named, error).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

bool has_key_file(const std::string& folder, const std::string& file) {
  struct stat status {};
  return lstat(path_of(folder, file).c_str(), &status) == 0;
}

Result<keys::KeyFile> read_key(const std::string& folder, const std::string& file) {
  auto text = read_private(folder, file, keys::kKeyFileBytesMax);
  if (!text) return tl::make_unexpected(text.error());
  auto key = keys::parse_key_file(*text, path_of(folder, file));
  explicit_bzero(text->data(), text->size());
  return key;
}

Result<void> write_key(const std::string& folder, const std::string& file, const keys::KeyFile& key,
                       bool replace) {
  return write_private(folder, file, keys::format(key), replace ? put_over : put_new);
}

Result<void> remove_key(const std::string& folder, const std::string& file) {
  const std::string path = path_of(folder, file);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove the file", path);
  return {};
}

Result<std::vector<keys::Authorized>> read_authorized(const std::string& folder) {
  const auto text = read_private(folder, kAuthorizedFile, keys::kAuthorizedBytesMax);
  if (!text) return tl::make_unexpected(text.error());
  return keys::parse_authorized(*text, path_of(folder, kAuthorizedFile));
}

Result<void> write_authorized(const std::string& folder,
                              const std::vector<keys::Authorized>& list) {
  return write_private(folder, kAuthorizedFile, keys::format(list), put_over);
}

Result<UniqueFd> lock_keys(const std::string& folder) {
  if (auto made = make_folder(folder); !made) return tl::make_unexpected(made.error());
  const std::string path = path_of(folder, ".lock");
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return io_error("lock the folder", path);
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return io_error("lock the folder", path);
  }
  return fd;
}

Error missing_key(const std::string& folder, const std::string& file, const std::string& address) {
  const std::string role = file == kWorkerKeyFile ? "worker" : "submitter";
  return {ErrorCode::kNotAllowed,
          "the broker at " + address + " wants a key, and there is none here",
          path_of(folder, file),
          "on the broker's host: `landseer keys add NAME --role " + role +
              "`, then copy the file that it makes to this place"};
}

Result<std::optional<keys::KeyFile>> find_key(const std::string& named_folder,
                                              const std::string& file, const std::string& address,
                                              bool local) {
  const std::string folder = keys_folder(named_folder);
  const auto rendezvous = read_rendezvous();
  const bool known = rendezvous && (address == rendezvous->workers_address ||
                                    address == rendezvous->clients_address);
  if (known && rendezvous->broker_key.empty()) return std::nullopt;
  if (!has_key_file(folder, file)) {
    if (named_folder.empty() && local && !known) return std::nullopt;
    return tl::make_unexpected(missing_key(folder, file, address));
  }
  auto key = read_key(folder, file);
  if (!key) return tl::make_unexpected(key.error());
  if (!key->role) {
    return fail(ErrorCode::kInvalid, "it is the broker's own key", path_of(folder, file),
                "`landseer keys add NAME` makes keys for others");
  }
  if (known) key->broker_key = rendezvous->broker_key;
  return std::optional(std::move(*key));
}

}  // namespace landseer::config
