#include "submitter/pipeline/diagnostics.h"

#include <utility>

namespace landseer::pipeline {
namespace {

constexpr std::size_t kWarningsMax = 200;

}  // namespace

void Diagnostics::error(std::string message, std::string where, std::string hint, ErrorCode code) {
  error(Error{code, std::move(message), std::move(where), std::move(hint)});
}

void Diagnostics::error(Error error) {
  if (!first_) first_ = std::move(error);
}

void Diagnostics::warn(const std::string& where, const std::string& text) {
  if (warnings_.size() < kWarningsMax) {
    warnings_.push_back(where + ": " + text);
  } else {
    ++dropped_;
  }
}

std::vector<std::string> Diagnostics::take_warnings() {
  if (dropped_ > 0) warnings_.push_back("and " + std::to_string(dropped_) + " more warnings");
  dropped_ = 0;
  return std::exchange(warnings_, {});
}

}  // namespace landseer::pipeline
