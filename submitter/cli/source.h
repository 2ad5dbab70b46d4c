/// The part that `plan` and `submit` share: from the flags to a loaded pipeline file.
#pragma once

#include "common/base/result.h"
#include "submitter/cli/context.h"
#include "submitter/cli/options.h"
#include "submitter/pipeline/expansion.h"
#include "submitter/pipeline/file.h"

namespace landseer::cli {

struct Source {
  pipeline::PipelineFile file;
  pipeline::Expansion expansion = pipeline::Expansion::kPermutations;
};

/// Loads the file and prints its warnings. Whatever is wrong with a file the user named is bad
/// input: kInvalid or kLimit, never kNotFound, which is for the broker's objects.
Result<Source> load_source(Context& context, const FileOptions& options, bool read_model);

}  // namespace landseer::cli
