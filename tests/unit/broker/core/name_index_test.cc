#include "broker/core/name_index.h"

#include <gtest/gtest.h>

#include "broker/core/worker_table.h"

namespace landseer::broker {
namespace {

using Workers = std::set<WorkerId>;

struct Table {
  WorkerTable workers;

  WorkerRecord& add(const std::string& uid, const std::vector<protocol::ImageOffer>& images) {
    WorkerRecord& worker = workers.add(uid);
    offer(worker, images);
    return worker;
  }
  void offer(WorkerRecord& worker, const std::vector<protocol::ImageOffer>& images) {
    worker.offer.images = images;
    workers.adopt_names(worker);
  }
};

TEST(NameIndex, AWorkerIsFoundByWhatItOffersNow) {
  Table table;
  WorkerRecord& a = table.add("a", {{"shared", {}, {}}, {"own", {}, {}}});
  const WorkerRecord& b = table.add("b", {{"shared", {}, {}}});
  EXPECT_EQ(table.workers.with_image("shared"), (Workers{a.id, b.id}));
  EXPECT_EQ(table.workers.with_image("own"), Workers{a.id});
  table.offer(a, {{"other", {}, {}}});
  EXPECT_EQ(table.workers.with_image("shared"), Workers{b.id});
  EXPECT_TRUE(table.workers.with_image("own").empty());
  EXPECT_EQ(table.workers.with_image("other"), Workers{a.id});
  EXPECT_FALSE(a.images.contains("shared"));
}

TEST(NameIndex, ANameThatIsOfferedTwiceIsOne) {
  Table table;
  WorkerRecord& a = table.add("a", {{"image", {}, {}}, {"image", sha256("content"), {}}});
  EXPECT_EQ(table.workers.with_image("image"), Workers{a.id});
  table.offer(a, {});
  EXPECT_TRUE(table.workers.with_image("image").empty());
}

TEST(NameIndex, DataSetsAreFoundWhateverTheirVariant) {
  Table table;
  WorkerRecord& a = table.add("a", {});
  a.offer.datasets = {{"digits", "clean", {}, {}}, {"digits", "poisoned", {}, {}}};
  table.workers.adopt_names(a);
  EXPECT_EQ(table.workers.with_dataset("digits"), Workers{a.id});
  EXPECT_TRUE(table.workers.with_image("digits").empty()) << "an image is something else";
}

TEST(NameIndex, AForgottenWorkerIsNotFound) {
  Table table;
  const WorkerId a = table.add("a", {{"image", {}, {}}}).id;
  const WorkerId b = table.add("b", {{"image", {}, {}}}).id;
  table.workers.forget(a);
  EXPECT_EQ(table.workers.with_image("image"), Workers{b});
}

}  // namespace
}  // namespace landseer::broker
