/// What a forecast is asked about, made into what the core takes.
#pragma once

#include <cstddef>
#include <vector>

#include "broker/forecast/forecast.h"

namespace landseer::forecast {

/// What the core needs of a submission, and no more. With a configuration of its own each task
/// stays one.
protocol::Submission stripped(const protocol::Submission& from, std::size_t index);

/// Whether the core can take it. Afterwards the functions below, and a VirtualCluster, can.
Result<void> check_part(const protocol::Submission& submission,
                        const std::vector<TaskState>& so_far, std::size_t workers);

/// The broker was asked page by page, and went on meanwhile: what ran or was completed above
/// something that was not, is pending; what can never run is skipped.
std::vector<TaskState> consistent(const Part& part);

/// The core places nothing by a data set whose content a worker is still looking at. In a forecast
/// it turns out to be what others have.
std::vector<protocol::Hello> with_contents(std::vector<protocol::Hello> workers);

}  // namespace landseer::forecast
