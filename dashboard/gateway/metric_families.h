/// Families of metrics in the order they were added, for the text format of Prometheus.
#pragma once

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashboard/gateway/time_counts.h"

namespace landseer::gateway {

/// Families in order, each with its samples.
class Families {
 public:
  using Family = prometheus::MetricFamily;
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  Family& add(prometheus::MetricType type, const std::string& name, const std::string& help) {
    families_.push_back({name, help, type, {}});
    return families_.back();
  }
  void gauge(const std::string& name, const std::string& help, double value) {
    sample(add(prometheus::MetricType::Gauge, name, help), {}, value);
  }
  void counter(const std::string& name, const std::string& help, double value) {
    sample(add(prometheus::MetricType::Counter, name, help), {}, value);
  }
  void histogram(const std::string& name, const std::string& help, const TimeCounts& times) {
    prometheus::ClientMetric metric;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < TimeCounts::kBounds.size(); ++i) {
      below += times.counts[i];
      metric.histogram.bucket.push_back({below, TimeCounts::kBounds[i]});
    }
    metric.histogram.sample_count = below + times.counts.back();
    metric.histogram.sample_sum = static_cast<double>(times.microseconds) / 1e6;
    add(prometheus::MetricType::Histogram, name, help).metric.push_back(std::move(metric));
  }

  static void sample(Family& family, Labels labels, double value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
  }
  static void sample(Family& family, const std::string& label, std::string_view value,
                     double number) {
    sample(family, {{label, std::string(value)}}, number);
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<Family> families_;
};

}  // namespace landseer::gateway
