"""Rules of the tree that no compiler checks: who includes whom, what a core may know, sizes, names.

Each rule is one test and lists every place that breaks it. CONTRIBUTING.md says them in words.
"""
import os
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("common", "broker", "worker", "submitter", "dashboard")
SKIPPED = {".git", "build", "__pycache__", ".cache", "node_modules"}

BASE = {"common/base"}
VALUES = BASE | {"common/domain", "common/protocol"}
# Folder -> folders whose headers it may include, its own aside.
MAY_INCLUDE = {
    "common/base": set(),
    "common/keys": BASE,
    "common/domain": BASE,
    "common/domain/examples": BASE | {"common/domain"},
    "common/protocol": BASE,
    "common/net": BASE,
    "common/artifact": BASE,
    "common/log": set(),
    "common/config": BASE | {"common/keys", "common/protocol"},
    "broker/core": VALUES | {"common/keys"},
    "broker/forecast": VALUES | {"broker/core", "common/keys"},
    "broker/io": VALUES | {"broker/core", "common/config", "common/keys", "common/log", "common/net"},
    "broker": BASE | {"broker/io", "common/config", "common/log", "common/net"},
    "worker/core": VALUES,
    "worker/io": VALUES | {"worker/core", "common/artifact", "common/config", "common/keys", "common/log",
                           "common/net"},
    "worker": BASE | {"worker/io", "common/config", "common/log", "common/net"},
    "submitter/pipeline": VALUES,
    "submitter/client": BASE | {"common/artifact", "common/config", "common/keys", "common/net",
                                "common/protocol"},
    "submitter/report": VALUES,
    "submitter/cli": VALUES | {"broker/forecast", "common/config", "common/keys", "common/log", "common/net",
                               "submitter/client", "submitter/pipeline", "submitter/report"},
    "submitter": {"submitter/cli"},
    # A client of the broker like any other, which says what the command line says: it shares both libraries.
    "dashboard/gateway": VALUES | {"common/config", "common/log", "common/net", "submitter/client",
                                   "submitter/report"},
}
# Header of a library -> folders that may include it. Others go through these.
LIBRARY_HOMES = {
    r"zmq": {"common/net"},
    r"msgpack": {"common/protocol", "worker/io"},
    r"openssl/": {"common/base"},
    r"spdlog/": {"common/log", "broker/io", "worker/io", "submitter/cli", "dashboard/gateway"},
    r"CLI/": {"common/config", "submitter/cli"},
    r"yaml-cpp/": {"common/config", "submitter/pipeline", "worker/io"},
    r"sqlite3": {"broker/io"},
    # HTTP and the text of metrics: the broker and the workers speak neither.
    r"boost/": {"dashboard/gateway"},
    r"prometheus/": {"dashboard/gateway"},
}
# Folders that decide and do nothing: they could run on a machine without a clock or a disk.
PURE = ("common/domain", "common/keys", "common/protocol", "broker/core", "broker/forecast", "worker/core")
IMPURE_HEADERS = re.compile(
    r"zmq|spdlog|sys/|linux/|unistd\.h|fcntl\.h|poll\.h|pthread|time\.h|ctime|cstdio|iostream"
    r"|fstream|filesystem|thread|mutex|shared_mutex|atomic|condition_variable|future|semaphore"
    r"|random|csignal|signal\.h|syncstream")
IMPURE_CALLS = re.compile(r"::now\(|\bgetenv\(|\brand\(|\bclock_gettime\(|\bgettimeofday\(")
CLOCK_CALLS = re.compile(r"_clock::now\(|\bclock_gettime\(|\bgettimeofday\(|\btime\(nullptr\)")
CLOCK_HOME = "common/net/clock.cc"

# Contexts, key pairs and monitors that come and go have disturbed others of the same process in libzmq.
ZMQ_CALL_HOMES = {
    "zmq_ctx_new": {"common/net/socket.cc"},
    "zmq_curve_keypair": {"common/net/key_pair.cc"},
    "zmq_socket_monitor": {"common/net/door_check.cc", "common/net/socket.cc"},
}
# Who has a context of libzmq -> why. One for each process would do, if all of it waited for the same.
CONTEXTS = {
    "broker/io/server.h": "what schedules",
    "broker/io/relay.h": "logs and artifacts, on an I/O thread of their own: they must not hold up what schedules",
    "worker/io/server.h": "the broker, and artifacts from other workers",
    "worker/io/stream_server.h": "logs, on an I/O thread of their own: heartbeats must not wait behind them",
    "submitter/client/client.h": "a client brings its own, so that a program may have several; the dashboard has",
}
# They make objects of whatever kind the bytes ask for.
UNSAFE_READERS = re.compile(r"\b(?:import|from) (?:c?[pP]ickle|marshal|shelve|dill)\b|\byaml\.(?:unsafe_)?load\(")

PRINTS = re.compile(r"std::cout|std::cerr|std::clog|\b(?:std::)?f?printf\(|\bputs\(")
# File or folder -> why it may print.
PRINTERS = {
    "common/base/check.cc": "a broken invariant has no other way out",
    "common/config/options.cc": "--help, --version and usage errors",
    "common/domain/examples/": "examples are read on a terminal",
    "broker/io/options.cc": "usage errors",
    "worker/io/options.cc": "usage errors",
    "worker/io/server.cc": "the ready line",
    "worker/io/executor.cc": "the ready line, to the agent",
    "worker/io/executor_note.cc": "its log, a file: spdlog is not for a process this small",
    "submitter/cli/": "printing is what it is for",
    "dashboard/gateway/options.cc": "usage errors",
}

LINES_MAX = {"header": 400, "source": 600, "test": 900, "main": 80, "cmake": 60}
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = {".cc": 100, ".h": 100, ".py": 120, ".sh": 120, ".txt": 120, ".ts": 120, ".tsx": 120, ".mjs": 120,
               ".css": 120, ".html": 120}

# Put together here, so that this file does not break its own rules.
MARKS = re.compile(r"\b(?:%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]))
FOREIGN = re.compile("|".join([
    "/wo" + "rk/", "shared/(?:des" + "ign|rese" + "arch)", "aesthe" + "tics", "reliability-" + "security",
    "ux-eco" + "system", "peer-bench" + "marks", "workflow-sy" + "stems", r"\bprom" + r"ises\.md",
    r"\bdomain\." + "md", r"\binterfaces\." + "md"]))


def tree_files():
    """Paths of the project's own files, relative to the root, sorted."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and name != "dist")
        for name in sorted(names):
            path = Path(folder, name)
            # A second checkout of one repository has a file instead of a folder.
            if name != ".git" and not path.is_symlink():
                found.append(path.relative_to(ROOT).as_posix())
    return found


# Pictures hold any bytes.
FILES = [path for path in tree_files() if not path.endswith(".png")]
TEXTS = {}


def text_of(path):
    if path not in TEXTS:
        TEXTS[path] = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    return TEXTS[path]


def lines_of(path):
    return text_of(path).splitlines()


def files(*endings, under=None):
    folders = tuple(folder + "/" for folder in under) if under else ("",)
    return [path for path in FILES if path.endswith(endings) and path.startswith(folders)]


def sources():
    return files(".cc", ".h", under=PROGRAMS)


def includes(path):
    """(line number, name, is one of ours) of every include."""
    for number, line in enumerate(lines_of(path), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def code_of(line):
    """The line without its comment and texts: good enough for searching calls."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    return line.split("//")[0]


def prose_of(path):
    """A source as running text: comment marks and line ends removed."""
    return re.sub(r"\s+", " ", re.sub(r"\n\s*(?:///?<?|#|\*)", " ", text_of(path)))


class Tidy(unittest.TestCase):
    maxDiff = None

    def expect_none(self, broken):
        if broken:
            self.fail("\n" + "\n".join(broken))

    # --- Who includes whom ---

    def test_every_folder_with_sources_has_include_rules(self):
        unknown = sorted({os.path.dirname(path) for path in sources()} - MAY_INCLUDE.keys())
        self.expect_none([f"{folder}: say in MAY_INCLUDE what it may include" for folder in unknown])

    def test_folders_include_only_what_they_may(self):
        broken = []
        for path in sources():
            folder = os.path.dirname(path)
            for number, name, ours in includes(path):
                target = os.path.dirname(name)
                allowed = target == folder or target in MAY_INCLUDE.get(folder, set())
                if ours and target and not allowed:
                    broken.append(f"{path}:{number}: {folder} must not include {name}")
        self.expect_none(broken)

    def test_own_headers_are_included_by_their_full_path(self):
        broken = []
        for path in files(".cc", ".h", under=PROGRAMS + ("tests",)):
            for number, name, ours in includes(path):
                if ours and name != "landseer_version.h" and name not in FILES:
                    broken.append(f"{path}:{number}: there is no {name} seen from the root")
        self.expect_none(broken)

    def test_some_calls_of_libzmq_stand_in_one_place(self):
        broken = [f"{path}: {call} belongs into {', '.join(sorted(homes))}" for path in sources()
                  for call, homes in ZMQ_CALL_HOMES.items() if call + "(" in text_of(path) and path not in homes]
        self.expect_none(broken)

    def test_contexts_of_libzmq_are_few_and_have_reasons(self):
        member = re.compile(r"^ *(?:net::)?Context \w+;", re.M)
        self.assertEqual({path for path in sources() if member.search(text_of(path))}, set(CONTEXTS))

    def test_no_script_reads_bytes_that_can_become_code(self):
        self.expect_none([f"{path}: reads objects of any kind" for path in files(".py")
                          if path != "tests/tidy/tidy_test.py" and UNSAFE_READERS.search(text_of(path))])

    def test_the_broker_and_the_worker_do_not_know_each_other(self):
        broken = []
        for one, other in (("broker", "worker"), ("worker", "broker")):
            for path in files(".cc", ".h", under=[one]):
                broken += [f"{path}:{number}: includes {name}" for number, name, _ in includes(path)
                           if name.startswith(other + "/")]
        self.expect_none(broken)

    def test_libraries_are_met_in_their_own_folders_only(self):
        broken = []
        for path in sources():
            for number, name, ours in includes(path):
                for library, homes in LIBRARY_HOMES.items():
                    if not ours and re.match(library, name) and os.path.dirname(path) not in homes:
                        broken.append(f"{path}:{number}: <{name}> belongs in {', '.join(sorted(homes))}")
        self.expect_none(broken)

    # --- What a core may know ---

    def test_cores_include_nothing_that_has_effects(self):
        broken = []
        for path in files(".cc", ".h", under=PURE):
            if path.startswith("common/domain/examples/"):
                continue
            for number, name, ours in includes(path):
                if (not ours and IMPURE_HEADERS.match(name)) or "/io/" in name or "/net/" in name:
                    broken.append(f"{path}:{number}: a core must not include {name}")
        self.expect_none(broken)

    def test_cores_call_no_clock_and_no_environment(self):
        broken = []
        for path in files(".cc", ".h", under=PURE):
            broken += [f"{path}:{number}: {line.strip()}"
                       for number, line in enumerate(lines_of(path), 1)
                       if IMPURE_CALLS.search(code_of(line))]
        self.expect_none(broken)

    def test_one_file_reads_the_clock(self):
        broken = []
        for path in sources():
            if path == CLOCK_HOME:
                continue
            broken += [f"{path}:{number}: use net::now()"
                       for number, line in enumerate(lines_of(path), 1)
                       if CLOCK_CALLS.search(code_of(line))]
        self.expect_none(broken)

    def test_every_core_has_unit_tests(self):
        broken = []
        for folder in sorted({os.path.dirname(path) for path in files(".cc", under=PURE)}):
            if folder.endswith("/examples") or folder == "common/protocol":
                continue
            if not files("_test.cc", under=["tests/unit/" + folder]):
                broken.append(f"{folder}: tests/unit/{folder} holds no test")
        if not files("_test.cc", under=["tests/protocol"]):
            broken.append("common/protocol: tests/protocol holds no test")
        self.expect_none(broken)

    # --- Sizes ---

    def test_files_are_small(self):
        broken = []
        for path in files(".cc", ".h", ".py", ".ts", ".tsx", ".mjs", ".css", "CMakeLists.txt"):
            name = os.path.basename(path)
            if name == "CMakeLists.txt":
                kind = "cmake"
            elif name == "main.cc":
                kind = "main"
            elif path.startswith("tests/"):
                kind = "test"
            else:
                kind = "header" if name.endswith(".h") else "source"
            count = len(lines_of(path))
            if count > LINES_MAX[kind]:
                broken.append(f"{path}: {count} lines, a {kind} file has at most {LINES_MAX[kind]}")
        self.expect_none(broken)

    def test_lines_are_short(self):
        broken = []
        for path in files(*COLUMNS_MAX):
            if path.startswith("tests/corpus/"):
                continue
            most = COLUMNS_MAX[Path(path).suffix]
            broken += [f"{path}:{number}: {len(line)} columns, at most {most}"
                       for number, line in enumerate(lines_of(path), 1) if len(line) > most]
        self.expect_none(broken)

    def test_functions_are_short(self):
        """By layout: a function ends at a lone `}` in the column where its signature began."""
        broken = []
        for path in files(".cc", ".h", under=PROGRAMS + ("tests",)):
            begun = {}
            for number, line in enumerate(lines_of(path), 1):
                for indent in (0, 2):
                    if not re.match(" " * indent + r"[^\s#/}]", line):
                        if line == " " * indent + "}" and indent in begun:
                            length = number - begun[indent] + 1
                            if length > FUNCTION_LINES_MAX:
                                broken.append(f"{path}:{begun[indent]}: a function of {length} lines, "
                                              f"at most {FUNCTION_LINES_MAX}")
                        continue
                    begun[indent] = number
        self.expect_none(broken)

    # --- Headers, prints, marks ---

    def test_headers_have_pragma_once_and_begin_with_a_comment(self):
        broken = []
        for path in files(".h", under=PROGRAMS + ("tests",)):
            lines = lines_of(path)
            if not lines or not lines[0].startswith("///"):
                broken.append(f"{path}: begins without a `///` comment")
            if "#pragma once" not in lines:
                broken.append(f"{path}: has no #pragma once")
        self.expect_none(broken)

    def test_only_front_ends_print(self):
        broken = []
        for path in sources():
            if os.path.basename(path) == "main.cc" or path.startswith(tuple(PRINTERS)):
                continue
            broken += [f"{path}:{number}: {line.strip()}"
                       for number, line in enumerate(lines_of(path), 1) if PRINTS.search(code_of(line))]
        self.expect_none(broken)

    def test_no_file_holds_a_mark_for_later(self):
        broken = []
        for path in FILES:
            broken += [f"{path}:{number}: {line.strip()[:80]}"
                       for number, line in enumerate(lines_of(path), 1) if MARKS.search(line)]
        self.expect_none(broken)

    def test_no_file_names_what_is_outside_the_project(self):
        broken = []
        for path in FILES:
            broken += [f"{path}:{number}: {line.strip()[:80]}"
                       for number, line in enumerate(lines_of(path), 1) if FOREIGN.search(line)]
        self.expect_none(broken)

    # --- Tests and build files ---

    def test_every_test_is_built(self):
        named = "\n".join(text_of(path) for path in files("CMakeLists.txt"))
        broken = []
        for path in files("_test.cc", "_test.py"):
            name = os.path.basename(path)
            word = name if name.endswith(".cc") else name.removesuffix(".py")
            if not re.search(rf"\b{re.escape(word)}\b", named):
                broken.append(f"{path}: no CMakeLists.txt names it")
        self.expect_none(broken)

    def test_every_source_is_built(self):
        broken = []
        for path in files(".cc", under=PROGRAMS):
            name = os.path.basename(path)
            near = [os.path.join(folder, "CMakeLists.txt")
                    for folder in (os.path.dirname(path), os.path.dirname(os.path.dirname(path)))]
            if not any(build in FILES and name in text_of(build) for build in near):
                broken.append(f"{path}: no CMakeLists.txt beside it names it")
        self.expect_none(broken)

    # --- Documents ---

    def test_documents_have_one_title(self):
        broken = []
        for path in files(".md"):
            lines = re.sub(r"^```.*?^```", "", text_of(path), flags=re.M | re.S).splitlines()
            titles = [line for line in lines if line.startswith("# ")]
            if len(titles) != 1 or not lines or lines[0] != titles[0]:
                broken.append(f"{path}: {len(titles)} titles; one is wanted, in the first line")
        self.expect_none(broken)

    def test_documents_that_are_cited_exist_with_the_section_named(self):
        cited = re.compile(r'(docs/[\w-]+\.md)((?:, (?:and )?"[^"]{1,60}"|,? and "[^"]{1,60}")*)')
        broken = []
        for path in files(".cc", ".h", ".py", ".txt", ".cmake", ".sh", ".md"):
            if path.startswith("tests/tidy/"):
                continue
            for document, sections in cited.findall(prose_of(path)):
                if document not in FILES:
                    broken.append(f"{path}: cites {document}, which does not exist")
                    continue
                headings = re.findall(r"^#+ (.*)$", text_of(document), flags=re.M)
                broken += [f'{path}: {document} has no heading "{section}"'
                           for section in re.findall(r'"([^"]+)"', sections) if section not in headings]
        self.expect_none(broken)

    def test_links_between_documents_lead_somewhere(self):
        broken = []
        for path in files(".md"):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", text_of(path)):
                if re.match(r"[a-z]+:", target):
                    continue
                there = os.path.normpath(os.path.join(ROOT, os.path.dirname(path), target))
                if not os.path.exists(there):
                    broken.append(f"{path}: leads to {target}, which does not exist")
        self.expect_none(broken)


if __name__ == "__main__":
    unittest.main()
