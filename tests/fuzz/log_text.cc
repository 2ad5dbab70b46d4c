/// What a task wrote, on its way to a terminal: whatever the bytes and however they are cut into
/// pieces, no control character comes out, also none that only the cutting or the cleaning made.
#include "submitter/cli/log_text.h"

#include "common/base/text.h"
#include "submitter/cli/text_width.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

// The rest of a line, a cleaned copy, and what has come out already.
const Budget kBudget{64 * 1024, 64};

std::vector<std::string> seeds() {
  return {"\1epoch 1: loss 0.25\nepoch 2: loss 0.125\n", "\3 10 %\r 20 %\r100 %\r\ndone",
          "\2\x1b[31mred\x1b[0m \x1b]0;title\a \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b(B\n",
          "\5"
          "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x9b"
          "31m \x9b"
          "31m \xff\xfe\n",
          "\4\x1bP+q544e\x1b\\ \x1b_text\x1b\\ \x1b^x\x1b\\ \x90x\x9c \0 \x7f \x08\n"};
}

namespace {

/// C1 controls are two bytes of UTF-8; terminals of another encoding take one byte for them.
void check_clean(std::string_view text, bool lines_allowed) {
  CHECK(!has_control(text, lines_allowed), "no C0 control character");
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto next = static_cast<unsigned char>(text[i + 1]);
    CHECK(text[i] != '\xc2' || next < 0x80 || next > 0x9F, "no C1 control character");
  }
}

std::string in_pieces(std::string_view text, std::size_t piece) {
  cli::LogText log(false);
  std::string out;
  while (!text.empty()) {
    out += log.add(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  return out += log.take_rest(true);
}

void check_line(std::string_view text, std::size_t columns) {
  const std::string line = cli::one_line(std::string(text));
  check_clean(line, false);
  const std::string cut = cli::fit(line, columns, "..");
  CHECK(cli::display_width(cut) <= columns, "what is cut fits");
  check_clean(cut, false);
  const std::string padded = cli::pad(cut, columns, cli::Side::kRight);
  CHECK(cli::display_width(padded) == columns, "what is padded fills its column");
}

}  // namespace
}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  std::string_view text = fuzz::text_of(data, size);
  const std::size_t piece = 1 + fuzz::take_byte(text);
  const std::string out = fuzz::in_pieces(text, piece);
  fuzz::check_clean(out, true);
  // An escape sequence may begin in one line and end in another, so it may be read in two ways.
  const bool is_plain = text.find('\x1b') == std::string_view::npos;
  if (is_plain) CHECK(out == fuzz::in_pieces(text, text.size() + 1), "pieces make no difference");
  cli::LogText raw(true);
  CHECK(raw.add(text) == text, "raw text is what was written");
  fuzz::check_line(text, piece);
  const std::size_t lines = cli::count_lines(text);
  CHECK(cli::tail_begin(text, lines) == 0, "the last of all lines are all");
  CHECK(cli::count_lines(text.substr(cli::tail_begin(text, 3))) <= 3, "three lines are three");
  return 0;
}
