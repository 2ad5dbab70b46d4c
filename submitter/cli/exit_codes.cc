#include "submitter/cli/exit_codes.h"

namespace landseer::cli {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kLimit:
      return kUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kBusy:
      return kUnreachable;
    case ErrorCode::kNotAllowed:
      return kForbidden;
    case ErrorCode::kNotFound:
      return kNoSuchObject;
    case ErrorCode::kConflict:
    case ErrorCode::kVersion:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return kFailed;
  }
  return kFailed;
}

}  // namespace landseer::cli
