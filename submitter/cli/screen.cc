#include "submitter/cli/screen.h"

#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace landseer::cli {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || *term == '\0' || std::strcmp(term, "dumb") == 0;
}

/// What the user's locale says; the process's own may differ, see set_locale() in main.
bool shows_unicode() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (!is_set(variable)) continue;
    const char* charset = std::strchr(std::getenv(variable), '.');
    return charset != nullptr &&
           (strncasecmp(charset, ".utf-8", 6) == 0 || strncasecmp(charset, ".utf8", 5) == 0);
  }
  return false;
}

std::size_t width_of(int fd, bool terminal) {
  if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t width = 0;
    const char* end = columns + std::strlen(columns);
    if (std::from_chars(columns, end, width).ptr == end && width > 0) return width;
  }
  if (!terminal) return 0;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

Screen probe_screen(std::ostream& stream, int fd, bool no_color) {
  const bool tty = isatty(fd) != 0;
  const bool lively = tty && !is_dumb() && !is_set("CI");
  const bool color = lively && !no_color && !is_set("NO_COLOR");
  return {stream, lively, color, shows_unicode(), width_of(fd, tty), tty};
}

std::string paint(const Screen& screen, Color color, std::string_view text) {
  if (!screen.color || color == Color::kNone || text.empty()) return std::string(text);
  const char* code = "0";
  switch (color) {
    case Color::kNone:
      break;
    case Color::kBold:
      code = "1";
      break;
    case Color::kDim:
      code = "2";
      break;
    case Color::kRed:
      code = "31";
      break;
    case Color::kGreen:
      code = "32";
      break;
    case Color::kYellow:
      code = "33";
      break;
    case Color::kBlue:
      code = "34";
      break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

Color color_of(domain::TaskStatus status) {
  switch (status) {
    case domain::TaskStatus::kPending:
      return Color::kDim;
    case domain::TaskStatus::kRunning:
      return Color::kBlue;
    case domain::TaskStatus::kCompleted:
      return Color::kGreen;
    case domain::TaskStatus::kFailed:
      return Color::kRed;
    case domain::TaskStatus::kSkipped:
    case domain::TaskStatus::kCancelled:
      return Color::kYellow;
  }
  return Color::kNone;
}

Color color_of(protocol::PipelineState state) {
  switch (state) {
    case protocol::PipelineState::kRunning:
      return Color::kBlue;
    case protocol::PipelineState::kPaused:
      return Color::kYellow;
    case protocol::PipelineState::kCompleted:
      return Color::kGreen;
    case protocol::PipelineState::kFailed:
      return Color::kRed;
    case protocol::PipelineState::kCancelled:
      return Color::kYellow;
  }
  return Color::kNone;
}

}  // namespace landseer::cli
