/// A test's own executor, with real processes: the test's program started again as `executor`.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>

#include "worker/io/executor_client.h"

namespace landseer::worker {

namespace fs = std::filesystem;
using protocol::Outcome;
using std::chrono::steady_clock;

inline constexpr auto kPatience = std::chrono::seconds(20);  // far above what any step here takes
inline constexpr std::uint64_t kMinuteMs = 60'000;

inline bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + kPatience;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline pid_t parent_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  pid_t parent = 0;
  for (std::string word; status >> word;) {
    if (word == "PPid:") status >> parent;
  }
  return parent;
}

/// A process that ended and only has to be reaped by whoever inherited it is not alive.
inline bool is_alive(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

inline AttemptKey key_of(std::uint64_t task) { return {1, TaskId{task}, 1}; }

class Executor : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "landseer-executor-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    place_.socket_path = root_ + "/socket";
    place_.state_folder = root_ + "/state";
  }

  void TearDown() override {
    if (agent_) {
      const pid_t executor = agent_->executor_pid();
      std::ignore = agent_->send(Quit{});
      if (!wait_until([&] { return has_gone(); })) kill(executor, SIGKILL);
    }
    if (HasFailure()) std::cerr << read_file(place_.state_folder + "/executor.log");
    fs::remove_all(root_);
  }

  /// A new agent; what the executor greets it with is in `ended_` and `inventory_`.
  void attach() {
    ended_.clear();
    inventory_.reset();
    auto client = ExecutorClient::start_or_attach(place_);
    ASSERT_TRUE(client) << client.error().to_string();
    agent_.emplace(std::move(*client));
    send(Renew{kMinuteMs});
    ASSERT_TRUE(wait_for([this] { return inventory_.has_value(); }));
  }

  void send(const ToExecutor& message) {
    const auto sent = agent_->send(message);
    ASSERT_TRUE(sent) << sent.error().to_string();
  }

  /// Takes messages until the condition holds; false after kPatience or when the executor is gone.
  bool wait_for(const std::function<bool()>& condition) {
    const auto deadline = steady_clock::now() + kPatience;
    while (!condition()) {
      if (!take_messages() || steady_clock::now() > deadline) return condition();
      pollfd waiting{agent_->fd(), POLLIN, 0};
      if (!condition()) poll(&waiting, 1, 1000);
    }
    return true;
  }

  bool take_messages() {
    while (true) {
      auto message = agent_->receive();
      if (!message) return false;
      if (!*message) return true;
      if (auto* launched = std::get_if<Launched>(&**message)) launched_[launched->key] = *launched;
      if (auto* ended = std::get_if<Ended>(&**message)) ended_[ended->key] = *ended;
      if (auto* inventory = std::get_if<Inventory>(&**message)) inventory_ = *inventory;
    }
  }

  bool has_gone() { return !take_messages(); }

  Launch shell(std::uint64_t task, const std::string& script) const {
    Launch launch;
    launch.key = key_of(task);
    launch.argv = {"sh", "-c", script};
    launch.env = {"PATH=/usr/bin:/bin"};
    launch.cwd = root_;
    launch.log_path = log_path(task);
    launch.grace_ms = kMinuteMs;
    return launch;
  }

  std::string log_path(std::uint64_t task) const { return root_ + "/log-" + std::to_string(task); }

  Ended await_end(std::uint64_t task) {
    EXPECT_TRUE(wait_for([&] { return ended_.count(key_of(task)) != 0; })) << "task " << task;
    return ended_[key_of(task)];
  }

  Ended run(const Launch& launch) {
    send(launch);
    return await_end(number(launch.key.task));
  }

  /// The process number that a script wrote with `echo $$ > NAME.new; mv NAME.new NAME`.
  pid_t await_pid(const std::string& name) const {
    const std::string path = root_ + "/" + name;
    EXPECT_TRUE(wait_until([&] { return fs::exists(path); })) << name;
    return static_cast<pid_t>(std::atoi(read_file(path).c_str()));
  }

  static std::string tell_pid(const std::string& name) {
    return "echo $$ > " + name + ".new; mv " + name + ".new " + name + "; ";
  }

  std::string root_;
  ExecutorPlace place_;
  std::optional<ExecutorClient> agent_;
  std::map<AttemptKey, Launched> launched_;
  std::map<AttemptKey, Ended> ended_;
  std::optional<Inventory> inventory_;
};

}  // namespace landseer::worker
