#!/usr/bin/env python3
"""Measures `heapdiff serve` beside pprof's web page about the same pair of profiles.

    cargo build --profile dist && benches/serve.py          # records a pair, and prints the table
    benches/serve.py before.pb.gz after.pb.gz               # about these

It needs Python 3.9, Linux, and Go, whose pprof it starts (pprof's graph needs Graphviz, and isn't asked for). Both servers
get the same random changes of a filter, the sample type or the granularity, in turn, so that a busy machine slows both.
For each, heapdiff is asked for what its page shows: the rows, and the tree of the flame graph. pprof is asked for its pages
with the rows and with the flame graph; what a browser needs to draw them comes on top for both. An answer is counted until
its last byte is here.
"""

import argparse
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import speed

MIB = 1 << 20
# Parts of names that occur in Go programs.
WORDS = ["main", "runtime", "json", "http", "handle", "cache", "store", "alloc", "net", "bytes", "Serve", "New"]
ENDS = ["", "\\.", "[a-m]", "[n-z]"]
TYPES = ["alloc_space", "alloc_objects", "inuse_objects", "inuse_space"]
# Those that both have.
GRANULARITIES = ["functions", "filefunctions", "files", "lines"]


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="heapdiff-serve-") as folder:
        pair = options.profiles or record(options, pathlib.Path(folder))
        changes = list(questions(options))
        servers = [Heapdiff(options.heapdiff, pair)]
        if options.pprof:
            servers.append(Pprof(options.pprof, pair, pathlib.Path(folder)))
        try:
            for server in servers:
                server.first()
            for number, change in enumerate(changes):
                print(f"\r{number + 1} of {len(changes)} changes", end="", file=sys.stderr)
                for server in servers:
                    server.ask(change)
            print(file=sys.stderr)
            print(table(servers))
        finally:
            for server in servers:
                server.end()
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > 1.2:
        print(f"\nThe machine was busy: {load:.1f} tasks waited for each core.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help="the profile before, and the one after")
    parser.add_argument("--heapdiff", default=str(speed.ROOT / "target/dist/heapdiff"), metavar="FILE")
    parser.add_argument("--pprof", default="go tool pprof", metavar="COMMAND", help="'' leaves it out")
    parser.add_argument("--size", default="m", choices=list(speed.SIZES), help="the pair to record")
    parser.add_argument("--pairs", metavar="FOLDER", help="keep the profiles here, and use those that are here already")
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if len(options.profiles) not in (0, 2) or options.changes < 1:
        parser.error("give two profiles or none, and --changes of at least 1")
    if not shutil.which(options.heapdiff):
        parser.error(f"{options.heapdiff} is no program: run `cargo build --profile dist`, or give --heapdiff FILE")
    return options


def record(options, folder):
    """Records a pair, as benches/speed.py does."""
    pairs = pathlib.Path(options.pairs) if options.pairs else folder
    pairs.mkdir(parents=True, exist_ok=True)
    rate, requests = speed.SIZES[options.size]
    return [str(path) for path in speed.Bench(options, pairs, folder).record(options.size, rate, requests)]


def questions(options):
    """Random changes: parameters that pprof and heapdiff have in common."""
    dice = random.Random(options.seed)
    for _ in range(options.changes):
        name = dice.choice(["f", "i", "h", "s", "sf", "f", "i", "h", "si", "si", "g", "g"])
        values = {"si": TYPES, "g": GRANULARITIES}.get(name)
        yield {name: dice.choice(values) if values else dice.choice(WORDS) + dice.choice(ENDS)}


class Server:
    """A server that is measured. `pages` are what it is asked for, by name."""

    def __init__(self, command, environment=None):
        self.start = time.perf_counter()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=pipe, text=True, env=environment
        )
        self.times = {name: [] for name in self.pages}
        self.sizes = {name: [] for name in self.pages}
        self.failures = 0

    def get(self, path, parameters):
        """The seconds that an answer takes, its bytes, and whether it is one."""
        query = urllib.parse.urlencode(parameters)
        start = time.perf_counter()
        try:
            with urllib.request.urlopen(f"{self.address}{path}?{query}") as response:
                return time.perf_counter() - start, len(response.read()), True
        except urllib.error.HTTPError as error:
            return time.perf_counter() - start, len(error.read()), False

    def first(self):
        """The first page: from the start of the program until all of it is here."""
        for path, parameters in self.pages.values():
            self.get(path, parameters)
        self.first_page = time.perf_counter() - self.start

    def ask(self, change):
        for name, (path, parameters) in self.pages.items():
            # A tree of heapdiff has all sample types.
            wanted = {key: value for key, value in change.items() if not (name == "flame" and self.has_all and key == "si")}
            start = time.perf_counter()
            _, size, is_answer = self.get(path, {**parameters, **wanted})
            self.times[name].append(time.perf_counter() - start)
            self.sizes[name].append(size)
            self.failures += not is_answer

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Heapdiff(Server):
    name = "heapdiff"
    has_all = True
    pages = {"rows": ("api/v1/page", {"about": "diff"}), "flame": ("api/v1/tree", {})}

    def __init__(self, program, pair):
        super().__init__([program, "serve", "--no_browser", "--http", ":0", *pair])
        line = self.process.stderr.readline()
        if not line.startswith("Serving at "):
            sys.exit(f"{program} serve failed: {line}{self.process.stderr.read()[:500]}")
        self.address = line.split()[2]


class Pprof(Server):
    name = "pprof"
    has_all = False
    pages = {"rows": ("ui/top", {}), "flame": ("ui/flamegraph", {})}

    def __init__(self, command, pair, folder):
        before, after = pair
        if command == "go tool pprof":
            # The program itself, whose memory is measured.
            command = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, check=True).stdout.strip()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [*command.split(), f"-http=localhost:{port}", "-no_browser", f"-diff_base={before}", after]
        # It writes its settings and a copy of what it reads.
        home = {**os.environ, "HOME": str(folder), "PPROF_TMPDIR": str(folder)}
        super().__init__(words, home)
        self.address = f"http://localhost:{port}/"
        while True:
            try:
                socket.create_connection(("localhost", port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"{command} ended: {self.process.stderr.read()[:500]}")
                time.sleep(0.02)


def table(servers):
    lines = ["| | first page | rows p50 | p95 | flame graph p50 | p95 | largest answer | memory |", "| --- |" + " ---: |" * 7]
    for server in servers:
        cells = [server.name, seconds(server.first_page)]
        for times in server.times.values():
            cells += [seconds(share(times, 0.5)), seconds(share(times, 0.95))]
        largest = max(max(sizes) for sizes in server.sizes.values())
        cells += [f"{largest / MIB:.1f} MiB", f"{server.resident():.0f} MiB"]
        lines.append("| " + " | ".join(cells) + " |")
        if server.failures:
            print(f"{server.name} had no answer {server.failures} times", file=sys.stderr)
    return "\n".join(lines)


def share(times, part):
    ordered = sorted(times)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def seconds(time):
    return f"{time * 1000:.0f} ms" if time < 1 else f"{time:.1f} s"


if __name__ == "__main__":
    main()
