#!/usr/bin/python3
"""What deploy/monitoring names is what /metrics has: metrics, their labels, and the words that labels can have."""

import json
import re
import time

import yaml

from browser import Browser, start_gateway
from cluster import SOURCE, EndToEnd, main, noting, shell, wait_until

FOLDER = SOURCE / "deploy" / "monitoring"
# Of Prometheus itself, for every target.
FOREIGN = {"up"}
TARGET_LABELS = {"instance", "job"}


def expressions():
    """(where, expression) of every alert and panel."""
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = json.loads((FOLDER / "grafana.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def samples(text):
    """Metric -> label -> values, from the text format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? [-+0-9.e]+(?:Inf|NaN)?", line).groups()
        values = found.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""):
            values.setdefault(label, set()).add(value)
    return found


def value_of(text, name):
    return float(re.search(rf"^{name} (\S+)$", text, flags=re.M).group(1))


class Monitoring(EndToEnd):
    def begin(self):
        self.cluster.start_broker()
        self.cluster.start_worker("w")
        _, url = start_gateway(self.cluster)
        self.browser = Browser(url)
        wait_until(lambda: self.browser.ask("GET", "/readyz").status == 200, "the gateway is ready")

    def metrics(self):
        answer = self.browser.ask("GET", "/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        return samples(answer.body.decode())

    def test_files_name_what_there_is(self):
        self.begin()
        known = self.metrics()
        used = set()
        for where, expression in expressions():
            for name, matchers in re.findall(r"\b(landseer_\w+|up)\b(?:\{([^}]*)\})?", expression):
                if name in FOREIGN:
                    continue
                self.assertIn(name, known, where)
                used.add(name)
                for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
                    if label in TARGET_LABELS:
                        continue
                    self.assertIn(label, known[name], where)
                    for word in value.split("|") if "~" in operator else [value]:
                        self.assertIn(word, known[name][label], where)
        self.assertGreater(len(used), 12)

    def test_metrics_are_well_formed_and_bounded(self):
        self.begin()
        file = self.cluster.native({"a": noting(), "b": noting()}, {"w": ["a"], "v": ["b"]})
        pipeline = self.cluster.submit(file)
        self.cluster.run("wait", pipeline)

        def counted():
            text = self.browser.ask("GET", "/metrics").body.decode()
            return 'landseer_attempts_total{outcome="succeeded"} 2\n' in text

        wait_until(counted, "attempts are counted")
        text = self.browser.ask("GET", "/metrics").body.decode()
        self.assertIn('landseer_tasks{state="completed"} 2\n', text)
        self.assertIn('landseer_workers{state="connected"} 1\n', text)
        self.assertIn("landseer_broker_up 1\n", text)
        known = samples(text)
        self.assertEqual(known["landseer_gpu_seconds_total"]["use"], {"succeeded", "lost"})
        self.assertEqual(len(known["landseer_broker_answer_seconds_bucket"]["le"]), 9)
        self.assertGreater(value_of(text, "landseer_broker_answer_seconds_count"), 0)
        self.assertGreater(value_of(text, "landseer_broker_answer_seconds_sum"), 0)
        self.assertLess(value_of(text, "landseer_workers_longest_silent_seconds"), 60)
        self.assertGreater(value_of(text, r'landseer_memory_bytes\{state="free"\}'), 0)
        for word in (pipeline, "task_1", '"w"'):
            self.assertNotIn(word, text, "no label is an id or a name")
        for name, values in samples(text).items():
            family = re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name)
            self.assertIn(f"# HELP {family} ", text)
            kind = re.search(rf"^# TYPE {family} (\w+)$", text, flags=re.M).group(1)
            wanted = "histogram" if family != name else "counter" if name.endswith("_total") else "gauge"
            self.assertEqual(kind, wanted, name)
            self.assertLess(max([len(words) for words in values.values()], default=0), 20, name)

    def test_attempts_that_are_followed_at_once_are_counted(self):
        self.begin()
        tool = {"name": "a", "container": {"image": "test/shell:1", "command": "/nonexistent/program"}}
        pipeline = self.cluster.submit(self.cluster.native({"a": tool}, {"w": ["a"]}))
        self.cluster.run("wait", pipeline)
        attempts = self.cluster.json("task", "task_1")["history"]
        wanted = {}
        for attempt in attempts:
            wanted[attempt["outcome"]] = wanted.get(attempt["outcome"], 0) + 1

        def counted():
            text = self.browser.ask("GET", "/metrics").body.decode()
            found = dict(re.findall(r'landseer_attempts_total\{outcome="(\w+)"\} (\d+)', text))
            return {word: int(count) for word, count in found.items() if count != "0"} == wanted

        wait_until(counted, f"{wanted} are counted")

    def test_gpu_time_is_counted_as_used_lost_and_saved(self):
        self.cluster.start_broker()
        self.cluster.start_worker("w", "--gpus", "0,1")
        _, url = start_gateway(self.cluster)
        self.browser = Browser(url)
        wait_until(lambda: self.browser.ask("GET", "/readyz").status == 200, "the gateway is ready")
        gate = self.cluster.gate()
        wait = f"read -r _ <{gate.path}"
        tools = {"good": {"name": "good", "container": shell(wait), "resources": {"gpus": 2}},
                 "bad": {"name": "bad", "container": shell(wait + "; exit 1"), "resources": {"gpus": 1}}}
        pipeline = self.cluster.submit(self.cluster.native(tools, {"w": ["good"], "v": ["bad"]}))
        for tool in ("good", "bad"):  # one after the other: there are two GPUs
            self.cluster.wait_until_tasks(tool, "running")
            started = time.monotonic()
            wait_until(lambda: time.monotonic() - started > 0.3, "there is time to count")
            gate.let_pass(1)
        self.assertEqual(self.cluster.run("wait", pipeline).code, 1)

        def text():
            return self.browser.ask("GET", "/metrics").body.decode()

        def used(use):
            return value_of(text(), rf'landseer_gpu_seconds_total\{{use="{use}"\}}')

        wait_until(lambda: used("succeeded") > 0 and used("lost") > 0, "both are counted")
        self.assertEqual(value_of(text(), "landseer_gpu_seconds_saved_total"), 0)
        again = {"good": tools["good"]}
        second = self.cluster.submit(self.cluster.native(again, {"w": ["good"]}))
        self.assertEqual(self.cluster.run("wait", second).code, 0)
        wait_until(lambda: value_of(text(), "landseer_gpu_seconds_saved_total") == used("succeeded"),
                   "the hit saved as much")
        self.assertEqual(value_of(text(), "landseer_cache_hits_total"), 1)

    def test_every_panel_has_its_place(self):
        board = json.loads((FOLDER / "grafana.json").read_text())
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        self.assertTrue((FOLDER / config["rule_files"][0]).exists())


if __name__ == "__main__":
    main()
