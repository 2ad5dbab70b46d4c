#include "submitter/cli/table.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"

namespace landseer::cli {
namespace {

constexpr std::size_t kGap = 2;  // blanks between columns

std::size_t total_width(const std::vector<std::size_t>& widths) {
  const std::size_t sum = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
  return sum + (widths.empty() ? 0 : (widths.size() - 1) * kGap);
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  CHECK(row.size() == columns_.size(), "a row has a cell for each column");
  for (Cell& cell : row) cell.text = one_line(cell.text);
  rows_.push_back(std::move(row));
}

Table::Layout Table::lay_out(std::size_t width) const {
  std::vector<std::size_t> natural;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = display_width(one_line(columns_[i].title));
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[i].text));
    natural.push_back(widest);
  }
  Layout layout;
  layout.shown.resize(columns_.size());
  std::iota(layout.shown.begin(), layout.shown.end(), std::size_t{0});
  while (true) {
    layout.widths.clear();
    for (const std::size_t i : layout.shown) layout.widths.push_back(natural[i]);
    while (width > 0 && total_width(layout.widths) > width) {
      std::size_t* widest = nullptr;
      for (std::size_t k = 0; k < layout.shown.size(); ++k) {
        const std::size_t least = columns_[layout.shown[k]].width_min;
        if (least == 0 || layout.widths[k] <= least) continue;
        if (widest == nullptr || layout.widths[k] > *widest) widest = &layout.widths[k];
      }
      if (widest == nullptr) break;
      --*widest;
    }
    if (width == 0 || total_width(layout.widths) <= width) return layout;
    const auto last = std::find_if(layout.shown.rbegin(), layout.shown.rend(),
                                   [&](std::size_t i) { return columns_[i].optional; });
    if (last == layout.shown.rend()) return layout;
    layout.shown.erase(std::next(last).base());
  }
}

std::string Table::line(const Screen& screen, const Layout& layout,
                        const std::vector<Cell>& row) const {
  std::string out;
  std::size_t used = 0;
  for (std::size_t k = 0; k < layout.shown.size(); ++k) {
    const std::size_t i = layout.shown[k];
    const std::size_t gap = k == 0 ? 0 : kGap;
    // Where even the narrowest form is too wide, the line ends at the edge.
    const std::size_t room = screen.width == 0           ? layout.widths[k]
                             : screen.width > used + gap ? screen.width - used - gap
                                                         : 0;
    const std::size_t width = std::min(layout.widths[k], room);
    if (width == 0 && layout.widths[k] > 0) break;
    std::string text = fit(row[i].text, width, screen.ellipsis());
    const bool last = k + 1 == layout.shown.size();
    const std::string padded =
        last && columns_[i].side == Side::kLeft ? text : pad(text, width, columns_[i].side);
    out.append(gap, ' ');
    out += paint(screen, row[i].color, padded);
    used += gap + width;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "\n";
}

std::string Table::text(const Screen& screen) const {
  const Layout layout = lay_out(screen.width);
  std::vector<Cell> titles;
  // Some are names that a tool chose.
  for (const Column& column : columns_) titles.emplace_back(one_line(column.title), Color::kBold);
  std::string out = line(screen, layout, titles);
  for (const auto& row : rows_) out += line(screen, layout, row);
  return out;
}

}  // namespace landseer::cli
