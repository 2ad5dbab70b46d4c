#include "bench/scheduling/plot.h"

#include <fmt/format.h>

#include <array>

namespace landseer::bench {
namespace {

constexpr double kWidth = 360;
constexpr double kHeight = 260;
constexpr double kLeft = 52;
constexpr double kTop = 34;
constexpr double kRight = 16;
constexpr double kBottom = 44;
constexpr double kTimeMax = 1.1;  // of the lower bound

/// Told apart also without colours: by their dashes.
struct Style {
  const char* colour;
  const char* dashes;
};
constexpr std::array<Style, 3> kStyles{
    {{"#777777", "2 3"}, {"#b8860b", "7 4"}, {"#0b5fa5", "none"}}};

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     text);
}

double x_of(double left, double time) { return left + time / kTimeMax * kWidth; }
double y_of(double share) { return kTop + (1 - share) * kHeight; }

std::string axes(double left, const std::string& title) {
  std::string svg = fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" "
      "stroke=\"#333\"/>\n",
      left, kTop, kWidth, kHeight);
  svg += label(left + kWidth / 2, kTop - 12, "middle", title);
  for (int percent = 0; percent <= 100; percent += 25) {
    const double at = percent / 100.0;
    svg += label(left - 6, y_of(at) + 4, "end", std::to_string(percent) + " %");
    svg += label(x_of(left, at), kTop + kHeight + 16, "middle", fmt::format("{:.2f}", at));
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h{:.1f}\" stroke=\"#ddd\"/>\n", left, y_of(at),
                       kWidth);
  }
  svg += label(left + kWidth / 2, kTop + kHeight + 34, "middle", "time / lower bound");
  return svg;
}

std::string curve(double left, const Measured& measured, const Style& style) {
  std::string path = fmt::format("M{:.1f} {:.1f}", x_of(left, 0), y_of(0));
  const auto count = static_cast<double>(measured.curve.size());
  for (std::size_t n = 0; n < measured.curve.size(); ++n) {
    path += fmt::format("H{:.1f}V{:.1f}", x_of(left, measured.curve[n]),
                        y_of(static_cast<double>(n + 1) / count));
  }
  return "<path d=\"" + path + "\" fill=\"none\" stroke-width=\"1.8\" stroke=\"" + style.colour +
         "\" stroke-dasharray=\"" + style.dashes + "\"/>\n";
}

std::string legend(double left, std::size_t line, const std::string& name, const Style& style) {
  const double y = kTop + 16 + 16 * static_cast<double>(line);
  return fmt::format(
             "<path d=\"M{:.1f} {:.1f}h28\" stroke=\"{}\" stroke-width=\"1.8\" "
             "stroke-dasharray=\"{}\"/>\n",
             left + 10, y, style.colour, style.dashes) +
         label(left + 44, y + 4, "start", name);
}

}  // namespace

std::string draw(const std::vector<Panel>& panels) {
  const double step = kLeft + kWidth + kRight;
  const double height = kTop + kHeight + kBottom;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      step * static_cast<double>(panels.size()), height);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const double left = kLeft + step * static_cast<double>(i);
    svg += axes(left, panels[i].title);
    for (std::size_t p = 0; p < panels[i].policies.size(); ++p) {
      const Style& style = kStyles[p % kStyles.size()];
      svg += curve(left, panels[i].policies[p], style);
      svg += legend(left, p, panels[i].policies[p].policy, style);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace landseer::bench
