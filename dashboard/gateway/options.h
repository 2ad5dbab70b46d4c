/// What `landseer-dashboard` can be told.
#pragma once

#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/config/options.h"
#include "dashboard/gateway/broker_pool.h"

namespace landseer::gateway {

struct Options {
  BrokerAccess broker;  ///< an empty address: as `landseer` finds it
  std::string bind = "127.0.0.1:7713";
  std::vector<std::string> hosts;  ///< names it may be asked by, besides the loopback ones
  std::string web;                 ///< folder of the built page; empty: beside the program
  double requests_per_second = 50;
  std::size_t connections = 1024;
  Duration request_timeout = std::chrono::seconds(30);  ///< for a whole request, and between two
  Duration write_timeout = std::chrono::seconds(15);    ///< of a client that does not read
  config::LogOptions log;
};

/// The exit code to end with, or -1 to go on.
int parse_options(int argc, const char* const* argv, Options& options);

/// Where the built page is for a program in this folder: installed, or in the source folder.
std::string web_folder(const std::string& program_folder);

}  // namespace landseer::gateway
