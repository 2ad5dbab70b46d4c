/// What engines say when a container does not start: podman's words are recorded (4.3, with runc);
/// those of docker and apptainer, which cannot be run here, are written down as they are known.
#include "worker/io/engine_verdict.h"

#include <gtest/gtest.h>

namespace landseer::worker {
namespace {

TEST(EngineVerdict, TheImageOrTheCommandInItIsToBlame) {
  for (const char* said :
       {"Error: localhost/none:v9: image not known", "Error: invalid reference format",
        "Error: no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
        "Error: unable to find user nobody-here: no matching entries in passwd file",
        "Error: workdir \"/nope\" does not exist on container cdfe988afdc9",
        "Error: runc: runc create failed: unable to start container process: exec: \"/no/such\": "
        "stat /no/such: no such file or directory: OCI runtime attempted to invoke a command that "
        "was not found",
        "Error: runc: runc create failed: unable to start container process: exec: \"/etc\": "
        "permission denied: OCI permission denied",
        "docker: Error response from daemon: No command specified.",
        "docker: Error response from daemon: pull access denied for lab/none, repository does not "
        "exist or may require 'docker login'.",
        "docker: Error response from daemon: failed to create task for container: failed to create "
        "shim task: OCI runtime create failed: runc create failed: unable to start container "
        "process: exec: \"nope\": executable file not found in $PATH: unknown.",
        "FATAL:   could not open image /images/a.sif: image format not recognized",
        "FATAL:   could not open image /images/a.sif: failed to retrieve path for /images/a.sif: "
        "lstat /images/a.sif: no such file or directory",
        "FATAL:   the image's architecture (arm64) could not run on the host's (amd64)",
        "FATAL:   \"nope\": executable file not found in $PATH",
        "FATAL:   stat /no/such: no such file or directory"}) {
    EXPECT_TRUE(blames_image(said)) << said;
    EXPECT_FALSE(blames_host(said)) << said;
  }
}

TEST(EngineVerdict, EverythingElseIsTheHosts) {
  for (const char* said :
       {"Error: no space left on device", "Error: exec newuidmap: not found",
        "Error: cannot find newuidmap: exec: \"newuidmap\": executable file not found in $PATH",
        "Error: no valid executable found for OCI runtime /nope: invalid argument",
        "Error: statfs /scratch/input: no such file or directory",
        "Error: \"CAP_BLA\": unknown capability",
        "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
        "daemon running?.",
        "FATAL:   container creation failed: mount /proc/self/fd/3->/session/rootfs error",
        "FATAL:   while loading container engine: permission denied"}) {
    EXPECT_FALSE(blames_image(said)) << said;
  }
}

TEST(EngineVerdict, WhatKeepsTheFirstProcessFromBeginningIsTheHosts) {
  EXPECT_TRUE(blames_host(
      "Error: runc: runc create failed: unable to start container process: error during "
      "container init: error setting rlimits for ready process: error setting rlimit "
      "type 7: operation not permitted: OCI permission denied"));
  EXPECT_TRUE(
      blames_host("Error: OCI runtime error: runc: runc create failed: unable to start container "
                  "process: error during container init: error setting cgroup config for procHooks "
                  "process: unable to set memory limit to 100000"));
  EXPECT_FALSE(blames_host("Error: workdir \"/mount\" does not exist on container cdfe988afdc9"));
  EXPECT_FALSE(blames_host("Traceback (most recent call last):"));
}

TEST(EngineVerdict, TheEnginesLineIsFoundAboveItsAdvice) {
  EXPECT_EQ(engine_line("a tool's own\nError: no space\n"), "Error: no space");
  EXPECT_EQ(engine_line("docker: Error response from daemon: No command specified.\n"
                        "See 'docker run --help'.\n"),
            "docker: Error response from daemon: No command specified.");
  EXPECT_EQ(
      engine_line("docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
                  "Is the docker daemon running?\n\n"
                  "Run 'docker run --help' for more information\n"),
      "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the "
      "docker daemon running?");
  EXPECT_EQ(engine_line("epoch 1\nerror waiting for container: unexpected EOF\n"),
            "error waiting for container: unexpected EOF");
  EXPECT_EQ(engine_line("Error: no space\nthe tool's last word\n"), "");
  EXPECT_EQ(engine_line("See 'docker run --help'.\n"), "See 'docker run --help'.");
}

}  // namespace
}  // namespace landseer::worker
