"""A Redis server for the peers that keep their queue in one."""

from peer import Peer, free_port, need_program, resident_bytes, wait_for_port


class RedisPeer(Peer):
    durable = True

    def start_redis(self):
        self.port = free_port()
        disk = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else ["--appendonly", "no"]
        self.redis = self.start(need_program("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                                "--dir", self.folder, *disk)
        wait_for_port(self.port)

    def queued_bytes(self, n, submit):
        """Of Redis per task, with so many submitted and no worker."""
        before = resident_bytes(self.redis.pid)
        submit(n)
        return (resident_bytes(self.redis.pid) - before) / n
