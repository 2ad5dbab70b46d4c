"""Tools that run what a file says, on this machine only: they have no queue, no worker and no network."""

import subprocess

from peer import Peer, grid, need_program, seconds


class BuildTool(Peer):
    service = False
    sizes = {"W2": 1000, "W3": 11110}
    words = ()  # of the command, run in the folder with the file
    file = ""

    def version(self):
        done = subprocess.run([need_program(self.words[0]), "--version"], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0].split()[-1]

    def prepare(self, workload, n):
        need_program(self.words[0])

    def text(self, tasks, command):
        """The file's text for tasks of (name, name of what it depends on or None)."""
        raise NotImplementedError

    def run(self, tasks, command):
        (self.folder / self.file).write_text(self.text(tasks, command))
        return seconds(lambda: subprocess.run(self.words, cwd=self.folder, check=True, stdout=subprocess.DEVNULL))

    def w2(self, n):
        return self.run([(str(number), None) for number in range(n)], "/bin/true")

    def w3(self, n):
        """No processes: only the walk through the graph."""
        return self.run(grid(n), "")
