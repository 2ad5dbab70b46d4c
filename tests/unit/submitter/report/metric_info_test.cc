#include "submitter/report/metric_info.h"

#include <gtest/gtest.h>

namespace landseer::report {
namespace {

TEST(MetricInfo, KnowsWhatIsBetter) {
  for (const char* name : {"accuracy", "clean_accuracy", "pgd-Accuracy.top1", "ood.auc", "F1"}) {
    EXPECT_EQ(metric_info(name).higher_is_better, true) << name;
    EXPECT_EQ(metric_info(name).unit, "fraction") << name;
  }
  for (const char* name : {"attack_success_rate", "mia_auc", "backdoor accuracy", "train_loss",
                           "epsilon", "inference_seconds"}) {
    EXPECT_EQ(metric_info(name).higher_is_better, false) << name;
  }
  EXPECT_EQ(metric_info("inference_seconds").unit, "seconds");
}

TEST(MetricInfo, SaysNothingOfWhatItDoesNotKnow) {
  for (const char* name : {"", "count", "accident", "timeline"}) {
    EXPECT_FALSE(metric_info(name).higher_is_better) << name;
    EXPECT_EQ(metric_info(name).unit, "number") << name;
  }
}

}  // namespace
}  // namespace landseer::report
