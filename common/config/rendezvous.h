/// Where programs of one user find each other: `$LANDSEER_HOME` (default `~/.landseer`) and the
/// file `broker.json` in it, written by the broker when it is ready.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace landseer::config {

struct Rendezvous {
  std::string workers_address;
  std::string clients_address;
  std::string bulk_address;
  std::string instance;  ///< random, new for every start of the broker
  std::int64_t pid = 0;
  std::string state_folder;
  std::string broker_key{};   ///< the broker's public key; empty: it has none
  std::string keys_folder{};  ///< where its keys are; empty: it has none
};

/// `$LANDSEER_HOME`, else `$HOME/.landseer`, else `.landseer` in the current folder.
std::string home_folder();
std::string rendezvous_path();

/// kUnavailable when there is no file, kInvalid when it cannot be understood.
Result<Rendezvous> read_rendezvous();

/// Makes the folder (0700) and replaces the file (0600) in one step.
Result<void> write_rendezvous(const Rendezvous& rendezvous);

/// Removes the file if it is still the one of `instance`.
void remove_rendezvous(const std::string& instance);

}  // namespace landseer::config
