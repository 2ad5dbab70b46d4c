/// A stream that results are written to and what it can show: width, colour, redrawing. Decided
/// once at the start; a test makes one by hand.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

#include "common/domain/types.h"
#include "common/protocol/client_rows.h"

namespace landseer::cli {

struct Screen {
  std::ostream& stream;
  bool terminal = false;  ///< can be redrawn
  bool color = false;
  bool unicode = false;   ///< block characters and the one-column ellipsis
  std::size_t width = 0;  ///< columns; 0: no limit
  /// A terminal, even one that TERM or CI says not to draw on: control sequences act on it, so what
  /// tools wrote reaches it only as text.
  bool interprets = false;

  std::string_view ellipsis() const { return unicode ? "\u2026" : ".."; }
};

/// Looks at the descriptor and the environment. Colour only on a terminal, and not with `no_color`,
/// NO_COLOR, TERM=dumb or CI set. Width from COLUMNS, else from the terminal.
Screen probe_screen(std::ostream& stream, int fd, bool no_color);

enum class Color { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue };

/// `text` in `color` if the screen shows colours. Never the only carrier of meaning.
std::string paint(const Screen& screen, Color color, std::string_view text);

Color color_of(domain::TaskStatus status);
Color color_of(protocol::PipelineState state);

}  // namespace landseer::cli
