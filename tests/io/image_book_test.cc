/// Images that change are doubted before they are looked at again, and their names are remembered.
#include "worker/io/image_book.h"

#include <poll.h>

#include <fstream>

#include "tests/io/containers_fixture.h"
#include "worker/io/apptainer_runtime.h"
#include "worker/io/engine_runtime.h"
#include "worker/io/process_runtime.h"

namespace landseer::worker {
namespace {

using Offers = std::vector<protocol::ImageOffer>;

/// A docker whose images are files, and that tells a change when a line is written to `events`.
constexpr const char* kFakeDocker = R"sh(
top=$(dirname "$0")/..
case "$1" in
  image) cat "$top/images/$(echo "$4" | tr '/:' '__')" 2>/dev/null && exit 0
         echo "Error: No such image: $4" >&2
         exit 1 ;;
  events) exec cat "$top/events" ;;
esac
)sh";

class ImageBookTest : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    write_text(folder / "images/tool/entrypoint", "#!/bin/sh\n");
    write_text(folder / "images/tool/lib/part.py", "one");
  }

  std::shared_ptr<const Runtimes> processes() const {
    Runtimes runtimes;
    runtimes.add(
        std::make_unique<ProcessRuntime>(folder / "images", Variables(), folder / "memory"));
    return std::make_shared<const Runtimes>(std::move(runtimes));
  }
  std::shared_ptr<const Runtimes> docker() {
    fake("docker", kFakeDocker);
    mkfifo((folder / "events").c_str(), 0600);
    Runtimes runtimes;
    runtimes.add(std::make_unique<EngineRuntime>(engine(ContainerEngine::Kind::kDocker), options,
                                                 folder / "locks"));
    return std::make_shared<const Runtimes>(std::move(runtimes));
  }
  void tag(char digit) {
    const std::string id = "sha256:" + std::string(64, digit);
    write_text(folder / "images" / ("sha256_" + std::string(64, digit)), id + "\n");
    write_text(folder / "images" / "lab_x_1.part", id + "\n");
    std::filesystem::rename(folder / "images" / "lab_x_1.part", folder / "images" / "lab_x_1");
  }

  /// All offers from now on until one that fits; the last is that one.
  template <class Fits>
  std::vector<Offers> await(ImageBook& book, Fits&& fits) {
    std::vector<Offers> seen{book.offers()};
    while (!fits(seen.back())) {
      pollfd item{book.fd(), POLLIN, 0};
      if (poll(&item, 1, 30'000) <= 0) {
        ADD_FAILURE() << "no such offer";
        return seen;
      }
      seen.push_back(book.take_offers());
    }
    return seen;
  }
  static bool is_known(const Offers& offers) {
    return offers.size() == 1 && !offers[0].content.empty();
  }
};

TEST_F(ImageBookTest, AFolderThatIsEditedIsDoubtedFirstAndKnownAnewThen) {
  ImageBook book(processes(), folder / "list");
  book.learn("", "x/tool:v1");
  const Digest before = await(book, is_known).back()[0].content;
  static_cast<void>(book.take_offers());
  write_text(folder / "images/tool/lib/part.py", "two");
  const auto seen = await(
      book, [&](const Offers& offers) { return is_known(offers) && offers[0].content != before; });
  ASSERT_GE(seen.size(), 2U);
  EXPECT_TRUE(seen[seen.size() - 2].empty() || seen[seen.size() - 2][0].content != before)
      << "between the two it was not known";
  EXPECT_TRUE(seen.back()[0].kept.empty()) << "a folder keeps nothing";
  // What Python leaves beside its modules is no part of it.
  const Digest now = seen.back()[0].content;
  write_text(folder / "images/tool/__pycache__/part.pyc", "compiled");
  write_text(folder / "images/tool/lib/__pycache__/part.pyc", "compiled");
  write_text(folder / "images/tool/lib/new.py", "three");
  const auto after = await(
      book, [&](const Offers& offers) { return is_known(offers) && offers[0].content != now; });
  std::filesystem::remove(folder / "images/tool/lib/new.py");
  await(book, [&](const Offers& offers) { return is_known(offers) && offers[0].content == now; });
  // And its folder goes: only the command counts.
  std::filesystem::remove_all(folder / "images/tool");
  await(book, [&](const Offers& offers) {
    return is_known(offers) && offers[0].content == sha256("no image folder");
  });
  std::filesystem::create_directories(folder / "images/tool");
  await(book, [&](const Offers& offers) {
    return is_known(offers) && offers[0].content != sha256("no image folder");
  });
}

TEST_F(ImageBookTest, NamesAreRememberedAndLookedAtBeforeAnybodyAsks) {
  Digest content;
  {
    ImageBook book(processes(), folder / "list");
    book.learn("process", "x/tool:v1");
    book.learn("podman", "x/other:v1");  // not offered here
    book.learn("process", "");
    book.learn("process",
               std::string(kImageNameMax + 1, 'x'));  // the broker would refuse the worker
    book.learn("process", "a\nb");
    content = await(book, is_known).back()[0].content;
  }
  ImageBook book(processes(), folder / "list");
  book.wait(30s);
  ASSERT_TRUE(is_known(book.offers()));
  EXPECT_EQ(book.offers()[0].image, "x/tool:v1");
  EXPECT_EQ(book.offers()[0].content, content);
  // A damaged list costs what it said.
  write_text(folder / "list", "process\nx\t\tprocess\n\t\nprocess\tx/tool:v1\tzz\n");
  ImageBook after_damage(processes(), folder / "list");
  after_damage.wait(30s);
  EXPECT_TRUE(is_known(after_damage.offers()));
}

TEST_F(ImageBookTest, ATagThatMovesIsKnownByTheEnginesEventsAndItsPastIsKept) {
  const auto runtimes = docker();
  tag('b');
  ImageBook book(runtimes, folder / "list");
  book.learn("docker", "lab/x:1");
  std::ofstream events(folder / "events");  // waits for the reader
  const Digest before = await(book, is_known).back()[0].content;
  EXPECT_EQ(before.hex(), std::string(64, 'b'));
  tag('c');
  events << "tag" << std::endl;
  const auto moved = await(
      book, [&](const Offers& offers) { return is_known(offers) && offers[0].content != before; });
  EXPECT_EQ(moved.back()[0].content.hex(), std::string(64, 'c'));
  EXPECT_EQ(moved.back()[0].kept, std::vector<Digest>{before});
  // The past is removed, too.
  std::filesystem::remove(folder / "images" / ("sha256_" + before.hex()));
  events << "delete" << std::endl;
  await(book, [&](const Offers& offers) { return is_known(offers) && offers[0].kept.empty(); });
}

TEST_F(ImageBookTest, ANameThatTwoRuntimesUseMeansNothing) {
  Runtimes both;
  both.add(std::make_unique<ProcessRuntime>(folder / "images", Variables(), folder / "memory"));
  fake("apptainer", "exit 0");
  options.images = folder / "sif";
  both.add(std::move(*ApptainerRuntime::probe("apptainer", options, environment())));
  ImageBook book(std::make_shared<const Runtimes>(std::move(both)), folder / "list");
  book.learn("process", "x/tool:v1");
  await(book, is_known);
  book.learn("apptainer", "x/tool:v1");
  await(book, [](const Offers& offers) { return offers.empty(); });
}

TEST_F(ImageBookTest, WhatWasEditedBeforeSomebodyAsksIsNotOffered) {
  ImageBook book(processes(), folder / "list");
  book.learn("process", "x/tool:v1");
  for (int i = 0; i < 20; ++i) {
    const Digest before = await(book, is_known).back()[0].content;
    write_text(folder / "images/tool/lib/part.py", "edit " + std::to_string(i));
    book.take_news();
    EXPECT_NE(book.offers().at(0).content, before);
  }
}

}  // namespace
}  // namespace landseer::worker
