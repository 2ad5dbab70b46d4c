#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace landseer {

void check_failed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace landseer
