#!/usr/bin/python3
"""Workers on hosts of their own: no folder is shared, every byte goes over links that can be slow, cut, or end with
their host. What arrives is checked by the tools, against digests that did not come with it.
"""

import hashlib
import shutil
import time
import unittest

from cluster import EndToEnd, main_side_by_side, noting, wait_until
from lab import HOSTS, REASON, Lab

MEBIBYTE = 1024 * 1024
BIG_LINES = 2_400_000  # about 24 MiB

# What only one of the hosts has: so the tests say where a tool runs.
NEEDS_GPU = {"gpus": 1}
NEEDS_CPUS = {"cpus": 2}


def content(name, lines):
    """What `written` leaves, as Python makes it."""
    return "".join(f"{name} {i}\n" for i in range(1, lines + 1)).encode()


def written(name, lines):
    """A line of shell that leaves a file of the name in the output."""
    return f"seq -f '{name} %.0f' 1 {lines} >$OUTPUT_DIR/{name}"


def checked(name, lines):
    """A line of shell that fails unless the input has that very file."""
    digest = hashlib.sha256(content(name, lines)).hexdigest()
    return f"(cd $INPUT_DIR && echo '{digest}  {name}' | sha256sum -c --strict) || exit 1"


class OnHosts(EndToEnd):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.cluster.prefixes = self.lab.prefixes()
        for name in HOSTS:
            self.cluster.scratch(name).mkdir(parents=True)
            if name != "broker":
                self.cluster.prefixes[name] += self.alone(name)
        for words in (["init"], *(["add", name, "--role", "worker"] for name in HOSTS if name != "broker")):
            self.assertEqual(self.cluster.run("keys", *words).code, 0)
        self.cluster.start_broker(lease="4s", binds=[f"tcp://{HOSTS['broker']}:0"] * 3)

    def alone(self, name):
        """What a command begins with that cannot see the folders of other hosts: something empty lies over them."""
        others = [self.cluster.scratch(other) for other in HOSTS if other != name]
        hide = " && ".join(f"mount -t tmpfs none {folder}" for folder in [*others, self.cluster.home / "state"])
        return ["unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh"]

    def start_worker(self, name, cpus=1, gpus="none"):
        """Port 7721 on each host, as an operator would choose it: a restarted worker is found where it was."""
        addresses = ["--data-bind", f"tcp://{HOSTS[name]}:7721", "--broker", self.cluster.addresses[0]]
        keys = self.cluster.scratch(name) / "keys"
        if not keys.exists():  # what an operator would copy
            keys.mkdir(mode=0o700)
            shutil.move(self.cluster.home / "keys" / f"{name}.key", keys / "worker.key")
        return self.cluster.start_worker(name, "--keys", keys, *addresses, "--gpus", gpus, cpus=cpus)

    def history(self, tool):
        task = self.cluster.json("task", self.cluster.tasks()[tool]["task_id"])
        return [(attempt["worker"], attempt["outcome"]) for attempt in task["history"]]

    def fetched(self, name):
        row, = [row for row in self.cluster.json("workers") if row["name"] == name]
        return row["bytes_fetched"]

    def finish(self):
        self.assertEqual(self.cluster.run("wait", "last").code, 0)


@unittest.skipIf(REASON, REASON)
class Alternating(OnHosts):
    def test_a_pipeline_alternates_between_two_hosts_that_share_nothing(self):
        self.start_worker("w1", gpus="0")
        self.start_worker("w2", cpus=2)
        names, lines, tools = "abcdef", 300_000, {}
        for i, name in enumerate(names):
            other = self.cluster.scratch("w2" if i % 2 == 0 else "w1")
            body = [checked(above, lines) for above in names[:i]]
            body += [f'[ -z "$(ls -A {other})" ] || exit 2', written(name, lines)]
            tools[name] = {"container": noting("; ".join(body)), "resources": NEEDS_CPUS if i % 2 else NEEDS_GPU}
        self.cluster.submit(self.cluster.native(tools, {"w": list(names)}))
        self.finish()
        tasks = self.cluster.tasks()
        self.assertEqual([(tasks[name]["worker"], tasks[name]["attempts"]) for name in names],
                         [("w1", 1), ("w2", 1)] * 3)
        # Each host moved what it did not make itself, once: the last of all is read by nobody.
        bytes_of = {name: len(content(name, lines)) for name in names}
        self.assertEqual({name: task["artifact_bytes"] for name, task in tasks.items()}, bytes_of)
        for host, made_elsewhere in (("w1", "bd"), ("w2", "ace")):
            moved = sum(bytes_of[name] for name in made_elsewhere)
            self.assertTrue(moved <= self.fetched(host) < moved + 1000, f"{host}: {self.fetched(host)}, {moved}")


@unittest.skipIf(REASON, REASON)
class Transfer(OnHosts):
    """An artifact on its way from w1 to w2, slowly enough to do something meanwhile."""

    def setUp(self):
        super().setUp()
        self.first = self.start_worker("w1")
        make = noting(written("big", BIG_LINES))
        use = {"container": noting(checked("big", BIG_LINES)), "resources": NEEDS_CPUS}
        copy = {"container": noting(checked("big", BIG_LINES)), "resources": NEEDS_GPU}
        self.size = len(content("big", BIG_LINES))
        self.tools = {"make": make, "use": use, "copy": copy}

    def submit(self, **workflows):
        self.cluster.submit(self.cluster.native(self.tools, workflows))
        wait_until(lambda: self.cluster.tasks()["make"]["status"] == "completed", "the artifact is made")

    def start_transfer(self, rate="24mbit"):
        """Returns when a good part of the artifact has left w1, but by far not all."""
        self.lab.throttle("w1", rate)
        self.before = self.lab.sent("w1")
        self.start_worker("w2", cpus=2)
        wait_until(lambda: self.moved() > 5 * MEBIBYTE, "the transfer is under way")
        self.assertLess(self.moved(), self.size - 5 * MEBIBYTE)

    def moved(self):
        return self.lab.sent("w1") - self.before

    def test_a_transfer_goes_on_after_its_link_was_cut(self):
        self.submit(one=["make", "use"])
        self.start_transfer()
        self.lab.part("w1", "w2")
        until = time.monotonic() + 2.5  # not longer: TCP takes as long again before it tries the next time
        wait_until(lambda: time.monotonic() > until, "time passes")
        self.assertLess(self.moved(), self.size - 3 * MEBIBYTE, "it was cut off in the middle")
        self.lab.heal()
        self.finish()
        self.assertEqual((self.history("make"), self.history("use")), ([("w1", "succeeded")], [("w2", "succeeded")]))
        self.assertLess(self.moved(), 1.3 * self.size, "what had arrived was not sent again")
        self.assertTrue(self.size <= self.fetched("w2") < self.size + 1000)

    def test_a_transfer_goes_on_when_its_source_is_killed_and_started_again(self):
        self.submit(one=["make", "use"])
        self.start_transfer()
        self.first.kill()
        self.start_worker("w1")
        self.finish()
        self.assertEqual((self.history("make"), self.history("use")), ([("w1", "succeeded")], [("w2", "succeeded")]))
        self.assertLess(self.moved(), 1.3 * self.size, "what had arrived was not sent again")

    def test_without_its_source_the_artifact_is_made_again(self):
        self.submit(one=["make", "use"])
        self.start_transfer()
        self.first.kill()  # the agent; its executor stays
        self.finish()
        self.assertEqual(self.history("make"), [("w1", "succeeded"), ("w2", "succeeded")])
        self.assertEqual(self.history("use"), [("w2", "input_missing"), ("w2", "succeeded")])

    def test_another_copy_is_used_when_the_source_s_host_dies(self):
        self.start_worker("w3", gpus="0")
        self.submit(one=["make", "copy"], two=["make", "use"])
        wait_until(lambda: self.cluster.tasks()["copy"]["status"] == "completed", "w3 has a copy")
        self.assertEqual((self.history("make"), self.history("copy")), ([("w1", "succeeded")], [("w3", "succeeded")]))
        before = self.lab.sent("w3")
        self.start_transfer()
        arrived = self.moved()
        self.lab.unplug("w1")
        self.cluster.lose_host(self.first)
        self.finish()
        self.assertEqual((self.history("make"), self.history("use")), ([("w1", "succeeded")], [("w2", "succeeded")]))
        sent = self.lab.sent("w3") - before
        self.assertLess(sent, self.size - arrived // 2, "what had arrived from w1 was kept")


if __name__ == "__main__":
    main_side_by_side()
