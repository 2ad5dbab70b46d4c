/// Every bound of the wire contract, in one place. docs/protocol.md, "Limits", lists them with the
/// reply a peer gets when it goes over.
#pragma once

#include <cstddef>
#include <cstdint>

namespace landseer::protocol {

inline constexpr std::size_t kFrameBytesMax = 4 * 1024 * 1024;  ///< one message
inline constexpr std::size_t kChunkBytesMax = 1024 * 1024;      ///< of a submission
inline constexpr std::size_t kSubmissionBytesMax = 256 * 1024 * 1024;
inline constexpr std::size_t kAttachmentBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kBlobChunkBytesMax = 1024 * 1024;  ///< of an artifact or a log
inline constexpr std::size_t kLogTailBytesMax = 4 * 1024;       ///< kept with a result
inline constexpr std::size_t kMetricsBytesMax = 64 * 1024;
inline constexpr std::size_t kReasonBytesMax = 1024;
inline constexpr std::size_t kNameBytesMax = 128;
/// Names in the folder of a data set that a worker tells, and that a pipeline requires.
inline constexpr std::size_t kDatasetNamesMax = 1024;
/// Label rules and site-defined resources of one task, and values in one rule.
inline constexpr std::size_t kRulesMax = 32;
inline constexpr std::size_t kNamedOffersMax = 256;  ///< site-defined resources of one worker
/// Of a site-defined resource: sums of them stay far from any overflow.
inline constexpr std::uint64_t kNamedAmountMax = 1'000'000'000'000;
/// What one worker may offer.
inline constexpr std::uint32_t kGpusMax = 64;
inline constexpr std::uint32_t kLabelsMax = 64;
inline constexpr std::uint32_t kRuntimesMax = 16;
inline constexpr std::uint32_t kDatasetsMax = 1024;
inline constexpr std::uint32_t kImagesMax = 4096;
inline constexpr std::uint32_t kImageVersionsMax = 16;      ///< of one image, that can still be run
inline constexpr std::size_t kOfferBytesMax = 1024 * 1024;  ///< of one worker, in memory
inline constexpr std::size_t kOffersBytesMax = 512 * 1024 * 1024;  ///< of all workers together
/// Lists in a request that are so many times longer than their limit are malformed. Up to there the
/// request is read, so that its sender hears in words what is too long.
inline constexpr std::uint32_t kRefusedInWords = 4;
inline constexpr std::uint32_t kRequestItemsMax = 262'144;  ///< of all lists of one request
inline constexpr std::uint32_t kPageRowsMax = 1000;         ///< of a listing
inline constexpr std::uint32_t kToolsAskedMax = 256;        ///< whose times are asked for at once
inline constexpr std::uint32_t kBatchMax = 512;             ///< attempts in one message
inline constexpr std::uint32_t kChangesKept = 131'072;      ///< that GetChanges can go back
inline constexpr std::uint32_t kArrayMax = 1'200'000;
inline constexpr std::uint32_t kMapMax = 256;
inline constexpr std::uint32_t kDepthMax = 8;
inline constexpr std::uint64_t kTasksPerSubmissionMax = 1'000'000;
inline constexpr std::uint64_t kLiveTasksMax = 2'000'000;
inline constexpr std::uint64_t kKeptTasksMax = 4'000'000;          ///< finished ones included
inline constexpr std::uint64_t kWorkflowInstancesMax = 4'000'000;  ///< tasks over all workflows
inline constexpr std::uint32_t kDependenciesMax = 1000;            ///< of one task
inline constexpr std::uint32_t kWorkersMax = 5000;
inline constexpr std::uint32_t kClientsMax = 5000;         ///< that wait for an answer
inline constexpr std::uint32_t kStreamWindowMax = 16;      ///< requests of one reader under way
inline constexpr std::uint32_t kStreamRequestsMax = 1024;  ///< of all readers
inline constexpr std::uint32_t kLogTimesMax = 4096;        ///< in one reply
inline constexpr std::uint32_t kStagedSubmissionsMax = 64;
/// Submissions with a longer body wait to be built; so many of one caller, and of all.
inline constexpr std::size_t kBuiltAtOnceBytesMax = 64 * 1024;
inline constexpr std::uint32_t kBuildsPerCallerMax = 4;
inline constexpr std::uint32_t kBuildsMax = 256;
inline constexpr std::uint32_t kPipelinesMax = 10'000;       ///< finished ones included
inline constexpr std::int64_t kPriorityMax = 1'000'000'000;  ///< of a pipeline, and as negative
inline constexpr std::uint32_t kWorkflowRangesMax = 1000;    ///< in one Selection
inline constexpr std::uint32_t kStopRulesMax = 16;           ///< of one pipeline
/// Of one key: requests at the clients port, after a burst of so many; and live tasks of one owner.
inline constexpr std::uint32_t kRequestsPerSecond = 100;
inline constexpr std::uint32_t kRequestsBurst = 1000;
inline constexpr std::uint64_t kLiveTasksPerOwnerMax = 1'000'000;

}  // namespace landseer::protocol
