#!/usr/bin/python3
"""What deploy/monitoring names is what /metrics has: metrics, their labels, and the words that labels can have."""

import json
import re

import yaml

from browser import Browser, start_gateway
from cluster import SOURCE, EndToEnd, main, noting, wait_until

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
        for word in (pipeline, "task_1", '"w"'):
            self.assertNotIn(word, text, "no label is an id or a name")
        for name, values in samples(text).items():
            self.assertIn(f"# HELP {name} ", text)
            kind = re.search(rf"^# TYPE {name} (\w+)$", text, flags=re.M).group(1)
            self.assertEqual(kind, "counter" if name.endswith("_total") else "gauge", name)
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
