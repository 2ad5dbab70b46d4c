/// Whether podman or docker works on this host, and how: found out by doing it.
#pragma once

#include <string>
#include <vector>

#include "worker/io/container_engine.h"

namespace landseer::worker {

struct ProbePlace {
  std::string folder;          ///< absolute, our own: a root file system is made in it
  std::string container_name;  ///< unique on this host
  std::string cgroup_root;     ///< see RunRequest; empty: containers join none of ours
  std::string cgroup_name;     ///< below it, for the probe
  bool has_gpus = false;
};

/// podman: starts a container of a program of two instructions, with all flags that tools get. What
/// a host refuses is taken back step by step, each with a warning that says so: limits that are
/// higher than our own, a first process that is not installed, an OCI runtime that cannot use the
/// host's cgroups. docker: its service must answer.
///
/// kNotFound: it is not installed. kUnavailable: it does not work; with what it says, and what can
/// be done about it.
Result<ContainerEngine> probe_engine(ContainerEngine::Kind kind, const ContainerOptions& options,
                                     const std::vector<std::string>& env, const ProbePlace& place);

}  // namespace landseer::worker
