"""Hosts that are network namespaces, joined by a bridge: links can be cut, slowed down, and listened to.

Needs root, ip (iproute2) and iptables; REASON says why they cannot be used here, and is empty where they can. All that
is made is in namespaces that are named after this process and deleted at the end.
"""

import os
import shutil
import subprocess
import sys

HOSTS = {"broker": "10.77.0.1", "w1": "10.77.0.2", "w2": "10.77.0.3", "w3": "10.77.0.4"}


def command(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr}")
    return done


def why_not():
    """Why namespaces cannot be used here, or nothing."""
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in ("ip", "iptables", "tc", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    name = f"landseer-{os.getpid()}-probe"
    made = command("ip", "netns", "add", name, check=False)
    if made.returncode != 0:
        return f"ip netns is not permitted: {made.stderr.strip()}"
    try:
        for words in (("iptables", "-A", "INPUT", "-s", "10.77.0.1", "-j", "DROP"), throttle_words("lo", "1mbit")):
            done = command("ip", "netns", "exec", name, *words, check=False)
            if done.returncode != 0:
                return f"{words[0]} does not work: {done.stderr.strip()}"
    finally:
        command("ip", "netns", "del", name, check=False)
    return ""


def throttle_words(device, rate):
    return "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "64kb", "latency", "200ms"


class Lab:
    """A bridge with hosts, all of them namespaces."""

    def __init__(self):
        self.switch = self.space("switch")
        self.made = []
        self.add(self.switch)
        command("ip", "-n", self.switch, "link", "add", "bridge", "type", "bridge")
        command("ip", "-n", self.switch, "link", "set", "bridge", "up")
        for host, address in HOSTS.items():
            space = self.space(host)
            self.add(space)
            command("ip", "-n", self.switch, "link", "add", host, "type", "veth", "peer", "name", "eth0",
                    "netns", space)
            command("ip", "-n", self.switch, "link", "set", host, "master", "bridge", "up")
            command("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
            command("ip", "-n", space, "link", "set", "eth0", "up")
            command("ip", "-n", space, "link", "set", "lo", "up")

    def space(self, host):
        return f"landseer-{os.getpid()}-{host}"

    def add(self, space):
        command("ip", "netns", "add", space)
        self.made.append(space)

    def inside(self, host):
        """What a command begins with to run on a host."""
        return ["ip", "netns", "exec", self.space(host)]

    def prefixes(self):
        """For Cluster.prefixes: each service on the host of its name, the command line beside the broker."""
        return {**{host: self.inside(host) for host in HOSTS}, "landseer": self.inside("broker")}

    def drop(self, host, source):
        """The host does not get what the source sends."""
        command(*self.inside(host), "iptables", "-A", "INPUT", "-s", HOSTS[source], "-j", "DROP")

    def part(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def heal(self):
        for host in HOSTS:
            command(*self.inside(host), "iptables", "-F")

    def throttle(self, host, rate):
        """The host sends no faster than this, such as 80mbit."""
        command(*self.inside(host), *throttle_words("eth0", rate))

    def unplug(self, host):
        """As when the power fails: nothing comes from the host, and nobody is told."""
        command("ip", "-n", self.switch, "link", "set", host, "down")

    def sent(self, host):
        """Bytes that the host has sent since it was made."""
        return int(command(*self.inside(host), "cat", "/sys/class/net/eth0/statistics/tx_bytes").stdout)

    def close(self):
        for space in reversed(self.made):
            command("ip", "netns", "del", space, check=False)


REASON = why_not()
if REASON:
    print(f"skipped: {REASON}", file=sys.stderr)
