/// Cancelling parts of a pipeline, and saying before what that would do.
#include "broker/core/lifecycle.h"

namespace landseer::broker {

protocol::Cancelled Lifecycle::give_up(PipelineRecord& record,
                                       const std::vector<domain::TaskPtr>& running, const Now& now,
                                       Outbox& out) {
  protocol::Cancelled done;
  for (const domain::TaskPtr& task : running) {
    ++(give_up_attempt({&record, task}, now, out) ? done.tasks : done.running);
  }
  return done;
}

protocol::Cancelled Lifecycle::cancel_part(PipelineRecord& record, const CancelRequested& r,
                                           const Now& now, Outbox& out) {
  const CancelPlan plan = plan_cancel(record, r);
  ledger_.commit(r, now, out);
  protocol::Cancelled done = give_up(record, plan.running, now, out);
  done.tasks += plan.pending.size();
  return with_counts(done, record, plan);
}

protocol::Cancelled Lifecycle::with_counts(protocol::Cancelled done, const PipelineRecord& record,
                                           const CancelPlan& plan) {
  done.skipped = plan.skipped;
  done.shared = plan.shared;
  done.workflows = plan.workflows;
  done.pipeline = record.id();
  return done;
}

protocol::Cancelled Lifecycle::foresee(PipelineRecord& record, const CancelPlan& plan) const {
  protocol::Cancelled done;
  done.tasks = plan.pending.size();
  for (const domain::TaskPtr& task : plan.running) {
    ++(reuse_.heir({&record, task}) ? done.tasks : done.running);
  }
  return with_counts(done, record, plan);
}

}  // namespace landseer::broker
