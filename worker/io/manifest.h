/// The list of files that is an artifact: see common/artifact/manifest.h.
#pragma once

#include "common/artifact/manifest.h"
