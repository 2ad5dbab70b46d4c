/// Whether what a worker offers is still true: asked before somebody relies on it.
/// docs/protocol.md, "Worker messages".
#pragma once

#include <cstdint>
#include <string>

namespace landseer::protocol {

/// Somebody is about to rely on what this worker offers: it looks whether its images and the files
/// of this data set are still what it said, offers what is not, and answers ContentsChecked.
struct CheckContents {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
  std::string dataset;  ///< empty: images only
  std::string variant;
  bool operator==(const CheckContents&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("number", m.number);
    visit("dataset", m.dataset);
    visit("variant", m.variant);
  }
};

/// The offers of this worker are those of the moment it was asked, or later ones.
struct ContentsChecked {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
  bool operator==(const ContentsChecked&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("session", m.session);
    visit("number", m.number);
  }
};

}  // namespace landseer::protocol
