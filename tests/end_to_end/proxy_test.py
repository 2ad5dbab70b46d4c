#!/usr/bin/python3
"""Networks that fail in their many ways, by a proxy between two programs: fault_proxy.py."""

import collections

from cluster import EndToEnd, main_side_by_side, noting, shell, wait_until
from fault_proxy import DOWN, UP, FaultProxy

LEASE = "3s"


class Proxied(EndToEnd):
    lease = LEASE

    def setUp(self):
        self.cluster.start_broker(lease=self.lease)
        self.gate = self.cluster.gate()
        self.held = noting(f"trap 'note stopped; exit 1' TERM; read -r _ <{self.gate.path}")

    def proxy(self, target=""):
        proxy = FaultProxy(target)
        self.addCleanup(proxy.close)
        return proxy

    def start_worker(self, name, proxy=None, *options, cpus=1):
        broker = ("--broker", proxy.address) if proxy else ()
        return self.cluster.start_worker(name, *broker, *options, cpus=cpus)

    def submit_held(self):
        file = self.cluster.native({"held": self.held, "next": noting()}, {"w": ["held", "next"]})
        self.cluster.submit(file, "--no-cache")  # one after the other in the same cluster
        self.cluster.wait_for_note("held", "start", attempt=1)

    def wait_for_worker(self, name, state="connected"):
        def has_state():
            rows = {row["name"]: row["state"] for row in self.cluster.json("workers")}
            return rows.get(name) == state
        wait_until(has_state, f"{name} is {state}")

    def finish(self, code=0):
        self.assertEqual(self.cluster.run("wait", "last").code, code)

    def assert_ran_once(self, *tools):
        for event in ("start", "end"):
            self.assertEqual(collections.Counter(note.tool for note in self.cluster.notes(event)),
                             collections.Counter(tools))

    def history(self, tool):
        return self.cluster.json("task", self.cluster.tasks()[tool]["task_id"])["history"]


class BetweenWorkerAndBroker(Proxied):
    lease = "6s"  # a tool that is stopped has a sixth of it to say so

    def setUp(self):
        super().setUp()
        self.net = self.proxy(self.cluster.addresses[0])
        self.worker = self.start_worker("w1", self.net)

    def test_short_cuts_stop_nothing(self):
        self.submit_held()
        tools = self.cluster.tools()
        for reset in (True, False, True):
            before = self.net.accepted
            self.net.cut(reset=reset)
            wait_until(lambda: self.net.accepted > before, "w1 connects again")
            self.wait_for_worker("w1")
            self.assertEqual(self.cluster.tools(), tools)
        self.gate.let_pass()
        self.finish()
        self.assert_ran_once("held", "next")

    def test_a_result_from_a_cut_arrives_once(self):
        self.submit_held()
        self.net.cut(refuse=True)
        self.gate.let_pass()
        self.cluster.wait_for_note("held", "end")
        self.net.heal()
        self.finish()
        self.assert_ran_once("held", "next")

    def test_a_short_silence_stops_nothing(self):
        for directions in ((UP,), (DOWN,), (UP, DOWN)):
            with self.subTest(directions=directions):
                self.cluster.notes_file.write_text("")
                self.submit_held()
                tools = self.cluster.tools()
                self.net.black_hole(*directions)
                self.wait_for_worker("w1", "silent" if UP in directions else "connected")
                self.net.heal()
                self.wait_for_worker("w1")
                self.assertEqual(self.cluster.tools(), tools)
                self.gate.let_pass()
                self.finish()
                self.assert_ran_once("held", "next")

    def test_delays_and_jitter_stop_nothing(self):
        for direction in (UP, DOWN):
            self.net.add_delay(direction, 0.2, jitter=0.3)
        tools = {f"t{i}": noting() for i in range(6)}
        self.cluster.submit(self.cluster.native(tools, {"w1": ["t0", "t1", "t2"], "w2": ["t3", "t4", "t5"]}))
        self.finish()
        self.assert_ran_once(*tools)

    def test_flapping_stops_nothing(self):
        tools = {f"t{i}": noting("sleep 0.05") for i in range(24)}
        file = self.cluster.native(tools, {f"w{i}": [f"t{i}", f"t{i + 8}", f"t{i + 16}"] for i in range(8)})
        self.cluster.submit(file)
        for ended in range(2, 24, 2):
            self.net.cut(reset=ended % 4 == 0, refuse=True)
            self.net.heal()
            wait_until(lambda: len(self.cluster.notes("end")) >= ended, f"{ended} tasks have run")
        self.finish()
        self.assert_ran_once(*tools)

    def lose_and_heal(self, *directions, cut=False):
        """The attempt stops at w1 before it starts at w2, and what w1 says later changes nothing."""
        self.submit_held()
        self.start_worker("w2")
        if cut:
            self.net.cut(refuse=True)
        else:
            self.net.black_hole(*directions)
        stopped = self.cluster.wait_for_note("held", "stopped", attempt=1)
        again = wait_until(lambda: [note for note in self.cluster.notes("start") if note.attempt > 1], "it runs again")
        self.assertLess(stopped.time, again[0].time)
        self.assertEqual(self.cluster.tools("w1"), [])
        self.net.heal()
        self.wait_for_worker("w1")
        self.gate.let_pass()
        self.finish()
        history = [(attempt["worker"], attempt["outcome"]) for attempt in self.history("held")]
        self.assertEqual((history[0][0], history[-1]), ("w1", ("w2", "succeeded")))
        return history

    def test_a_silence_upwards_longer_than_the_lease(self):
        self.lose_and_heal(UP)

    def test_a_silence_downwards_longer_than_the_lease(self):
        # The broker hears w1, which says that it stopped the attempt. It must not give it work again and again.
        self.assertLess(len(self.lose_and_heal(DOWN)), 7)

    def test_a_silence_both_ways_longer_than_the_lease(self):
        self.lose_and_heal(UP, DOWN)

    def test_a_cut_longer_than_the_lease(self):
        self.lose_and_heal(cut=True)


class CutInsideMessages(Proxied):
    """Ten cuts in a row, some inside the greeting, keep the worker silent for seconds: a short lease may end meanwhile,
    and then a task may rightly run again."""

    lease = "60s"

    def setUp(self):
        super().setUp()
        self.net = self.proxy(self.cluster.addresses[0])
        self.start_worker("w1", self.net)

    def test_a_connection_cut_inside_its_messages_loses_none(self):
        tools = {f"t{i}": noting() for i in range(12)}
        self.cluster.submit(self.cluster.native(tools, {f"w{i}": [f"t{i}", f"t{i + 6}"] for i in range(6)}))
        for count in (1, 7, 64, 200, 333):
            for direction in (UP, DOWN):
                before = self.net.accepted
                self.net.cut_at(direction, count)
                wait_until(lambda: self.net.accepted > before, "the connection was cut and made again")
        self.finish()
        self.assert_ran_once(*tools)


class BetweenClientAndBroker(Proxied):
    def test_nothing_is_submitted_twice_whatever_is_cut(self):
        net = self.proxy(self.cluster.addresses[1])
        for number, count in enumerate(range(1, 400, 13), 1):
            file = self.cluster.native({"a": noting()}, {"w": ["a"]})
            net.cut_at(DOWN if number % 2 else UP, count)
            self.assertEqual(self.cluster.run("--broker", net.address, "submit", file).code, 0)
            self.assertEqual(len(self.cluster.json("list")), number)
            net.heal()


class SlowReaders(Proxied):
    def test_a_slow_client_holds_up_nobody(self):
        self.start_worker("w1")
        tools = {f"t{i}": noting() for i in range(60)}
        self.cluster.submit(self.cluster.native(tools, {f"w{i}": [f"t{i}"] for i in range(60)}))
        net = self.proxy(self.cluster.addresses[1])
        net.slow_down(DOWN, 300)  # a list of 60 tasks takes a minute
        slow = [self.cluster.spawn("--broker", net.address, "--json", "tasks", "last") for _ in range(8)]
        wait_until(lambda: net.passed[DOWN] > 0, "answers are under way")
        self.finish()
        file = self.cluster.native({"a": noting()}, {"w": ["a"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        self.assertEqual([process.poll() for process in slow], [None] * 8, "others had to wait for the slow ones")
        net.heal()
        for process in slow:
            process.communicate()
            self.assertEqual(process.returncode, 0)

    def test_a_slow_worker_holds_up_no_other(self):
        net = self.proxy(self.cluster.addresses[0])
        self.start_worker("w1", net)
        net.slow_down(DOWN, 20)
        self.start_worker("w2", cpus=2)
        wide = {"container": noting(), "resources": {"cpus": 2}}  # not for w1
        tools = {f"t{i}": wide for i in range(20)}
        self.cluster.submit(self.cluster.native(tools, {f"w{i}": [f"t{i}", f"t{i + 10}"] for i in range(10)}))
        self.finish()
        self.assert_ran_once(*tools)
        net.heal()
        self.wait_for_worker("w1")


class BetweenWorkers(Proxied):
    """The artifact of w1, 24 MiB, on its way to w2; w1 has too few CPUs to use it itself."""

    def setUp(self):
        super().setUp()
        self.net = self.proxy()
        self.net.target = self.start_worker("w1", None, "--data-address", self.net.address).addresses[1]
        make = shell("head -c 25165824 /dev/urandom >$OUTPUT_DIR/big; cd $OUTPUT_DIR; sha256sum big >sum")
        wide = {"container": noting("cd $INPUT_DIR; sha256sum -c sum || exit 1"), "resources": {"cpus": 2}}
        self.cluster.submit(self.cluster.native({"make": make, "use": wide}, {"w": ["make", "use"]}))
        wait_until(lambda: self.cluster.tasks()["make"]["status"] == "completed", "the artifact is made")

    def assert_delivered(self):
        self.finish()
        self.assertEqual([attempt["outcome"] for attempt in self.history("use")], ["succeeded"])
        self.assertEqual([attempt["outcome"] for attempt in self.history("make")], ["succeeded"])

    def test_a_transfer_goes_on_after_cuts(self):
        self.net.cut_at(DOWN, 3_000_000)
        self.start_worker("w2", cpus=2)
        for count in (5_000_000, 1_000_001):
            before = self.net.accepted
            wait_until(lambda: self.net.accepted > before, "the transfer was cut")
            self.net.cut_at(DOWN, count)
        self.assert_delivered()
        self.assertLess(self.net.passed[DOWN], 1.5 * 25165824, "what had arrived was not sent again")

    def test_a_transfer_goes_on_after_a_silence(self):
        self.net.slow_down(DOWN, 8_000_000)
        self.start_worker("w2", cpus=2)
        wait_until(lambda: self.net.passed[DOWN] > 4_000_000, "the transfer is under way")
        self.net.black_hole(DOWN)
        self.wait_for_worker("w2")
        self.net.heal()
        self.assert_delivered()


class BetweenThreeWorkers(Proxied):
    """An artifact of 24 MiB is at w1, which is asked first, and at w2, and wanted by w3."""

    SIZE = 25165824

    def setUp(self):
        super().setUp()
        self.first, self.second = self.proxy(), self.proxy()
        self.first.target = self.start_worker("w1", None, "--data-address", self.first.address).addresses[1]
        make = shell(f"head -c {self.SIZE} /dev/urandom >$OUTPUT_DIR/big; cd $OUTPUT_DIR; sha256sum big >sum")
        check = noting("cd $INPUT_DIR; sha256sum -c sum || exit 1")
        tools = {"make": make, "copy": {"container": check, "resources": {"cpus": 2}},
                 "use": {"container": check, "resources": {"gpus": 1}}}
        self.cluster.submit(self.cluster.native(tools, {"1": ["make", "copy"], "2": ["make", "use"]}))
        wait_until(lambda: self.cluster.tasks()["make"]["status"] == "completed", "the artifact is made")
        self.second.target = self.start_worker("w2", None, "--data-address", self.second.address, cpus=2).addresses[1]
        wait_until(lambda: self.cluster.tasks()["copy"]["status"] == "completed", "w2 has it, too")
        self.first.passed[DOWN] = 0

    def fetch(self):
        self.start_worker("w3", None, "--gpus", "0")

    def assert_taken_over(self, least, most):
        """w3 had the artifact in one attempt, so many bytes of it from w2."""
        self.finish()
        self.assertEqual([(attempt["worker"], attempt["outcome"]) for attempt in self.history("use")],
                         [("w3", "succeeded")])
        self.assertEqual([attempt["outcome"] for attempt in self.history("make")], ["succeeded"])
        self.assertTrue(least <= self.second.passed[DOWN] <= most, self.second.passed[DOWN])

    def test_another_source_takes_over_from_one_that_says_nothing(self):
        self.first.black_hole(DOWN)
        self.fetch()
        self.assert_taken_over(self.SIZE, 1.1 * self.SIZE)

    def test_another_source_goes_on_where_one_fell_silent(self):
        self.first.slow_down(DOWN, 4_000_000)
        self.fetch()
        wait_until(lambda: self.first.passed[DOWN] > 8_000_000, "the transfer is under way")
        self.first.black_hole(DOWN)
        self.assert_taken_over(0.2 * self.SIZE, self.SIZE - 5_000_000)

    def test_another_source_takes_over_from_one_that_is_too_slow(self):
        self.first.slow_down(DOWN, 60_000)  # without the other one this would take seven minutes
        self.fetch()
        self.assert_taken_over(self.SIZE - 5_000_000, 1.1 * self.SIZE)
        self.assertLess(self.first.passed[DOWN], 5_000_000)

    def test_another_source_takes_over_from_one_that_is_not_reached(self):
        self.first.cut(refuse=True)
        self.fetch()
        self.assert_taken_over(self.SIZE, 1.1 * self.SIZE)


if __name__ == "__main__":
    main_side_by_side()
