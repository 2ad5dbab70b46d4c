/// A request to give up, between threads: see common/net/cancel.h.
#pragma once

#include "common/net/cancel.h"
