#include "dashboard/gateway/broker_pool.h"

#include <utility>

namespace landseer::gateway {

BrokerPool::BrokerPool(std::string address, std::string keys, std::size_t threads,
                       std::size_t queue_max)
    : address_(std::move(address)), keys_(std::move(keys)), queue_max_(queue_max) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void BrokerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    cancel_.request();
  }
  news_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  jobs_.clear();
}

bool BrokerPool::post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (cancel_.requested() || jobs_.size() >= queue_max_) return false;
    jobs_.push_back(std::move(job));
  }
  news_.notify_one();
  return true;
}

void BrokerPool::run() {
  client::ClientOptions options;
  options.broker = address_;
  options.keys = keys_;
  // A browser is waiting: better an honest error soon.
  options.limits.connect = std::chrono::seconds(3);
  options.limits.reply = std::chrono::seconds(15);
  options.cancel = &cancel_;
  client::Client client(std::move(options));
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [this] { return cancel_.requested() || !jobs_.empty(); });
      if (cancel_.requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job(client);
  }
}

}  // namespace landseer::gateway
