"""A HyperQueue server and, with an argument, a worker of so many cores, in a process that is as small as can be: it
starts processes by fork. The extension is loaded alone, without the package around it. Prints the server's folder; ends
with its standard input.

    hyperqueue_server.py FOLDER [CORES]
"""

import importlib.machinery
import importlib.util
import sys
import sysconfig
from pathlib import Path


def load():
    library = Path(sysconfig.get_paths()["platlib"]) / "hyperqueue" / "hyperqueue.abi3.so"
    loader = importlib.machinery.ExtensionFileLoader("hyperqueue", str(library))
    spec = importlib.util.spec_from_loader("hyperqueue", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def main():
    cluster = load().cluster_start(sys.argv[1])
    if len(sys.argv) > 2:
        cluster.add_worker(int(sys.argv[2]))
    print("folder", cluster.server_dir, flush=True)
    sys.stdin.read()
    cluster.stop()


if __name__ == "__main__":
    main()
