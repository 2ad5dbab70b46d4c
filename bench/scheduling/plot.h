/// The course of the cases as a picture: workflows complete over time.
#pragma once

#include <string>
#include <vector>

#include "bench/scheduling/cases.h"

namespace landseer::bench {

struct Panel {
  std::string title;
  std::vector<Measured> policies;
};

/// An SVG with the panels side by side: time ÷ lower bound against the share of the workflows.
std::string draw(const std::vector<Panel>& panels);

}  // namespace landseer::bench
