"""What the host sees of tools: the notes they wrote, and their processes, without asking Landseer.

Notes and processes name a task and an attempt. From both follow the times at which an attempt was certainly alive, and
so whether two attempts of one task ever were at once, and whether something lives on after its attempt.
"""

import collections
import threading
import time

from cluster import environment_of, processes_with

SAMPLE = 0.15  # seconds between two looks at the process table


def variables_of(pid):
    """The environment of a process as a mapping of texts; empty when it is gone."""
    entries = environment_of(pid).decode(errors="replace").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def is_alive(pid, variables):
    """Whether the process with this number still is the one that had these variables."""
    now = variables_of(pid)
    return bool(now) and all(now.get(name) == variables.get(name) for name in ("LANDSEER_TASK_ID", "LANDSEER_ATTEMPT"))


class HostWatch:
    """Looks at the process table again and again in a thread of its own."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.marker = f"INPUT_DIR={cluster.folder}/"
        self.seen = {}  # (task, attempt) -> [first, last] time it was seen alive
        self.overlaps = {}  # (task, attempts) -> text
        self.strays = {}  # pid -> text, for those seen alive for longer than any tool may live
        self.first_seen = {}  # (pid, task, attempt) -> time
        self.samples = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.wait(SAMPLE):
            self.sample()

    def tools(self):
        """(task, attempt) -> [(pid, variables)] of the tools' processes that are there now."""
        found = collections.defaultdict(list)
        for pid in processes_with(self.marker):
            variables = variables_of(pid)
            if "LANDSEER_ATTEMPT" in variables and variables.get("INPUT_DIR", "").startswith(str(self.cluster.folder)):
                found[variables["LANDSEER_TASK_ID"], int(variables["LANDSEER_ATTEMPT"])].append((pid, variables))
        return found

    def sample(self):
        before = time.time()
        found = self.tools()
        self.samples += 1
        present = set()
        for (task, attempt), processes in found.items():
            self.seen.setdefault((task, attempt), [before, before])[1] = before
            for pid, _ in processes:
                present.add((pid, task, attempt))
                self.first_seen.setdefault((pid, task, attempt), before)
        for gone in self.first_seen.keys() - present:
            del self.first_seen[gone]
        self.look_for_overlaps(found)

    def look_for_overlaps(self, found):
        """Two attempts in one look: the older one counts if it is still there after the younger one was seen."""
        by_task = collections.defaultdict(list)
        for task, attempt in found:
            by_task[task].append(attempt)
        for task, attempts in by_task.items():
            *older, youngest = sorted(attempts)
            for attempt in older:
                alive = [(pid, variables["INPUT_DIR"]) for pid, variables in found[task, attempt]
                         if is_alive(pid, variables)]
                if alive:
                    self.overlaps.setdefault((task, attempt, youngest), f"{time.time():.2f} {task}: attempt {attempt} "
                                             f"{alive} beside attempt {youngest} "
                                             f"{[(pid, v['INPUT_DIR']) for pid, v in found[task, youngest]]}")

    def oldest(self):
        """Age in seconds of the oldest process of a tool that is there, and what it is."""
        now = time.time()
        ages = [(now - since, what) for what, since in list(self.first_seen.items())]
        return max(ages, default=(0.0, None))


def overlaps_in(notes, seen):
    """Attempts that started while an earlier one of their task was certainly alive, as texts."""
    starts = collections.defaultdict(dict)
    alive_until = collections.defaultdict(dict)
    for note in notes:
        if note.event == "start":
            starts[note.task][note.attempt] = note.time
        else:
            alive_until[note.task][note.attempt] = max(note.time, alive_until[note.task].get(note.attempt, 0))
    for (task, attempt), (_, last) in seen.items():
        alive_until[task][attempt] = max(last, alive_until[task].get(attempt, 0))
    found = []
    for task, attempts in starts.items():
        for attempt, start in attempts.items():
            found += [f"{task}: attempt {attempt} started {end - start:.2f} s before attempt {earlier} was gone"
                      for earlier, end in alive_until[task].items() if earlier < attempt and end > start]
    return found


def repeated_starts_in(notes):
    """Attempts whose tool was started more than once, as texts."""
    counts = collections.Counter((note.task, note.attempt) for note in notes if note.event == "start")
    return [f"{task}, attempt {attempt} was started {count} times" for (task, attempt), count in counts.items()
            if count > 1]
