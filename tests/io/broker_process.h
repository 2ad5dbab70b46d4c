/// The real broker with keys, as a process of its own, and peers that speak to it directly.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "common/config/key_folder.h"
#include "common/net/key_pair.h"
#include "common/net/socket.h"
#include "tests/support/temp_folder.h"

namespace landseer::test {

/// Its folder of keys is made first; `add` before `start`.
class BrokerProcess {
 public:
  explicit BrokerProcess(bool with_keys = true) : with_keys_(with_keys) {
    keys::KeyFile own;
    own.name = "broker";
    own.public_key = pair_.public_key;
    own.secret_key = pair_.secret_key;
    if (with_keys_ && !config::write_key(keys_folder(), config::kBrokerKeyFile, own)) abort();
  }
  ~BrokerProcess() { kill(); }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  /// A new key on the list; what to connect with.
  net::ClientKeys add(const std::string& name, keys::Role role, const std::string& owner = {}) {
    const auto own = *net::make_key_pair();
    list_.push_back({role, name, own.public_key, owner.empty() ? name : owner});
    return {pair_.public_key, own.public_key, own.secret_key};
  }

  /// Returns when it is ready, at the addresses of the last start if there was one.
  void start() {
    if (with_keys_ && !config::write_authorized(keys_folder(), list_)) abort();
    const auto bind = [&](std::size_t i) {
      return addresses.empty() ? std::string("tcp://127.0.0.1:0") : addresses[i];
    };
    std::vector<std::string> words{LANDSEER_BINARY_DIR "/landseer-broker",
                                   "--state",
                                   (folder_ / "state").string(),
                                   "--workers-bind",
                                   bind(0),
                                   "--clients-bind",
                                   bind(1),
                                   "--bulk-bind",
                                   bind(2),
                                   "--log-level",
                                   "error"};
    if (with_keys_) words.insert(words.end(), {"--keys", keys_folder()});
    words.insert(words.end(), options.begin(), options.end());
    setenv("LANDSEER_HOME", (folder_ / "home").c_str(), 1);
    int ends[2];
    if (pipe(ends) != 0) abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      if (files_max != 0) {
        const rlimit limit{files_max, files_max};
        setrlimit(RLIMIT_NOFILE, &limit);
      }
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    std::FILE* const output = fdopen(ends[0], "r");
    char lines[3][256];
    if (std::fscanf(output, "ready %255s %255s %255s", lines[0], lines[1], lines[2]) != 3) abort();
    std::fclose(output);
    addresses = {lines[0], lines[1], lines[2]};
  }

  /// As a crash.
  void kill() { end(SIGKILL); }
  /// As asked for. True if it ended well.
  bool stop() { return end(SIGTERM) == 0; }
  bool running() const { return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0; }

  /// The list as it is now, for a broker that runs.
  void write_list() {
    if (!config::write_authorized(keys_folder(), list_)) abort();
  }
  void revoke(const std::string& name) {
    std::erase_if(list_, [&](const keys::Authorized& key) { return key.name == name; });
    write_list();
  }

  /// What `--check` says of the store of a stopped broker.
  std::string check() const {
    const std::string command =
        LANDSEER_BINARY_DIR "/landseer-broker --check " + (folder_ / "state").string();
    std::FILE* const output = popen(command.c_str(), "r");
    std::string said(4096, '\0');
    said.resize(std::fread(said.data(), 1, said.size(), output));
    pclose(output);
    return said;
  }

  std::size_t open_files() const {
    const std::filesystem::path folder("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }
  std::size_t resident_bytes() const {
    std::FILE* const file = std::fopen(("/proc/" + std::to_string(pid_) + "/statm").c_str(), "r");
    std::size_t size = 0;
    std::size_t resident = 0;
    if (file == nullptr || std::fscanf(file, "%zu %zu", &size, &resident) != 2) abort();
    std::fclose(file);
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  }
  std::filesystem::path state_folder() const { return folder_ / "state"; }

  std::vector<std::string> addresses;  ///< workers, clients, bulk
  std::vector<std::string> options;    ///< more of them; before start()
  rlim_t files_max = 0;                ///< that it may have open; 0: as many as we

 private:
  int end(int signal) {
    int status = -1;
    if (pid_ > 0) {
      ::kill(pid_, signal);
      waitpid(pid_, &status, 0);
    }
    pid_ = 0;
    return status;
  }

  std::string keys_folder() const { return (folder_ / "keys").string(); }

  TempFolder folder_;
  bool with_keys_;
  net::KeyPair pair_ = *net::make_key_pair();
  std::vector<keys::Authorized> list_;
  pid_t pid_ = 0;
};

}  // namespace landseer::test
