/// What a client needs to forecast by itself: learned times and sizes, what workers offer, and the
/// graph of a pipeline. Each costs the broker no more than any other page of a listing.
/// docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/protocol/added.h"
#include "common/protocol/limits.h"
#include "common/protocol/submission.h"
#include "common/protocol/worker_messages.h"

namespace landseer::protocol {

/// What is known about the tools of these names, at most kToolsAskedMax.
struct GetToolTimes {
  std::vector<std::string> tools;
  bool operator==(const GetToolTimes&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tools", at_most(kRefusedInWords * kToolsAskedMax, m.tools));
  }
};

/// Of the last eight or so attempts that succeeded on this device.
struct ToolTimeRow {
  std::string tool;
  std::string device;  ///< the model of the GPUs, or `cpu`
  std::uint64_t samples = 0;
  std::uint64_t mean_us = 0;
  std::uint64_t spread_samples = 0;
  std::uint64_t spread_us = 0;  ///< standard deviation; means something from two samples on
  std::uint64_t bytes_samples = 0;
  std::uint64_t mean_bytes = 0;  ///< of artifacts
  bool operator==(const ToolTimeRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tool", m.tool);
    visit("device", m.device);
    visit("samples", m.samples);
    visit("mean_us", m.mean_us);
    visit("spread_samples", m.spread_samples);
    visit("spread_us", m.spread_us);
    visit("bytes_samples", m.bytes_samples);
    visit("mean_bytes", m.mean_bytes);
  }
};

/// In the order of the request; nothing for a tool that nobody has run.
struct ToolTimeList {
  std::vector<ToolTimeRow> rows;
  bool operator==(const ToolTimeList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
  }
};

/// Workers that would get work now, in the order of their numbers; `after` pages.
struct ListOffers {
  WorkerId after{};
  bool operator==(const ListOffers&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("after", m.after);
  }
};

/// `offer` as the worker said it, without images, held attempts and the names in data sets.
struct OfferRow {
  WorkerId worker{};
  Hello offer;
  bool operator==(const OfferRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("offer", m.offer);
  }
};

struct OfferList {
  std::vector<OfferRow> rows;
  bool more = false;
  bool operator==(const OfferList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("more", m.more);
  }
};

/// Tasks of one pipeline in the order of their numbers, at most kPageRowsMax.
struct GetGraph {
  PipelineId pipeline{};
  std::uint64_t offset = 0;  ///< index of the first task
  bool operator==(const GetGraph&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("offset", m.offset);
  }
};

/// Other tasks are named by their index in the pipeline, workflows too, tools and options by their
/// index in the page.
struct GraphTask {
  std::uint8_t type = 1;
  std::uint8_t status = 1;  ///< a domain::TaskStatus
  std::uint32_t tool = 0;
  std::uint32_t options = 0;
  std::vector<std::uint32_t> dependencies;  ///< all are before this one
  std::vector<std::uint32_t> workflows;
  std::uint64_t artifact_bytes = 0;  ///< if it is completed
  WorkerId worker{};                 ///< that runs it
  std::uint64_t running_ms = 0;      ///< for so long
  std::int64_t finished_at = 0;      ///< Unix milliseconds, if it is completed by an attempt
  bool paused = false;               ///< pending, and held back with a part of its pipeline
  bool operator==(const GraphTask&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("type", m.type);
    visit("status", m.status);
    visit("tool", m.tool);
    visit("options", m.options);
    visit("dependencies", m.dependencies);
    visit("workflows", m.workflows);
    visit("artifact_bytes", m.artifact_bytes);
    visit("worker", m.worker);
    visit("running_ms", m.running_ms);
    visit("finished_at", m.finished_at);
    visit("paused", added(m.paused));
  }
};

struct GraphPage {
  std::string policy;
  std::int64_t priority = 0;
  std::string dataset_name;
  std::string dataset_variant;
  std::uint64_t tasks_total = 0;
  std::uint64_t workflows_total = 0;
  std::vector<ToolEntry> tools;
  std::vector<OptionsEntry> options;
  std::vector<GraphTask> tasks;
  std::uint64_t next_offset = 0;  ///< 0: that was all
  bool operator==(const GraphPage&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("policy", m.policy);
    visit("priority", m.priority);
    visit("dataset_name", m.dataset_name);
    visit("dataset_variant", m.dataset_variant);
    visit("tasks_total", m.tasks_total);
    visit("workflows_total", m.workflows_total);
    visit("tools", m.tools);
    visit("options", m.options);
    visit("tasks", m.tasks);
    visit("next_offset", m.next_offset);
  }
};

}  // namespace landseer::protocol
