/// How images are found, pulled and kept, with a docker whose images are files.
#include <fstream>
#include <thread>

#include "tests/io/containers_fixture.h"
#include "worker/io/engine_images.h"

namespace landseer::worker {
namespace {

/// A docker whose images are files in `images`.
constexpr const char* kFakeDocker = R"sh(
top=$(dirname "$0")/..
name() { echo "$1" | tr '/:' '__'; }
case "$1 $2" in
  "image inspect")
    cat "$top/images/$(name "$4")" 2>/dev/null && exit 0
    echo "Error: No such image: $4" >&2
    exit 1 ;;
  "pull "*)
    read -r _ <"$top/gate"
    if [ -e "$top/images/refuse" ]; then echo denied >&2; exit 1; fi
    echo "sha256:$(cat "$top/images/registry")" >"$top/images/$(name "$2")" ;;
esac
)sh";

class EngineImagesTest : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    fake("docker", kFakeDocker);
    write_text(folder / "images/registry", kImageId);
    write_text(folder / "gate", "\n\n\n\n\n\n\n\n");
  }
  void tag(const std::string& file, char digit) {
    write_text(folder / "images" / file, "sha256:" + std::string(64, digit) + "\n");
  }
  std::size_t pulls() const {
    std::size_t count = 0;
    const std::string text = std::filesystem::exists(calls()) ? read_text(calls()) : "";
    for (auto at = text.find(" pull "); at != std::string::npos; at = text.find(" pull ", at + 1)) {
      ++count;
    }
    return count;
  }
  EngineImages images{engine(ContainerEngine::Kind::kDocker), 60s};
  ImageKeeper keeper{images, {folder / "locks", true, 0s}};
};

TEST_F(EngineImagesTest, AnImageIsPulledOnceHoweverManyWantIt) {
  // The pull waits at a gate until all have asked.
  std::filesystem::remove(folder / "gate");
  mkfifo((folder / "gate").c_str(), 0600);
  std::vector<std::thread> threads;
  std::vector<Result<Digest>> found(5, Digest{});
  ImageKeeper other(images, {folder / "locks", true, 0s});  // as of another worker
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] {
      found[i] = (i % 2 == 0 ? keeper : other).obtain("docker.io/lab/x:1", {}, cancel);
    });
  }
  std::ofstream(folder / "gate") << "\n";
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : found) {
    ASSERT_TRUE(one) << one.error().to_string();
    EXPECT_EQ(one->hex(), kImageId);
  }
  EXPECT_EQ(pulls(), 1U);
}

TEST_F(EngineImagesTest, WhatAPipelineBeganWithIsKeptWhenItsTagMoves) {
  tag("docker.io_lab_x_1", 'b');
  const Digest began = *keeper.obtain("docker.io/lab/x:1", {}, cancel);
  EXPECT_EQ(began.hex(), std::string(64, 'b'));
  tag("docker.io_lab_x_1", 'c');
  tag("sha256_" + began.hex(), 'b');  // still here, without a name
  EXPECT_EQ(*keeper.obtain("docker.io/lab/x:1", began, cancel), began);
  EXPECT_EQ(keeper.obtain("docker.io/lab/x:1", {}, cancel)->hex(), std::string(64, 'c'));
  std::filesystem::remove(folder / "images" / ("sha256_" + began.hex()));
  const auto lost = keeper.obtain("docker.io/lab/x:1", began, cancel);
  EXPECT_EQ(lost.error().code, ErrorCode::kConflict);
  EXPECT_EQ(lost.error().message,
            "the image is cccccccccccc here, and the pipeline began with bbbbbbbbbbbb");
  EXPECT_EQ(pulls(), 0U);
}

TEST_F(EngineImagesTest, WhereNothingMayBePulledTheReasonIsSaid) {
  ImageKeeper frugal(images, {folder / "locks", false, 0s});
  const auto absent = frugal.obtain("docker.io/lab/x:1", {}, cancel);
  EXPECT_EQ(
      absent.error().to_string(),
      "docker.io/lab/x:1: the image is not on this host (load it, or start the worker without "
      "--pull never)");
  EXPECT_EQ(pulls(), 0U);
}

TEST_F(EngineImagesTest, APullThatFailsIsTriedAgainByWhoAsksLater) {
  write_text(folder / "images/refuse", "");
  const auto refused = keeper.obtain("docker.io/lab/x:1", {}, cancel);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(refused.error().message, "cannot pull the image: denied");
  std::filesystem::remove(folder / "images/refuse");
  EXPECT_TRUE(keeper.obtain("docker.io/lab/x:1", {}, cancel));
  EXPECT_EQ(pulls(), 2U);
}

TEST_F(EngineImagesTest, APullIsCalledOff) {
  std::filesystem::remove(folder / "gate");
  mkfifo((folder / "gate").c_str(), 0600);
  std::thread caller([&] {
    const std::ofstream opened(folder / "gate");  // waits until the pull is there
    cancel.request();
  });
  const auto called_off = keeper.obtain("docker.io/lab/x:1", {}, cancel);
  caller.join();
  EXPECT_EQ(called_off.error().code, ErrorCode::kConflict);
}

TEST_F(EngineImagesTest, NamesAreWhatEnginesUnderstand) {
  EXPECT_EQ(*engine_reference("docker://ghcr.io/x/y:1"), "ghcr.io/x/y:1");
  EXPECT_EQ(*engine_reference("x/y"), "x/y");
  for (const char* bad :
       {"", "oras://ghcr.io/x/y:1", "-v", "a b", "a\nb", "docker://", "dir:/etc",
        "docker-archive:/x", "oci:home/x/y", "/etc", "../x/y", "docker://dir:/etc"}) {
    EXPECT_EQ(engine_reference(bad).error().code, ErrorCode::kInvalid) << bad;
  }
  static_cast<void>(images.pull("python:3.11", cancel, {}));
  static_cast<void>(images.pull("lab/x:1", cancel, {}));
  static_cast<void>(images.pull("localhost:5000/x:1", cancel, {}));
  EXPECT_EQ(read_text(calls()),
            "docker pull docker.io/library/python:3.11\ndocker pull docker.io/lab/x:1\n"
            "docker pull localhost:5000/x:1\n");
  EXPECT_EQ(images.pull("localhost/x:1", cancel, {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace landseer::worker
