#include "broker/io/history.h"

#include "broker/core/queries.h"
#include "common/domain/types.h"

namespace landseer::broker {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS pipelines(pipeline INTEGER PRIMARY KEY, name TEXT, state TEXT, "
    "policy TEXT, priority INTEGER, dataset TEXT, workflows INTEGER, workflows_completed INTEGER, "
    "tasks INTEGER, completed INTEGER, failed INTEGER, skipped INTEGER, cancelled INTEGER, cached "
    "INTEGER, submitted_at INTEGER, finished_at INTEGER);"
    "CREATE TABLE IF NOT EXISTS tasks(task INTEGER PRIMARY KEY, pipeline INTEGER, tool TEXT, stage "
    "TEXT, status TEXT, reason TEXT, attempts INTEGER, worker TEXT, started_at INTEGER, "
    "finished_at INTEGER, task_key TEXT, artifact TEXT, artifact_bytes INTEGER, metrics TEXT);"
    "CREATE TABLE IF NOT EXISTS workflows(workflow INTEGER PRIMARY KEY, pipeline INTEGER, name "
    "TEXT, status TEXT);"
    "CREATE TABLE IF NOT EXISTS workflow_tasks(workflow INTEGER, place INTEGER, task INTEGER, "
    "PRIMARY KEY(workflow, place)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS tasks_of_pipeline ON tasks(pipeline);"
    "CREATE INDEX IF NOT EXISTS workflows_of_pipeline ON workflows(pipeline);"
    "CREATE INDEX IF NOT EXISTS pipelines_by_end ON pipelines(finished_at)";

std::int64_t integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::string text_of(std::uint8_t status) {
  return std::string(to_string(static_cast<domain::TaskStatus>(status)));
}

}  // namespace

Result<std::unique_ptr<History>> History::open(const std::string& folder, Duration keep) {
  std::unique_ptr<History> history(new History(keep));
  if (auto ready = history->prepare(folder); !ready) return tl::make_unexpected(ready.error());
  return history;
}

Result<void> History::prepare(const std::string& folder) {
  auto database = Database::open(folder + "/history.sqlite");
  if (!database) return tl::make_unexpected(database.error());
  database_ = std::move(*database);
  // Others may read while we write. What a power loss takes is written again at the next start.
  for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL",
                          "PRAGMA wal_autocheckpoint=256", kSchema}) {
    if (auto done = database_->execute(sql); !done) return done;
  }
  for (const auto& [statement, sql] :
       {std::pair{&statements_.pipeline,
                  "INSERT INTO pipelines VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
                  "?16)"},
        std::pair{&statements_.task,
                  "INSERT INTO tasks VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"},
        std::pair{&statements_.workflow, "INSERT INTO workflows VALUES(?1,?2,?3,?4)"},
        std::pair{&statements_.member, "INSERT INTO workflow_tasks VALUES(?1,?2,?3)"}}) {
    auto prepared = database_->prepare(sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  auto count = database_->prepare("SELECT count(*) FROM tasks");
  if (!count) return tl::make_unexpected(count.error());
  const auto row = count->step();
  if (!row) return tl::make_unexpected(row.error());
  tasks_ = count->integer(0);
  return {};
}

Result<void> History::compare(Broker& core) {
  auto query = database_->prepare("SELECT finished_at FROM pipelines WHERE pipeline = ?1");
  if (!query) return tl::make_unexpected(query.error());
  const auto unarchived = core.state().pipelines.unarchived();
  for (const PipelineId id : unarchived) {
    query->bind(1, integer(number(id)));
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    const bool same = *row && query->integer(0) == core.state().pipelines.find(id)->finished_at;
    if (same) core.archived(id);
    query->reset();
  }
  return {};
}

bool History::is_due(const Broker& core, const Now& now) const {
  return !core.state().pipelines.unarchived().empty() || now.instant >= next_removal_;
}

Result<void> History::step(Broker& core, const Now& now) {
  const auto& unarchived = core.state().pipelines.unarchived();
  if (unarchived.empty()) return remove_old(now);
  const PipelineId id = unarchived.contains(open_) ? open_ : *unarchived.begin();
  const PipelineRecord* record = core.state().pipelines.find(id);
  if (record == nullptr || !record->terminal()) {
    core.archived(id);
    open_ = PipelineId{};
    return {};
  }
  if (auto begun = database_->begin(); !begun) return begun;
  const std::int64_t tasks_before = tasks_;
  const auto complete = write_slice(core.state(), *record);
  auto written = complete ? database_->commit() : tl::make_unexpected(complete.error());
  if (written && *complete) {
    core.archived(id);
    open_ = PipelineId{};
  }
  if (!written) {
    open_ = PipelineId{};  // from its beginning, another time
    tasks_ = tasks_before;
    if (database_->in_transaction()) static_cast<void>(database_->execute("ROLLBACK"));
  }
  return written;
}

Result<bool> History::write_slice(const State& state, const PipelineRecord& record) {
  if (open_ != record.id() || open_finished_at_ != record.finished_at) {
    // An earlier life of the pipeline, or a part of it, may be there.
    const auto gone = remove_slice(integer(number(record.id())));
    if (!gone) return tl::make_unexpected(gone.error());
    if (*gone) begin(record);
    return false;
  }
  const auto slice = [&](Result<void> written, bool last) -> Result<bool> {
    if (!written) return tl::make_unexpected(written.error());
    return last;
  };
  if (!tasks_written_) return slice(write_tasks(state, record), false);
  if (next_workflow_ < record.pipeline->workflows.size()) {
    return slice(write_workflows(record), false);
  }
  return slice(write_pipeline(record), true);
}

void History::begin(const PipelineRecord& record) {
  open_ = record.id();
  open_finished_at_ = record.finished_at;
  next_task_ = 0;
  next_workflow_ = 0;
  tasks_written_ = record.pipeline->tasks.empty();
}

Result<void> History::write_tasks(const State& state, const PipelineRecord& record) {
  const protocol::ListTasks slice{record.id(), 0, "", next_task_, kSliceRows};
  const auto list =
      task_list(state, record, slice, local_caller());  // whoever has the file has all
  for (const protocol::TaskRow& row : list.rows) {
    const std::string stage(domain::stage_key(static_cast<domain::TaskType>(row.type)));
    const std::string status = text_of(row.status);
    const std::string key = row.key.hex();
    const std::string artifact = row.artifact.empty() ? "" : row.artifact.hex();
    statements_.task.bind(1, integer(number(row.task)))
        .bind(2, integer(number(row.pipeline)))
        .bind_text(3, row.tool)
        .bind_text(4, stage)
        .bind_text(5, status)
        .bind_text(6, row.reason)
        .bind(7, row.attempts)
        .bind_text(8, row.worker)
        .bind(9, row.started_at)
        .bind(10, row.finished_at)
        .bind_text(11, key)
        .bind_text(12, artifact)
        .bind(13, integer(row.artifact_bytes))
        .bind_text(14, row.metrics);
    if (auto written = statements_.task.run(); !written) return written;
  }
  tasks_ += static_cast<std::int64_t>(list.rows.size());
  next_task_ = list.next_offset;
  tasks_written_ = list.next_offset == 0;
  return {};
}

Result<void> History::write_workflows(const PipelineRecord& record) {
  const auto list = workflow_list(record, {record.id(), next_workflow_, kSliceRows});
  for (const protocol::WorkflowRow& row : list.rows) {
    const std::string status = text_of(row.status);
    statements_.workflow.bind(1, integer(number(row.workflow)))
        .bind(2, integer(number(record.id())))
        .bind_text(3, row.name)
        .bind_text(4, status);
    if (auto written = statements_.workflow.run(); !written) return written;
    for (std::size_t place = 0; place < row.tasks.size(); ++place) {
      statements_.member.bind(1, integer(number(row.workflow)))
          .bind(2, integer(place))
          .bind(3, integer(number(row.tasks[place])));
      if (auto written = statements_.member.run(); !written) return written;
    }
  }
  next_workflow_ += list.rows.size();
  return {};
}

Result<void> History::write_pipeline(const PipelineRecord& record) {
  const protocol::PipelineRow row = pipeline_row(record);
  const std::string state(to_string(row.state));
  statements_.pipeline.bind(1, integer(number(row.pipeline)))
      .bind_text(2, row.name)
      .bind_text(3, state)
      .bind_text(4, row.policy)
      .bind(5, row.priority)
      .bind_text(6, row.dataset)
      .bind(7, integer(row.workflows))
      .bind(8, integer(row.workflows_completed))
      .bind(9, integer(row.total))
      .bind(10, integer(row.completed))
      .bind(11, integer(row.failed))
      .bind(12, integer(row.skipped))
      .bind(13, integer(row.cancelled))
      .bind(14, integer(row.cached))
      .bind(15, row.submitted_at)
      .bind(16, row.finished_at);
  return statements_.pipeline.run();
}

/// One pipeline at a time, the one that finished first.
Result<void> History::remove_old(const Now& now) {
  next_removal_ = now.instant + std::chrono::hours(1);
  auto oldest = database_->prepare(
      "SELECT pipeline, finished_at FROM pipelines ORDER BY finished_at LIMIT 1");
  if (!oldest) return tl::make_unexpected(oldest.error());
  const auto row = oldest->step();
  if (!row) return tl::make_unexpected(row.error());
  const auto keep_ms = std::chrono::duration_cast<std::chrono::milliseconds>(keep_).count();
  if (!*row) return {};
  if (oldest->integer(1) >= now.wall.unix_ms - keep_ms && tasks_ <= kTasksMax) return {};
  const std::int64_t pipeline = oldest->integer(0);
  oldest->reset();
  next_removal_ = now.instant;
  const auto removed = remove_slice(pipeline);
  return removed ? Result<void>{} : tl::make_unexpected(removed.error());
}

/// The pipeline's own row goes last, so that what is left of it is found again. True: all is gone.
Result<bool> History::remove_slice(std::int64_t pipeline) {
  const std::string id = std::to_string(pipeline);
  const std::string slice = " WHERE pipeline = " + id + " LIMIT 1000)";
  for (const std::string& sql :
       {"DELETE FROM tasks WHERE task IN (SELECT task FROM tasks" + slice,
        "DELETE FROM workflow_tasks WHERE workflow IN (SELECT workflow FROM workflows" + slice,
        "DELETE FROM workflows WHERE workflow IN (SELECT workflow FROM workflows" + slice,
        "DELETE FROM pipelines WHERE pipeline = " + id}) {
    if (auto done = database_->execute(sql); !done) return tl::make_unexpected(done.error());
    const std::int64_t rows = database_->last_change_count();
    const bool of_tasks = sql.starts_with("DELETE FROM tasks");
    if (of_tasks) tasks_ -= rows;
    const bool of_members = sql.starts_with("DELETE FROM workflow_tasks");
    if (rows > 0 && !of_members) return sql.starts_with("DELETE FROM pipelines");
  }
  return true;
}

}  // namespace landseer::broker
