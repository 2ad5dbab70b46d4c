"""Compares what the broker says with the books of the kill loop: after each recovery, and at the end."""

import calendar
import collections
import hashlib
import re
import time

import host_watch

# How a task whose tool would succeed may still end, when its workers are killed again and again.
GIVEN_UP = re.compile(r"lost 3 workers|the artifact of task_\d+ was lost")

RERUNS_MAX = 2  # docs/architecture.md, "When a task fails"


class Check:
    def __init__(self, cluster, load, books):
        self.cluster = cluster
        self.load = load
        self.books = books
        self.comparisons = 0
        self.seen_completed = {}  # task -> (number of the attempt that won, artifact), over all pipelines
        self.reopened = set()  # tasks that were completed and then ran again, because their artifact was lost

    # --- After each recovery ---

    def compare(self, rng):
        self.comparisons += 1
        acknowledged = [submission for submission in self.load.known() if submission.pipeline]
        rows = {row["pipeline_id"]: row for row in self.cluster.json("list")}
        for submission in acknowledged:
            self.compare_pipeline(submission, rows.get(submission.pipeline))
        for submission in rng.sample(acknowledged, min(2, len(acknowledged))):
            self.load.submit(submission)  # complains if the same id now means something else
        self.load.count("checked")

    def compare_pipeline(self, submission, row):
        if row is None or row["name"] != submission.id:
            self.books.complain(f"{submission.id} was acknowledged as {submission.pipeline}, which is now {row}")
            return
        before = submission.state
        if submission.over and row["state"] != before:
            self.books.complain(f"{submission.pipeline} was {before} and is {row['state']}")
        if submission.cancelled_at and row["state"] in ("completed", "failed"):
            self.books.complain(f"{submission.pipeline} was cancelled and is {row['state']}")
        if submission.over and submission.tasks:
            return
        self.compare_tasks(submission)
        submission.state = row["state"]

    def compare_tasks(self, submission):
        tasks = {task["tool"]: task for task in self.cluster.json("tasks", submission.pipeline)}
        if tasks.keys() != submission.tools.keys():
            self.books.complain(f"{submission.pipeline} has tasks {sorted(tasks)}, not {sorted(submission.tools)}")
        for task in tasks.values():
            self.compare_task(task)
        submission.tasks = tasks

    def compare_task(self, task):
        won = self.seen_completed.get(task["task_id"])
        if task["status"] == "completed":
            if won and won[1] != task["artifact"]:
                self.books.complain(f"{task['task_id']} left {won[1]}, and now {task['artifact']}")
            if won and won[0] != task["attempts"]:
                self.reopened.add(task["task_id"])
            self.seen_completed[task["task_id"]] = (task["attempts"], task["artifact"])
        elif won:
            self.reopened.add(task["task_id"])
        if won and task["attempts"] < won[0]:
            self.books.complain(f"{task['task_id']} had {won[0]} attempts, and now {task['attempts']}")

    # --- At the end ---

    def wait_until_all_are_over(self, patience):
        """The pipelines that are not over in time."""
        deadline = time.monotonic() + patience
        while True:
            rows = {row["pipeline_id"]: row for row in self.cluster.json("list")}
            for submission in self.load.known():
                self.compare_pipeline(submission, rows.get(submission.pipeline))
            limbo = [submission for submission in self.load.known() if not submission.over]
            if not limbo:
                break
            if time.monotonic() > deadline:
                for submission in limbo:
                    status = self.cluster.status(submission.pipeline)
                    tasks = self.cluster.json("tasks", submission.pipeline)
                    self.books.complain(f"{submission.pipeline} does not end: {status} {tasks}")
                break
            time.sleep(0.2)
        ids = collections.Counter(submission.pipeline for submission in self.load.known())
        if set(rows) != set(ids) or len(ids) != len(self.load.submissions):
            self.books.complain(f"{len(self.load.submissions)} submissions became {len(rows)} pipelines: "
                                f"{sorted(set(rows) ^ set(ids))} and {ids.most_common(1)}")
        return limbo

    def final(self, watch):
        notes = self.cluster.notes()
        overlaps = list(watch.overlaps.values()) + host_watch.overlaps_in(notes, dict(watch.seen))
        for text in overlaps + host_watch.repeated_starts_in(notes):
            self.books.complain(text)
        objects = {path.name: path for path in self.cluster.folder.glob("workers/*/artifacts/objects/**/*")
                   if path.is_file()}
        outcomes = collections.Counter()
        attempts = collections.Counter()
        given_up = []
        for submission in self.load.known():
            self.compare_tasks(submission)
            self.check_order(submission, notes)
            for task in submission.tasks.values():
                outcomes[task["status"]] += 1
                given_up += self.check_task(submission, task, objects)
                if task["attempts"] > 1:
                    attempts.update(self.check_history(submission, task))
                elif task["attempts"] == 1:
                    attempts["first and only"] += 1
        ends = collections.Counter(note.task for note in notes if note.event == "end")
        return {"comparisons": self.comparisons, "tasks": sum(outcomes.values()), "outcomes": dict(outcomes),
                "attempts": dict(attempts), "given_up": len(given_up), "reopened": len(self.reopened),
                "ran_to_the_end_twice": sum(1 for count in ends.values() if count > 1), "overlaps": len(overlaps)}

    def check_task(self, submission, task, objects):
        """Its reason if it was given up for what happened to its workers."""
        tool = submission.tools[task["tool"]]
        where = f"{task['task_id']} of {submission.pipeline} ({tool.kind})"
        if task["status"] not in ("completed", "failed", "skipped", "cancelled"):
            self.books.complain(f"{where} is {task['status']}")
        elif task["status"] == "completed":
            if tool.kind == "failing":
                self.books.complain(f"{where} completed, but its tool cannot")
            self.check_artifact(where, tool, task["artifact"], objects)
        elif task["status"] == "failed" and tool.kind != "failing":
            if not GIVEN_UP.search(task["reason"]):
                self.books.complain(f"{where} failed: {task['reason']}")
            return [task["reason"]]
        elif task["status"] == "cancelled" and not submission.cancelled_at and submission.state != "cancelled":
            self.books.complain(f"{where} is cancelled, but nobody asked for it")
        return []

    def check_artifact(self, where, tool, digest, objects):
        if digest not in objects:
            self.books.complain(f"{where}: no worker has its artifact {digest}")
            return
        manifest = objects[digest].read_bytes()
        if hashlib.sha256(manifest).hexdigest() != digest:
            self.books.complain(f"{where}: its artifact is damaged")
        entries = [line.split(" ", 3) for line in manifest.decode().splitlines()[1:]]
        files = {path: content for content, _, _, path in entries}
        if files != tool.file_digests():
            self.books.complain(f"{where}: its artifact holds {files}, not {tool.file_digests()}")
        for content in files.values():
            if content not in objects or hashlib.sha256(objects[content].read_bytes()).hexdigest() != content:
                self.books.complain(f"{where}: file {content} of its artifact is missing or damaged")

    def check_history(self, submission, task):
        """Outcomes of its attempts; exactly one of them won, unless the artifact was lost later."""
        history = self.cluster.json("task", task["task_id"])["history"]
        outcomes = [attempt["outcome"] for attempt in history]
        wins = outcomes.count("succeeded")
        if [attempt["attempt"] for attempt in history] != list(range(1, len(history) + 1)):
            self.books.complain(f"{task['task_id']} has attempts {history}")
        if task["status"] == "completed" and not 1 <= wins <= 1 + RERUNS_MAX:
            self.books.complain(f"{task['task_id']} completed with attempts {outcomes}")
        if wins > 1:
            self.reopened.add(task["task_id"])
        if submission.cancelled_at and task["status"] == "cancelled":
            end = submission.cancelled_at + 0.1
            late = [attempt for attempt in history if to_seconds(attempt["assigned_at"]) > end]
            if late:
                self.books.complain(f"{task['task_id']} was cancelled, and given out again: {late}")
        return collections.Counter(outcomes)

    def check_order(self, submission, notes):
        """Nothing starts before its ancestors have ended; the notes' times are those of one clock."""
        tools = {task["task_id"]: name for name, task in submission.tasks.items()}
        first_end = {}
        for note in notes:
            tool = tools.get(note.task)
            if tool is None:
                continue
            if note.event == "end":
                first_end.setdefault(tool, note.time)
            elif note.event == "start":
                early = [name for name in submission.tools[tool].ancestors
                         if name not in first_end or first_end[name] > note.time]
                if early:
                    self.books.complain(f"{note.task}, attempt {note.attempt} started before {early} ended")


def to_seconds(text):
    """Unix time of a time in a JSON document."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction}")
