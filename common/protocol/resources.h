/// Labels and site-defined resources, as submissions, workers and listings name them.
/// docs/protocol.md, "Submission" and "Worker messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace landseer::protocol {

/// `relation`: 1 the label has one of the values, 2 it has none of them or is absent, 3 it exists,
/// 4 it is absent.
struct LabelRule {
  std::string key;
  std::uint8_t relation = 1;
  std::vector<std::string> values;
  bool operator==(const LabelRule&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
    visit("relation", m.relation);
    visit("values", m.values);
  }
};

struct NamedAmount {
  std::string name;
  std::uint64_t amount = 0;
  bool operator==(const NamedAmount&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("name", m.name);
    visit("amount", m.amount);
  }
};

/// What of a site-defined resource is not in use.
struct NamedRoom {
  std::string name;
  std::uint64_t amount = 0;
  std::uint64_t free = 0;
  bool operator==(const NamedRoom&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("name", m.name);
    visit("amount", m.amount);
    visit("free", m.free);
  }
};

}  // namespace landseer::protocol
