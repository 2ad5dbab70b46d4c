/// Tables for people: aligned, cut to the width of the screen, free of control sequences. Not for
/// machines, who ask for --json.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "submitter/cli/screen.h"
#include "submitter/cli/text_width.h"

namespace landseer::cli {

struct Column {
  std::string title;
  Side side = Side::kLeft;
  std::size_t width_min = 0;  ///< may shrink to this; 0: never shrinks
  bool optional = false;      ///< left out, the last one first, when the rest does not fit
};

struct Cell {
  Cell(std::string cell_text, Color cell_color = Color::kNone)  // NOLINT: texts are cells
      : text(std::move(cell_text)), color(cell_color) {}
  std::string text;
  Color color;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell for each column. Control characters are taken out here.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }

  /// Title line and rows, each ended by a newline and no wider than the screen.
  std::string text(const Screen& screen) const;

 private:
  struct Layout {
    std::vector<std::size_t> shown;   // indices of columns
    std::vector<std::size_t> widths;  // parallel to `shown`
  };
  Layout lay_out(std::size_t width) const;
  std::string line(const Screen& screen, const Layout& layout, const std::vector<Cell>& row) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace landseer::cli
