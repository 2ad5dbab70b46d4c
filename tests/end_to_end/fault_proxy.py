"""A TCP proxy that breaks connections in the ways networks do, told what to do by the test that owns it.

It listens on a port of its own on loopback and forwards to a target. Directions are named as the one who connects sees
them: UP is what it sends to the target, DOWN is what comes back. Faults hold for all connections, also for those made
later, until heal().
"""

import asyncio
import collections
import random
import socket
import struct
import threading

UP = "up"
DOWN = "down"
BOTH = (UP, DOWN)
PIECE = 16 * 1024  # bytes read at once: small, so that a slow reader holds the sender back


class Flow:
    """One direction of one connection."""

    def __init__(self, connection, direction, reader, writer):
        self.connection = connection
        self.direction = direction
        self.reader = reader
        self.writer = writer

    async def run(self):
        proxy = self.connection.proxy
        while True:
            # Nothing is read while the direction is a black hole, so that nothing is lost that healing could not
            # bring: as with dropped packets, the sender keeps what was not confirmed and sends it later.
            await proxy.until_open(self.direction)
            piece = await self.reader.read(proxy.piece_bytes(self.direction))
            if not piece:
                break
            self.connection.pieces.append((self.direction, piece))
            await proxy.until_open(self.direction)
            await proxy.delay(self.direction, len(piece))
            allowed, last = proxy.allowance(self.direction, len(piece))
            self.writer.write(piece[:allowed])
            await self.writer.drain()
            if last:
                return self.connection.reset()
        await proxy.until_open(self.direction)
        if self.writer.can_write_eof():
            self.writer.write_eof()
        return None


class Connection:
    def __init__(self, proxy, client, target):
        self.proxy = proxy
        self.pieces = []  # (direction, bytes) as they came
        proxy.recorded.append(self.pieces)
        self.writers = [client[1], target[1]]
        self.flows = [Flow(self, UP, client[0], target[1]), Flow(self, DOWN, target[0], client[1])]

    async def run(self):
        flows = [asyncio.ensure_future(flow.run()) for flow in self.flows]
        try:
            await asyncio.gather(*flows)
        except (ConnectionError, OSError):
            pass
        finally:
            for flow in flows:
                flow.cancel()
            self.close()

    def close(self):
        """Both sides see an orderly end."""
        for writer in self.writers:
            writer.close()

    def reset(self):
        """Both sides see the connection reset."""
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class FaultProxy:
    """Runs in a thread of its own; its methods may be called from any other one."""

    def __init__(self, target="", seed=1):
        self.target = target  # such as tcp://127.0.0.1:7710; may be set later, before anybody connects
        self.random = random.Random(seed)
        self.connections = set()
        self.accepted = 0
        self.passed = {UP: 0, DOWN: 0}  # bytes
        self.recorded = collections.deque(maxlen=100)  # what the last connections carried; see Connection
        self.refusing = False
        self.delays = {}  # direction -> (seconds, jitter in seconds)
        self.rates = {}  # direction -> bytes a second
        self.cut_after = {}  # direction -> bytes that may still pass, in sum over all connections
        self.open = {}  # direction -> event, clear while the direction is a black hole
        self.loop = asyncio.new_event_loop()
        self.address = None
        started = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    # --- Commands ---

    def cut(self, reset=True, refuse=False):
        """Ends all connections, by RST or FIN; `refuse`: new ones end at once, too, until heal()."""
        def act():
            self.refusing = refuse
            for connection in list(self.connections):
                if reset:
                    connection.reset()
                else:
                    connection.close()
        self.call(act)

    def black_hole(self, *directions):
        """What is sent in these directions (both if none is named) does not arrive; nobody is told."""
        self.call(lambda: [self.open[direction].clear() for direction in directions or BOTH])

    def slow_down(self, direction, bytes_per_second):
        """A reader that takes this much and no more."""
        self.call(lambda: self.rates.update({direction: bytes_per_second}))

    def add_delay(self, direction, seconds, jitter=0.0):
        self.call(lambda: self.delays.update({direction: (seconds, jitter)}))

    def cut_at(self, direction, count):
        """Resets a connection when so many more bytes have passed, in the middle of whatever they belong to."""
        self.call(lambda: self.cut_after.update({direction: count}))

    def heal(self):
        def act():
            self.refusing = False
            for settings in (self.delays, self.rates, self.cut_after):
                settings.clear()
            for event in self.open.values():
                event.set()
        self.call(act)

    def close(self):
        """Ends the proxy and every connection through it."""
        self.cut(reset=True, refuse=True)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    # --- Inside ---

    def call(self, act):
        done = threading.Event()

        def run():
            act()
            done.set()
        self.loop.call_soon_threadsafe(run)
        if not done.wait(10):
            raise AssertionError("the proxy does not obey")

    def serve(self, started):
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda loop, context: None)  # connections end in every way
        self.loop.run_until_complete(self.listen())
        started.set()
        self.loop.run_forever()
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def listen(self):
        self.open = {direction: asyncio.Event() for direction in BOTH}
        for event in self.open.values():
            event.set()
        # A small window, so that a slow reader is felt by the sender soon.
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0, limit=PIECE)
        self.address = f"tcp://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def accept(self, reader, writer):
        self.accepted += 1
        try:
            host, port = self.target.removeprefix("tcp://").rsplit(":", 1)
            target = None if self.refusing else await asyncio.open_connection(host, int(port), limit=PIECE)
        except (OSError, ValueError):
            target = None
        if target is None:
            writer.transport.abort()
            return
        connection = Connection(self, (reader, writer), target)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)

    async def until_open(self, direction):
        await self.open[direction].wait()

    def piece_bytes(self, direction):
        rate = self.rates.get(direction)
        return max(1, min(PIECE, rate // 10)) if rate else PIECE

    async def delay(self, direction, count):
        seconds, jitter = self.delays.get(direction, (0.0, 0.0))
        rate = self.rates.get(direction)
        pause = seconds + self.random.uniform(0, jitter) + (count / rate if rate else 0.0)
        if pause > 0:
            await asyncio.sleep(pause)

    def allowance(self, direction, count):
        """How many of these bytes may pass, and whether the connection is cut behind them."""
        left = self.cut_after.get(direction)
        last = left is not None and left <= count
        allowed = left if last else count
        self.passed[direction] += allowed
        if last:
            del self.cut_after[direction]
        elif left is not None:
            self.cut_after[direction] = left - count
        return allowed, last
