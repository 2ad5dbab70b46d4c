/// CHECK(condition, "why it must hold"): our own bugs only, on in every build. Prints and aborts;
/// nothing that a peer or a user can send may reach one.
#pragma once

namespace landseer {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const char* message);

}  // namespace landseer

#define CHECK(condition, message)                                                        \
  do {                                                                                   \
    if (!(condition)) ::landseer::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
