#include "worker/io/workbench.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/net/clock.h"

namespace landseer::worker {
namespace {

constexpr Duration kCheckpointAge = std::chrono::hours(7 * 24);
constexpr Duration kCheckpointLook = std::chrono::hours(1);

/// Looking through up to 10,000 logs takes some milliseconds: after it there is room for some.
LogLimits with_room(const LogLimits& limits) {
  return {limits.bytes_max - limits.bytes_max / 16, limits.files_max - limits.files_max / 16};
}

const AttemptKey& key_of(const Workbench::Job& job) {
  if (const auto* prepare = std::get_if<Prepare>(&job)) return prepare->job.key;
  if (const auto* capture = std::get_if<Capture>(&job)) return capture->key;
  if (const auto* capture = std::get_if<CaptureCheckpoint>(&job)) return capture->key;
  return std::get<Discard>(job).key;
}

}  // namespace

Result<std::unique_ptr<Workbench>> Workbench::start(const net::Context& context,
                                                    const ArtifactStore& store,
                                                    WorkbenchOptions options) {
  auto folders = AttemptFolders::open(options.scratch);
  if (!folders) return tl::make_unexpected(folders.error());
  AttemptTools tools{store, std::move(*folders), options.datasets, options.book, options.runtimes};
  return std::unique_ptr<Workbench>(new Workbench(context, std::move(tools), std::move(options)));
}

Workbench::Workbench(const net::Context& context, AttemptTools tools, WorkbenchOptions options)
    : context_(context),
      tools_(std::move(tools)),
      options_(std::move(options)),
      threads_max_(std::max<std::size_t>(options_.threads, 1)),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_fd_.get() >= 0, "the process has file descriptors left for an event");
  for (std::size_t i = 0; i < threads_max_; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Workbench::~Workbench() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [key, attempt] : attempts_) {
      if (attempt.cancel != nullptr) attempt.cancel->request();
    }
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workbench::submit(Job job) {
  const AttemptKey key = key_of(job);
  std::unique_lock lock(mutex_);
  if (const auto* prepare = std::get_if<Prepare>(&job)) {
    if (prepares_waiting_ >= options_.prepares_max) {
      post(PrepareFailed{key,
                         protocol::Outcome::kRuntimeError,
                         "too many attempts wait to be prepared",
                         {},
                         false});
      tell(lock);
      return;
    }
    ++prepares_waiting_;
    attempts_[key] = Attempt{std::make_shared<const AttemptJob>(prepare->job), nullptr};
  }
  if (std::holds_alternative<Discard>(job)) abandon_locked(key);
  queue_.push_back(std::move(job));
  lock.unlock();  // whoever is woken with it held waits for it again at once
  wake_.notify_one();
}

void Workbench::adopt(const AttemptJob& job) {
  const std::lock_guard lock(mutex_);
  attempts_[job.key] = Attempt{std::make_shared<const AttemptJob>(job), nullptr};
}

void Workbench::abandon(const AttemptKey& key) {
  const std::lock_guard lock(mutex_);
  abandon_locked(key);
}

void Workbench::abandon_locked(const AttemptKey& key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  found->second.abandoned = true;
  if (found->second.cancel != nullptr) found->second.cancel->request();
}

void Workbench::set_bulk_address(std::string address) {
  const std::lock_guard lock(mutex_);
  bulk_address_ = std::move(address);
}

std::vector<Workbench::Event> Workbench::take_events() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  eventfd_read(event_fd_.get(), &count);
  return std::exchange(events_, {});
}

std::optional<AttemptPaths> Workbench::folders(const AttemptKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return std::nullopt;
  return tools_.folders.paths(key, found->second.job->pipeline);
}

/// With the mutex held, and tell() after it.
void Workbench::post(Event event) {
  events_.push_back(std::move(event));
  untold_ = true;
}

/// Makes the descriptor readable, with the mutex let go: whoever waits wants it.
void Workbench::tell(std::unique_lock<std::mutex>& lock) {
  if (!std::exchange(untold_, false)) return;
  lock.unlock();
  eventfd_write(event_fd_.get(), 1);
  lock.lock();
}

void Workbench::work() {
  BlobFetcher fetcher(context_, tools_.store, options_.fetch);
  std::unique_lock lock(mutex_);
  while (const auto job = next_job(lock)) {
    lock.unlock();
    std::visit([&](const auto& known) { run(known, fetcher); }, *job);
    lock.lock();
    busy_.erase(key_of(*job));
    if (std::holds_alternative<Prepare>(*job)) --prepares_running_;
    tell(lock);
  }
}

/// The oldest job of an attempt that nobody works on; empty when the workbench ends. A Prepare can
/// take as long as the download of an image, so the last thread does none.
std::optional<Workbench::Job> Workbench::next_job(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    const bool may_prepare = threads_max_ == 1 || prepares_running_ + 1 < threads_max_;
    const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Job& job) {
      return !busy_.contains(key_of(job)) && (may_prepare || !std::holds_alternative<Prepare>(job));
    });
    if (found != queue_.end()) {
      Job job = std::move(*found);
      queue_.erase(found);
      busy_.insert(key_of(job));
      if (std::holds_alternative<Prepare>(job)) {
        --prepares_waiting_;
        ++prepares_running_;
      }
      // A job that ends lets another one of its attempt begin, and a Prepare; this thread takes
      // one, and the next one it wakes looks for the other. To wake all costs more than the jobs.
      if (!queue_.empty()) wake_.notify_one();
      return job;
    }
    wake_.wait(lock);
  }
  return std::nullopt;
}

void Workbench::run(const Prepare& prepare, BlobFetcher& fetcher) {
  const AttemptKey& key = prepare.job.key;
  const auto cancel = std::make_shared<Cancel>();
  std::string bulk_address;
  {
    const std::lock_guard lock(mutex_);
    Attempt& attempt = attempts_[key];
    if (attempt.abandoned) {
      post(cancelled_prepare(key));
      return;
    }
    attempt.cancel = cancel;
    bulk_address = bulk_address_;
  }
  auto answer = prepare_attempt(tools_, fetcher, prepare.job, bulk_address, *cancel);
  const std::lock_guard lock(mutex_);
  attempts_[key].cancel.reset();
  if (cancel->requested()) answer = cancelled_prepare(key);
  std::visit([&](auto& known) { post(std::move(known)); }, answer);
}

void Workbench::run(const Capture& capture, BlobFetcher&) {
  std::shared_ptr<const AttemptJob> job;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(capture.key);
    if (found == attempts_.end()) {
      post(CaptureFailed{capture.key, "this worker does not know the attempt's folder any more"});
      return;
    }
    job = found->second.job;
  }
  auto answer = capture_attempt(tools_, *job);
  const std::lock_guard lock(mutex_);
  attempts_[capture.key].captured = std::holds_alternative<Captured>(answer);
  std::visit([&](auto& known) { post(std::move(known)); }, answer);
}

void Workbench::run(const CaptureCheckpoint& capture, BlobFetcher&) {
  std::shared_ptr<const AttemptJob> job;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(capture.key);
    if (found != attempts_.end()) job = found->second.job;
  }
  auto answer =
      job == nullptr ? CheckpointCaptured{capture.key, {}, 0} : capture_checkpoint(tools_, *job);
  const std::lock_guard lock(mutex_);
  post(std::move(answer));
}

void Workbench::run(const Discard& discard, BlobFetcher&) {
  std::optional<Attempt> attempt;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(discard.key);
    if (found != attempts_.end()) attempt = found->second;
  }
  const ToolUser user = attempt ? tools_.user_of(attempt->job->spec) : ToolUser::kAny;
  // What cannot be removed now, say files of another user, is found again at the next start.
  (void)tools_.folders.remove(discard.key, user);
  {
    const std::lock_guard lock(mutex_);
    attempts_.erase(discard.key);
  }
  if (attempt && attempt->captured) {
    (void)tools_.folders.remove_checkpoint(discard.key.task, attempt->job->pipeline, user);
  }
  keep_logs_within_limits(discard.key);
  remove_old_checkpoints_now_and_then();
}

/// Counts what ends, so that all logs are looked at only when some have to go.
void Workbench::keep_logs_within_limits(const AttemptKey& ended) {
  const LogTotals log = tools_.folders.log_totals(ended);
  std::set<std::filesystem::path> in_use;
  {
    const std::lock_guard lock(mutex_);
    if (logs_) {
      logs_->bytes += log.bytes;
      logs_->files += log.files;
      const LogLimits& limits = options_.logs;
      if (logs_->bytes <= limits.bytes_max && logs_->files <= limits.files_max) return;
    }
    logs_ = LogTotals{};  // for those that end meanwhile
    for (const auto& [key, attempt] : attempts_) {
      in_use.insert(tools_.folders.paths(key, attempt.job->pipeline).log);
    }
  }
  const auto left = tools_.folders.prune_logs(in_use, with_room(options_.logs));
  const std::lock_guard lock(mutex_);
  if (left && logs_) {
    logs_->bytes += left->bytes;
    logs_->files += left->files;
  } else {
    logs_.reset();  // the next that ends tries again
  }
}

void Workbench::remove_old_checkpoints_now_and_then() {
  {
    const Instant now = net::now().instant;
    const std::lock_guard lock(mutex_);
    if (now < checkpoints_after_) return;
    checkpoints_after_ = now + kCheckpointLook;
  }
  (void)tools_.folders.remove_old_checkpoints(kCheckpointAge);
}

}  // namespace landseer::worker
