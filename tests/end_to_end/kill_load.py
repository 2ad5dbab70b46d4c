"""Load for the kill loop: submitters that keep a ledger of everything that was acknowledged to them."""

import hashlib
import json
import random
import threading
import time

from cluster import Done, noting

OPEN_MAX = 10  # pipelines under way; more would only wait for each other
GIVE_UP = 4  # seconds; an answer that a broker took with it never comes
SUBMITTERS = 3

KINDS = (["instant"] * 9 + ["sleep"] * 6 + ["flaky"] * 3 + ["failing"] + ["forking"] * 4 + ["bulky"] * 2 + ["deaf"]
         + ["long"])
BODIES = {
    "instant": ":",
    "sleep": "sleep $SECONDS_LONG",
    "flaky": '[ "$LANDSEER_ATTEMPT" -gt 1 ] || { note failed; exit 7; }',
    "failing": "note failed; exit 7",
    # One child ignores SIGTERM, another leaves the session, and neither is waited for.
    "forking": "(trap '' TERM; sleep 1000; sleep 1000) & setsid sleep 1000 & sleep 0.3",
    "bulky": 'head -c 1500000 /dev/zero | tr "\\\\0" "$tool_name" >"$OUTPUT_DIR/bulk"',
    "deaf": "trap '' TERM; sleep $SECONDS_LONG",
    "long": "(trap '' TERM; sleep 1000; sleep 1000) & sleep 9",  # longer than two leases
}


class Tool:
    """One tool of a pipeline; its task's artifact depends on nothing but the token and the ancestors."""

    def __init__(self, name, kind, token, ancestors, seconds):
        self.name = name
        self.kind = kind
        self.ancestors = sorted(ancestors)
        self.content = f"{token} {name}\n"
        write = f'echo {token} {name} >"$OUTPUT_DIR/d_{name}"'
        if ancestors:
            write = f'{{ echo {token} {name}; cat "$INPUT_DIR"/d_*; }} >"$OUTPUT_DIR/d_{name}"'
        body = BODIES[kind].replace("$SECONDS_LONG", f"{seconds:.2f}")
        self.description = {"container": noting(f"{body}; {write}", before_start='"$$ $INPUT_DIR"')}
        if kind in ("flaky", "failing"):
            self.description["retries"] = 1

    def expect_content(self, tools):
        self.content += "".join(tools[name].content for name in self.ancestors)

    def file_digests(self):
        """By name, what its artifact holds."""
        files = {f"d_{self.name}": self.content.encode()}
        if self.kind == "bulky":
            files["bulk"] = self.name[0].encode() * 1500000
        return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


class Submission:
    """What one submitter sent, and what it was told."""

    def __init__(self, number, rng):
        self.id = f"submission-{number}"
        token = f"token{number}"
        self.tools = {}
        self.workflows = {}
        prefix = self.make_chain("p", rng.randint(1, 2), [], token, rng)
        for branch in range(rng.randint(1, 3)):
            chain = self.make_chain(f"b{branch}x", rng.randint(0, 2), prefix, token, rng)
            self.workflows[f"w{branch}"] = prefix + chain
        for name in sorted(self.tools, key=lambda name: len(self.tools[name].ancestors)):
            self.tools[name].expect_content(self.tools)
        self.pipeline = None  # as acknowledged
        self.cancel_at = time.time() + rng.uniform(0, 2) if rng.random() < 0.08 else None
        self.cancelled_at = None  # when it was acknowledged that something was cancelled
        self.state = None  # as last read, and so are the tasks
        self.tasks = {}

    def make_chain(self, letter, length, before, token, rng):
        chain = []
        for step in range(length):
            name = f"{letter}{step}"
            self.tools[name] = Tool(name, rng.choice(KINDS), token, before + chain, rng.uniform(0.2, 3))
            chain.append(name)
        return chain

    @property
    def over(self):
        return self.state in ("completed", "failed", "cancelled")


class Load:
    """Submitters in threads of their own. The ledger is `submissions`."""

    def __init__(self, cluster, seed, complain):
        self.cluster = cluster
        self.seed = seed
        self.complain = complain
        self.lock = threading.Lock()
        self.submissions = {}
        self.counts = dict.fromkeys(("acknowledged", "unknown", "resubmitted", "cancels", "cli_kills", "checked"), 0)
        self.stopping = threading.Event()
        self.sending = threading.Event()  # set while some command has been started and not answered
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(SUBMITTERS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def known(self):
        with self.lock:
            return list(self.submissions.values())

    def run(self, number):
        rng = random.Random(f"{self.seed} submitter {number}")
        try:
            while not self.stopping.is_set():
                under_way = [submission for submission in self.known() if not submission.over]
                for submission in under_way:
                    self.cancel_if_due(submission)
                if len(under_way) < OPEN_MAX:
                    self.submit_new(rng)
                else:
                    self.stopping.wait(0.1)
        except Exception as error:  # pylint: disable=broad-except
            self.complain(f"a submitter ended: {error!r}")

    def submit_new(self, rng):
        with self.lock:
            submission = Submission(len(self.submissions) + 1, rng)
            self.submissions[submission.id] = submission
            file = self.cluster.native({name: tool.description for name, tool in submission.tools.items()},
                                       submission.workflows, name=submission.id)
        submission.file = file
        if rng.random() < 0.15:
            self.submit_and_kill(submission, rng.uniform(0, 0.06))
        while not self.submit(submission):
            self.stopping.wait(0.05)
        if rng.random() < 0.1:
            self.submit(submission)

    def submit_and_kill(self, submission, after):
        """The command line dies at some moment: before, while, or after it sends."""
        process = self.cluster.spawn("--json", "submit", submission.file, "--submission-id", submission.id)
        time.sleep(after)
        process.kill()
        process.communicate()
        self.count("cli_kills")

    def submit(self, submission):
        """Whether it was acknowledged. The same id again must name the same pipeline."""
        done = self.ask("submit", submission.file, "--submission-id", submission.id)
        if done is None or done.code == 3:
            self.count("unknown")
            return False
        if done.code != 0:
            self.complain(f"{submission.id} was refused: {done.out}{done.err}")
            return True
        answer = json.loads(done.out)
        with self.lock:
            if submission.pipeline is None:
                submission.pipeline = answer["pipeline_id"]
                self.counts["acknowledged"] += 1
                return True
            self.counts["resubmitted"] += 1
        if (answer["pipeline_id"], answer["existing"]) != (submission.pipeline, True):
            self.complain(f"{submission.id} was {submission.pipeline}, and is now {answer}")
        return True

    def cancel_if_due(self, submission):
        with self.lock:
            if not submission.cancel_at or not submission.pipeline or time.time() < submission.cancel_at:
                return
            submission.cancel_at = None  # nobody else does it
        while not self.cancel(submission):
            self.stopping.wait(0.05)

    def cancel(self, submission):
        """Whether it was answered. An unanswered one may have done its work, so that the next is told of a conflict."""
        done = self.ask("cancel", submission.pipeline, "--yes")
        if done is None or done.code == 3:
            return False
        answer = json.loads(done.out)
        if done.code == 0 and answer["tasks"] + answer["running"] > 0:
            submission.cancelled_at = time.time()
            self.count("cancels")
        elif done.code != 0 and answer["error"]["code"] != "conflict":
            self.complain(f"{submission.pipeline} cannot be cancelled: {done.out}{done.err}")
        return True

    def ask(self, *words):
        """The command's end, or None when it had to be given up."""
        process = self.cluster.spawn("--json", *words)
        self.sending.set()
        try:
            out, err = process.communicate(timeout=GIVE_UP)
        except Exception:  # pylint: disable=broad-except
            process.kill()
            process.communicate()
            return None
        finally:
            self.sending.clear()
        return Done(process.returncode, out, err)
