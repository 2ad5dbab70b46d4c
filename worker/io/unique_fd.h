/// A file descriptor that closes itself: see common/base/unique_fd.h.
#pragma once

#include "common/base/unique_fd.h"
