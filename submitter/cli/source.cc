#include "submitter/cli/source.h"

#include <utility>

namespace landseer::cli {

Result<Source> load_source(Context& context, const FileOptions& options, bool read_model) {
  pipeline::LoadOptions how{options.tools, options.datasets, options.evaluators, options.set,
                            read_model};
  auto file = pipeline::load(options.file, how);
  if (!file) {
    Error error = std::move(file.error());
    if (error.code != ErrorCode::kLimit) error.code = ErrorCode::kInvalid;
    return tl::make_unexpected(std::move(error));
  }
  for (const std::string& warning : file->warnings) context.warn(warning);
  Source source{std::move(*file)};
  if (!options.expansion.empty()) {
    const auto expansion = pipeline::parse_expansion(options.expansion);
    if (!expansion) return tl::make_unexpected(expansion.error());
    source.expansion = *expansion;
  } else if (source.file.expansion) {
    source.expansion = *source.file.expansion;
  }
  return source;
}

}  // namespace landseer::cli
