#!/usr/bin/python3
"""Peers that talk rubbish: the broker drops it and goes on."""

import json
import random
import socket
import struct

from cluster import SOURCE, EndToEnd, main, noting, wait_until
from fault_proxy import UP, FaultProxy

SEED = 20240229
MESSAGE, MORE, LONG, COMMAND = 0, 1, 2, 4  # flags of a ZMTP 3.0 frame


def connect(address):
    host, port = address.removeprefix("tcp://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


def frame(body, flags=MESSAGE):
    if len(body) > 255:
        return bytes([flags | LONG]) + struct.pack(">Q", len(body)) + body
    return bytes([flags, len(body)]) + body


def dealer(address, mechanism=b"NULL"):
    """A connection that has shaken hands as a DEALER without security; what follows are its messages."""
    peer = connect(address)
    greeting = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)
    peer.sendall(greeting)
    wanted = 64
    while wanted:
        got = peer.recv(wanted)
        if not got:
            raise AssertionError("the broker hung up during the greeting")
        wanted -= len(got)
    if mechanism != b"NULL":
        return peer
    kind = b"DEALER"
    peer.sendall(frame(b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind, COMMAND))
    return peer


def send(peer, data):
    """A broker that hangs up on rubbish is right to do so."""
    try:
        peer.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def golden_frames():
    """Well-formed messages of every kind, for mutating."""
    return [bytes.fromhex("".join(path.read_text().split()))
            for path in sorted((SOURCE / "tests" / "protocol" / "golden" / "v1").glob("*.hex"))]


class HostilePeer(EndToEnd):
    with_keys = False

    def setUp(self):
        self.random = random.Random(SEED)
        if self.with_keys:
            self.assertEqual(self.cluster.run("keys", "init").code, 0)
        self.cluster.start_broker(lease="2s")
        self.cluster.start_worker("w1")
        self.peers = []
        self.addCleanup(lambda: [peer.close() for peer in self.peers])

    def connect(self, make, address):
        self.peers.append(make(address))
        return self.peers[-1]

    def assert_broker_works(self):
        self.assertTrue(self.cluster.broker.running(), self.cluster.broker.log.read_text())
        file = self.cluster.native({"good": noting()}, {"w": ["good"]})
        self.assertEqual(self.cluster.run("submit", file, "--wait").code, 0)
        self.assertEqual(self.connected_workers(), ["w1"])

    def connected_workers(self):
        return [worker["name"] for worker in self.cluster.json("workers") if worker["state"] == "connected"]

    def test_random_bytes_on_every_port(self):
        for address in self.cluster.addresses:
            for size in (0, 1, 10, 64, 1000, 100000):
                send(self.connect(connect, address), self.random.randbytes(size))
            send(self.connect(connect, address), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            send(self.connect(connect, address), b"\xff" + bytes(8) + b"\x7f\x03")  # half a greeting
        self.assert_broker_works()

    def test_frames_that_are_no_messages_on_every_port(self):
        for address in self.cluster.addresses:
            peer = self.connect(dealer, address)
            for size in (0, 1, 2, 7, 50, 255, 256, 5000):
                send(peer, frame(self.random.randbytes(size)))
            send(peer, frame(b"several", MORE) + frame(b"parts", MORE) + frame(b""))
            # MessagePack that claims to be huge: a list, a map, a text and an extension of 4 GiB.
            for claim in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
                          b"\xc9\xff\xff\xff\xff\x01"):
                send(peer, frame(claim))
            send(peer, frame(b"\x91" * 100000))  # nested as deep as it is long
            send(peer, bytes([LONG]) + struct.pack(">Q", 1 << 62) + b"only the beginning")
        self.assert_broker_works()

    def test_messages_damaged_in_every_way_on_every_port(self):
        frames = golden_frames()
        self.assertGreater(len(frames), 30)
        for address in self.cluster.addresses:
            peer = self.connect(dealer, address)
            for whole in frames:
                send(peer, frame(whole))  # also those that are meant for another port
                send(peer, frame(whole[:self.random.randrange(len(whole))]))
                for _ in range(20):
                    damaged = bytearray(whole)
                    for _ in range(self.random.randint(1, 4)):
                        damaged[self.random.randrange(len(damaged))] = self.random.randrange(256)
                    send(peer, frame(bytes(damaged)))
        # Some were a worker's introduction: the broker believes that worker until its lease ends.
        wait_until(lambda: self.connected_workers() == ["w1"], "the worker that never was is lost")
        self.assert_broker_works()

    def test_peers_that_never_finish_a_message_do_not_stop_the_others(self):
        for address in self.cluster.addresses:
            for _ in range(50):
                send(self.connect(dealer, address), bytes([LONG]) + struct.pack(">Q", 1 << 20) + b"x")
        self.assert_broker_works()


class HostileStranger(HostilePeer):
    """The same without a key, to a broker that has some: what is sent is a handshake gone wrong."""

    with_keys = True

    def connect(self, make, address):
        if make is not dealer:
            return super().connect(make, address)
        peer = super().connect(lambda place: dealer(place, b"CURVE"), address)
        if self.random.random() < 0.5:  # as long as a real one, with a box that nobody can open
            send(peer, frame(b"\x05HELLO\x01\x00" + bytes(72) + self.random.randbytes(120), COMMAND))
        return peer

    def test_who_speaks_without_security_is_hung_up_on(self):
        for address in self.cluster.addresses:
            with self.assertRaisesRegex(AssertionError, "hung up"):
                peer = super().connect(dealer, address)
                send(peer, frame(b"hello"))
                if not peer.recv(1):
                    raise AssertionError("the broker hung up after the greeting")
        self.assert_broker_works()

    def test_what_was_overheard_is_worth_nothing(self):
        """Conversations of a client and of a worker, sent again byte by byte, to the port they were for."""
        gate = self.cluster.gate()
        pipeline = self.cluster.submit(self.cluster.native({"t": noting(f"read -r _ <{gate.path}")}, {"w": ["t"]}))
        self.cluster.wait_for_note("t", "start")
        client, worker = (FaultProxy(self.cluster.addresses[port]) for port in (1, 0))
        self.addCleanup(client.close)
        self.addCleanup(worker.close)
        self.cluster.launch_worker("w2", "--broker", worker.address).ready()
        self.assertEqual(self.cluster.run("--broker", client.address, "cancel", pipeline, "--yes").code, 0)
        wait_until(lambda: self.cluster.status(pipeline)["state"] == "cancelled", "it is cancelled")
        self.assertEqual(self.cluster.run("retry", pipeline).code, 0)
        self.cluster.wait_for_note("t", "start", attempt=2)
        for proxy in (client, worker):
            conversation = max(proxy.recorded, key=len)
            self.assertGreater(sum(len(piece) for direction, piece in conversation if direction == UP), 500)
            for at_once in (True, False):
                self.replay(proxy.target, conversation, at_once)
        audit = (self.cluster.home / "state" / "audit.log").read_text()
        self.assertEqual([json.loads(line)["verb"] for line in audit.splitlines()], ["submit", "cancel", "retry"])
        self.assertEqual(self.cluster.status(pipeline)["state"], "running")
        gate.let_pass()
        self.assertEqual(self.cluster.run("wait", pipeline).code, 0)

    def replay(self, address, conversation, at_once):
        """The broker hangs up: its half of the handshake is another one each time."""
        peer = super().connect(connect, address)
        for direction, piece in conversation:
            if direction == UP:
                send(peer, piece)
            elif not at_once:
                try:
                    peer.recv(len(piece))
                except ConnectionResetError:
                    return
        try:
            while peer.recv(4096):
                pass
        except ConnectionResetError:
            pass


if __name__ == "__main__":
    main()
