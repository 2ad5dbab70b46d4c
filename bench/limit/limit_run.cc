#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "bench/limit/limit.h"
#include "common/base/check.h"

namespace landseer::bench {
namespace {

template <class Serve>
pid_t in_background(Serve&& serve) {
  const pid_t child = fork();
  if (child != 0) return child;
  serve();
  _exit(0);
}

}  // namespace

double run_limit(const LimitSetup& setup, const protocol::Submission& submission) {
  std::filesystem::remove_all(setup.folder);
  std::filesystem::create_directories(setup.folder);
  int ends[2];
  CHECK(pipe(ends) == 0, "a pipe can be made");
  const pid_t broker = in_background([&] { serve_limit(setup, ends[1]); });
  std::string line(256, '\0');
  const ssize_t count = read(ends[0], line.data(), line.size());
  CHECK(count > 0, "the reference starts");
  std::istringstream words(line.substr(0, static_cast<std::size_t>(count)));
  std::string workers;
  std::string clients;
  words >> workers >> clients;
  const pid_t worker = in_background([&] { work_limit(setup, workers); });
  usleep(300'000);  // the worker is there before the work, as in the other measurement
  const double seconds = submit_limit(setup, clients, submission);
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  waitpid(broker, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  std::filesystem::remove_all(setup.folder);
  return seconds;
}

}  // namespace landseer::bench
