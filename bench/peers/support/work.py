"""What the tasks of the Python peers do."""

import subprocess


def noop(*_):
    return None


def true(*_):
    return subprocess.call(["/bin/true"])
