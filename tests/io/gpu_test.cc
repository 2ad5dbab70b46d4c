/// GPUs by way of a fake NVML, a library that the tests build.
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "worker/io/gpu_choice.h"
#include "worker/io/gpu_monitor.h"

namespace landseer::worker {
namespace {

constexpr const char* kTwo = "GPU-aa A100 80000 1000 0\nGPU-bb T4 16000 500 0\n";

class Gpus : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "landseer-gpu-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    setenv("LANDSEER_FAKE_NVML", (root_ + "/gpus").c_str(), 1);
    put(kTwo);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& lines) const {
    std::ofstream(root_ + "/new") << lines;
    std::filesystem::rename(root_ + "/new", root_ + "/gpus");
  }
  static std::vector<GpuReading> await(GpuMonitor& monitor) {
    pollfd waiting{monitor.fd(), POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, 20'000), 1);
    const auto events = monitor.take_events();
    return events.empty() ? std::vector<GpuReading>() : events[0].readings;
  }
  std::string root_;
};

TEST_F(Gpus, AreFoundWithTheirNamesAndMemoryAndReadByTheirUuid) {
  auto nvml = Nvml::open(LANDSEER_FAKE_NVML_LIBRARY);
  ASSERT_TRUE(nvml) << nvml.error().to_string();
  const auto found = (*nvml)->gpus();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1], (protocol::GpuOffer{1, "T4", 16000, "GPU-bb", ""}));
  put("GPU-aa lost\nGPU-bb T4 16000 700 42\n");
  EXPECT_EQ((*nvml)->read(found[0]).trouble, "GPU is lost");
  EXPECT_EQ((*nvml)->read(found[1]).memory_used_bytes, 700U);
  EXPECT_EQ((*nvml)->read(found[1]).processes, std::vector<std::uint32_t>{42});
  put(kTwo);
  EXPECT_EQ((*nvml)->read(found[0]).trouble, "");
}

TEST_F(Gpus, ALibraryThatIsMissingOrHasNoDriverIsSaidSo) {
  EXPECT_EQ(Nvml::open(root_ + "/none.so").error().code, ErrorCode::kNotFound);
  unsetenv("LANDSEER_FAKE_NVML");
  EXPECT_EQ(Nvml::open(LANDSEER_FAKE_NVML_LIBRARY).error().code, ErrorCode::kUnavailable);
}

TEST_F(Gpus, AreChosenByIndexByUuidAndByWhatTheWorkerItselfMaySee) {
  const std::vector<protocol::GpuOffer> present{{0, "A100", 80, "GPU-aa", {}},
                                                {1, "T4", 16, "GPU-bb", {}}};
  const auto names = [&](const std::string& choice, const char* visible, bool known = true) {
    const auto chosen = choose_gpus(choice, visible, known ? present : decltype(present){}, known);
    return chosen ? visible_devices(*chosen) : chosen.error().message;
  };
  EXPECT_EQ(names("auto", nullptr), "GPU-aa,GPU-bb");
  EXPECT_EQ(names("auto", "1"), "GPU-bb");
  EXPECT_EQ(names("auto", ""), "");
  EXPECT_EQ(names("auto", "GPU-b,-1,0"), "GPU-bb");
  EXPECT_EQ(names("auto", "MIG-x"), "MIG-x");
  EXPECT_EQ(names("none", nullptr), "");
  EXPECT_EQ(names("1,GPU-aa,1", nullptr), "GPU-bb,GPU-aa");
  EXPECT_EQ(names("7", nullptr), "this host has no GPU 7");
  EXPECT_EQ(names("x", nullptr), "--gpus 'x' is not a list of GPUs");
  EXPECT_EQ(names("auto", nullptr, false), "");
  EXPECT_EQ(names("0,GPU-z", nullptr, false), "0,GPU-z");
}

TEST_F(Gpus, AreLookedAtWhenAskedAndWhenOneFallsOffAndThePeakIsSeen) {
  auto nvml = Nvml::open(LANDSEER_FAKE_NVML_LIBRARY);
  ASSERT_TRUE(nvml);
  auto found = (*nvml)->gpus();
  GpuMonitor monitor(std::move(*nvml), found);
  monitor.check({1});
  const auto first = await(monitor);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].memory_used_bytes, 500U);
  const AttemptKey key{1, TaskId{1}, 1};
  monitor.begin(key, {1});
  put("GPU-aa A100 80000 1000 0\nGPU-bb T4 16000 9500 42\n");
  monitor.check({1});
  while (await(monitor)[0].memory_used_bytes != 9500) monitor.check({1});
  EXPECT_EQ(monitor.end(key), 9000U);
  EXPECT_EQ(monitor.end(key), 0U);
  put("GPU-aa lost\nGPU-bb T4 16000 500 0\n");
  EXPECT_EQ(await(monitor)[0].trouble, "GPU is lost");
}

}  // namespace
}  // namespace landseer::worker
