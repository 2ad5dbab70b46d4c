#include "worker/io/executor_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

namespace landseer::worker {
namespace {

using Json = nlohmann::json;

Error io_error(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kIo, what + ": " + strerrordesc_np(errno), where, {}};
}

// --- Values to and from MessagePack's model ---

template <class T>
Json pack(const T& value);

template <class T>
Json pack_list(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(pack(value));
  return list;
}

template <class T>
Json pack(const T& value) {
  if constexpr (std::is_same_v<T, AttemptKey>) {
    return Json::array({value.epoch, number(value.task), value.attempt});
  } else if constexpr (std::is_same_v<T, protocol::Outcome>) {
    return static_cast<unsigned>(value);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (requires { value.begin(); }) {
    return pack_list(value);
  } else {
    Json map = Json::object();
    T::fields(value, [&map](const char* name, const auto& field) { map[name] = pack(field); });
    return map;
  }
}

template <class T>
bool unpack(const Json& json, T& value);

template <class Int>
bool unpack_integer(const Json& json, Int& value) {
  if (json.is_number_unsigned()) {
    const auto wide = json.get<std::uint64_t>();
    value = static_cast<Int>(wide);
    return wide <= static_cast<std::uint64_t>(std::numeric_limits<Int>::max());
  }
  if (!std::is_signed_v<Int> || !json.is_number_integer()) return false;
  const auto wide = json.get<std::int64_t>();
  value = static_cast<Int>(wide);
  return static_cast<std::int64_t>(value) == wide;
}

bool unpack_key(const Json& json, AttemptKey& key) {
  std::uint64_t task = 0;
  if (!json.is_array() || json.size() != 3) return false;
  const bool good = unpack_integer(json[0], key.epoch) && unpack_integer(json[1], task) &&
                    unpack_integer(json[2], key.attempt);
  key.task = TaskId{task};
  return good;
}

bool unpack_outcome(const Json& json, protocol::Outcome& outcome) {
  std::uint8_t value = 0;
  if (!unpack_integer(json, value)) return false;
  outcome = static_cast<protocol::Outcome>(value);
  return value >= 1 && value <= static_cast<std::uint8_t>(protocol::kOutcomeLast);
}

template <class T>
bool unpack_list(const Json& json, std::vector<T>& values) {
  if (!json.is_array()) return false;
  values.resize(json.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!unpack(json[i], values[i])) return false;
  }
  return true;
}

template <class T>
bool unpack(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, AttemptKey>) {
    return unpack_key(json, value);
  } else if constexpr (std::is_same_v<T, protocol::Outcome>) {
    return unpack_outcome(json, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return false;
    value = json.get<bool>();
    return true;
  } else if constexpr (std::is_integral_v<T>) {
    return unpack_integer(json, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return false;
    value = json.get_ref<const std::string&>();
    return true;
  } else if constexpr (requires { value.begin(); }) {
    return unpack_list(json, value);
  } else {
    if (!json.is_object()) return false;
    bool good = true;
    T::fields(value, [&](const char* name, auto& field) {
      const auto found = json.find(name);
      if (found != json.end()) good = unpack(*found, field) && good;
    });
    return good;
  }
}

template <class Variant>
std::string encode_message(const Variant& message) {
  const Json body = std::visit([](const auto& m) { return pack(m); }, message);
  std::string bytes;
  Json::to_msgpack(Json::array({message.index(), body}), bytes);
  return bytes;
}

template <class Variant, std::size_t... I>
bool unpack_alternative(std::uint64_t index, const Json& body, Variant& message,
                        std::index_sequence<I...>) {
  return ((index == I && unpack(body, message.template emplace<I>())) || ...);
}

template <class Variant>
Result<Variant> decode_message(std::string_view bytes) {
  const Json json = Json::from_msgpack(bytes.begin(), bytes.end(), true, false);
  Variant message;
  std::uint64_t index = 0;
  constexpr auto kAlternatives = std::make_index_sequence<std::variant_size_v<Variant>>{};
  if (json.is_array() && json.size() == 2 && unpack_integer(json[0], index) &&
      unpack_alternative(index, json[1], message, kAlternatives)) {
    return message;
  }
  return fail(ErrorCode::kInvalid, "not a message between agent and executor", {},
              "are both of one version?");
}

// --- Sockets ---

UniqueFd open_socket() {
  return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// An address holds 107 bytes of path, a scratch folder's name can be longer. `folder` keeps the
/// short way to it open.
Result<sockaddr_un> make_address(const std::string& path, UniqueFd& folder) {
  const std::filesystem::path whole(path);
  folder = UniqueFd(open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return tl::make_unexpected(io_error("cannot open the socket's folder", path));
  const std::string short_path =
      "/proc/self/fd/" + std::to_string(folder.get()) + "/" + whole.filename().string();
  sockaddr_un address{};
  if (short_path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::kInvalid, "the socket's file name is too long", path);
  }
  address.sun_family = AF_UNIX;
  short_path.copy(static_cast<char*>(address.sun_path), short_path.size());
  return address;
}

}  // namespace

std::string encode(const ToExecutor& message) { return encode_message(message); }
std::string encode(const FromExecutor& message) { return encode_message(message); }

Result<ToExecutor> decode_to_executor(std::string_view bytes) {
  return decode_message<ToExecutor>(bytes);
}

Result<FromExecutor> decode_from_executor(std::string_view bytes) {
  return decode_message<FromExecutor>(bytes);
}

Result<UniqueFd> listen_unix(const std::string& path) {
  UniqueFd folder;
  const auto address = make_address(path, folder);
  if (!address) return tl::make_unexpected(address.error());
  UniqueFd fd = open_socket();
  unlink(path.c_str());
  const mode_t mask = umask(0177);
  const bool bound =
      fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0;
  umask(mask);
  if (!bound || listen(fd.get(), 8) != 0) {
    return tl::make_unexpected(io_error("cannot listen", path));
  }
  return fd;
}

Result<UniqueFd> connect_unix(const std::string& path) {
  UniqueFd folder;
  const auto address = make_address(path, folder);
  if (!address) return tl::make_unexpected(address.error());
  UniqueFd fd = open_socket();
  if (!fd) return tl::make_unexpected(io_error("cannot make a socket", path));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) {
    return fd;
  }
  Error error = io_error("cannot connect", path);
  if (errno == ENOENT || errno == ECONNREFUSED) error.code = ErrorCode::kUnavailable;
  return tl::make_unexpected(std::move(error));
}

Link::Link(UniqueFd socket)
    : socket_(std::move(socket)), buffer_(std::make_unique_for_overwrite<char[]>(kLinkBytesMax)) {
  const int wanted = 2 * static_cast<int>(kLinkBytesMax);
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
}

Result<void> Link::send(std::string bytes) {
  if (bytes.size() > kLinkBytesMax) {
    return fail(ErrorCode::kLimit, "command and environment are larger than " +
                                       std::to_string(kLinkBytesMax / 1024) + " KiB");
  }
  waiting_.push_back(std::move(bytes));
  return flush();
}

Result<void> Link::flush() {
  while (!waiting_.empty()) {
    const std::string& next = waiting_.front();
    const ssize_t sent = ::send(fd(), next.data(), next.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return {};
    if (sent < 0 && errno == EMSGSIZE) {
      waiting_.pop_front();
      return fail(ErrorCode::kLimit, "the socket's buffer is too small for the message", {},
                  "raise net.core.wmem_max to 212992 or more");
    }
    if (sent < 0) {
      waiting_.clear();
      shutdown(fd(), SHUT_WR);  // if it is still there, it must not wait for what is lost
      return fail(ErrorCode::kUnavailable, "the other side is gone");
    }
    waiting_.pop_front();
  }
  return {};
}

Result<std::optional<std::string_view>> Link::receive() {
  while (true) {
    const ssize_t got = recv(fd(), buffer_.get(), kLinkBytesMax, MSG_DONTWAIT | MSG_TRUNC);
    if (got > static_cast<ssize_t>(kLinkBytesMax)) {
      return fail(ErrorCode::kInvalid, "a message is too large");
    }
    if (got > 0) return std::string_view(buffer_.get(), static_cast<std::size_t>(got));
    // A reset is told first, but what the other side sent before it closed is still there.
    if (got < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (got < 0 && errno == EAGAIN) return std::nullopt;
    return fail(ErrorCode::kUnavailable, "the other side is gone");
  }
}

}  // namespace landseer::worker
