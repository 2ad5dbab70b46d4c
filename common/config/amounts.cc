#include "common/config/amounts.h"

#include <charconv>

#include "common/protocol/limits.h"
#include "common/protocol/resource_names.h"

namespace landseer::config {
Result<std::map<std::string, std::uint64_t>> parse_amounts(const std::vector<std::string>& texts) {
  std::map<std::string, std::uint64_t> amounts;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const std::string amount = equals == std::string::npos ? "" : text.substr(equals + 1);
    std::uint64_t number = 0;
    const char* const end = amount.data() + amount.size();
    const auto [at, error] = std::from_chars(amount.data(), end, number);
    if (error != std::errc{} || at != end || number == 0 || number > protocol::kNamedAmountMax ||
        !protocol::is_resource_name(name)) {
      return fail(
          ErrorCode::kInvalid, "--resource '" + text + "' is not NAME=AMOUNT", {},
          "write a name of letters, digits, _, - and . that is none of cpus, memory and so on, and "
          "a whole number from 1, such as --resource licence_x=2");
    }
    amounts[name] = number;
  }
  if (amounts.size() > protocol::kNamedOffersMax) {
    return fail(ErrorCode::kLimit,
                "more than " + std::to_string(protocol::kNamedOffersMax) + " --resource", {},
                "offer fewer");
  }
  return amounts;
}

}  // namespace landseer::config
