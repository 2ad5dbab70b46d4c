#include "submitter/cli/csv.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace landseer::cli {
namespace {

bool is_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

tl::unexpected<Error> cannot_write(const std::string& path) {
  return fail(ErrorCode::kIo, std::string("cannot write the file: ") + std::strerror(errno), path,
              "check the folder's owner and free space");
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::string csv_field(const std::string& text) {
  std::string field = text;
  if (!field.empty() && std::strchr("=+-@\t\r", field[0]) != nullptr && !is_number(field)) {
    field.insert(field.begin(), '\'');
  }
  if (field.find_first_of(",\"\n\r") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_field(fields[i]);
  }
  return line + "\n";
}

Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string draft = path + "." + std::to_string(getpid()) + ".tmp";
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return cannot_write(draft);
  const bool written = write_all(fd, text) && fsync(fd) == 0;
  const int error = errno;
  if (close(fd) == 0 && written && rename(draft.c_str(), path.c_str()) == 0) return {};
  if (!written) errno = error;
  auto failure = cannot_write(path);
  unlink(draft.c_str());
  return failure;
}

}  // namespace landseer::cli
