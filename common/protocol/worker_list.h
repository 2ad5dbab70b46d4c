/// The listing of workers, in pages. docs/protocol.md, "Client messages".
#pragma once

#include <vector>

#include "common/protocol/added.h"
#include "common/protocol/client_rows.h"
#include "common/protocol/resources.h"

namespace landseer::protocol {

/// By id, after `after`.
struct ListWorkers {
  WorkerId after{};
  bool operator==(const ListWorkers&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("after", added(m.after));
  }
};

struct WorkerList {
  std::vector<WorkerRow> rows;
  std::vector<NamedRoom> named;  ///< resources that the broker holds for all workers together
  bool more = false;
  bool operator==(const WorkerList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("named", added(m.named));
    visit("more", added(m.more));
  }
};

}  // namespace landseer::protocol
