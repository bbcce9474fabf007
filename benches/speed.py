#!/usr/bin/env python3
"""Measures heapdiff beside zlib and `go tool pprof`, and prints the tables of the README and of docs/speed.md.

    cargo build --profile dist && benches/speed.py          # print the tables
    benches/speed.py --write                                # put them into README.md and docs/speed.md

It needs Python 3.9, Linux or macOS, and Go, which builds the service in benches/service and runs it to record the
profiles: pairs of four sizes, a pair of small ones, and 200 snapshots of one process. Every figure is the median of
several rounds; in a round, everything that is compared runs once, in turn, so that a busy machine slows all of it. "zlib"
unpacks the same files with the C library that Python has, one after the other on one core, and drops the bytes.
"""

import argparse
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Name, runtime.MemProfileRate and requests of each pair.
SIZES = {
    "s": (524288, 400_000),
    "m": (65536, 400_000),
    "l": (4096, 400_000),
    "x": (512, 1_200_000),
}
SMALL = (24 << 20, 100_000)
SNAPSHOTS = (131072, 400_000, 200)
PIECE = 1 << 18
MIB = 1 << 20


def main():
    options = arguments()
    if options.cores:
        use_cores(options.cores)
    with tempfile.TemporaryDirectory(prefix="heapdiff-speed-") as folder:
        pairs = pathlib.Path(options.pairs or folder)
        pairs.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, pairs, pathlib.Path(folder))
        tables = bench.tables()
    for name, table in tables.items():
        print(f"\n{name}:\n{table}")
        if options.write:
            write(name, table)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapdiff", default=str(ROOT / "target/dist/heapdiff"), metavar="FILE")
    parser.add_argument("--pprof", default="go tool pprof", metavar="COMMAND", help="'' leaves it out")
    parser.add_argument("--sizes", default="s,m,l,x", help="which pairs to measure")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cores", type=int, help="use only this many cores (Linux)")
    parser.add_argument("--pairs", metavar="FOLDER", help="keep the profiles here, and use those that are here already")
    parser.add_argument("--no-history", dest="history", action="store_false", help="leave out the 200 snapshots")
    parser.add_argument("--write", action="store_true", help="replace the tables in README.md and docs/speed.md")
    options = parser.parse_args()
    options.sizes = [size for size in options.sizes.split(",") if size]
    unknown = set(options.sizes) - set(SIZES)
    if unknown or options.rounds < 1:
        parser.error(f"--sizes takes {','.join(SIZES)}, and --rounds at least 1")
    if options.write and (options.sizes != list(SIZES) or not options.history or not options.pprof or options.cores):
        parser.error("--write needs all measurements: leave out --sizes, --pprof, --cores and --no-history")
    if not shutil.which(options.heapdiff):
        parser.error(f"{options.heapdiff} is no program: run `cargo build --profile dist`, or give --heapdiff FILE")
    return options


class Cost:
    """Seconds of wall-clock time and of CPU, and peak memory in MiB."""

    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


# Runs a command and prints its cost. Linux counts the memory of the process that starts another as that of the other, so
# a small process starts it.
LAUNCHER = """
import os, sys, time
null = os.open(os.devnull, os.O_WRONLY)
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
os.write(1, f"{status} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
"""


def run(command):
    """Runs a command and returns its cost; its output goes nowhere."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, command)]
    launched = subprocess.run(launch, capture_output=True, text=True, check=True)
    status, wall, cpu, memory = launched.stdout.split()
    code = os.waitstatus_to_exitcode(int(status))
    # 1 is the answer of a check that fails.
    if code not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))} failed ({code}): {launched.stderr[:500]}")
    kib = int(memory) if platform.system() == "Linux" else int(memory) / 1024
    return Cost(float(wall), float(cpu), kib / 1024)


def unpacked(path):
    """Unpacks a file and returns the number of bytes."""
    packed, total = path.read_bytes(), 0
    inflater = zlib.decompressobj(31)
    for start in range(0, len(packed), PIECE):
        total += len(inflater.decompress(packed[start : start + PIECE]))
    return total


def inflate(paths):
    """Unpacks files, one after the other."""
    start, busy = time.perf_counter(), time.process_time()
    for path in paths:
        unpacked(path)
    return Cost(time.perf_counter() - start, time.process_time() - busy, 0)


def use_cores(number):
    """Runs this process, and what it starts from now on, on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


def cores():
    """The number of cores that this process may use, and what it starts."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def median(costs):
    return Cost(*(statistics.median(getattr(cost, what) for cost in costs) for what in ("wall", "cpu", "memory")))


class Bench:
    def __init__(self, options, pairs, folder):
        self.options, self.pairs, self.folder = options, pairs, folder
        self.service = None

    def record(self, name, rate, requests, profiles=2):
        """Returns the profiles of a run of the service."""
        paths = [self.pairs / f"{name}-{i:03}.pb.gz" for i in range(profiles)]
        if not all(path.exists() for path in paths):
            if not self.service:
                self.service = self.build()
            progress(f"record {name}")
            subprocess.run([self.service, str(rate), str(requests), str(profiles), f"{self.pairs}/{name}-"], check=True)
        return paths

    def build(self):
        if not shutil.which("go"):
            sys.exit("go is missing: install Go 1.22 or later, which builds the program that is profiled")
        progress("build benches/service")
        source = self.folder / "service"
        shutil.copytree(ROOT / "benches/service", source)
        subprocess.run(["go", "run", "generate.go"], cwd=source, check=True)
        subprocess.run(["go", "build", "-o", "service", "."], cwd=source, check=True)
        return str(source / "service")

    def rounds(self, what, measures):
        """Runs each measure once per round, in turn, and returns the median of each."""
        for measure in measures.values():
            measure()
        costs = {name: [] for name in measures}
        for round in range(self.options.rounds):
            progress(f"{what}, round {round + 1} of {self.options.rounds}")
            for name, measure in measures.items():
                costs[name].append(measure())
        return {name: median(all) for name, all in costs.items()}

    def commands(self, before, after):
        """What is measured on each pair."""
        heapdiff, out = self.options.heapdiff, self.folder
        commands = {
            "diff": [before, after],
            "check": ["check", "--max-growth", "5MiB", before, after],
            "refs": ["refs", "allocate", before, after],
            "graph": ["graph", before, after, "-o", out / "x.dot"],
            "flame": ["flame", before, after, "-o", out / "x.svg"],
        }
        return {name: (lambda rest=rest: run([heapdiff, *rest])) for name, rest in commands.items()}

    def tables(self):
        found = {size: self.pair(size) for size in self.options.sizes}
        tables = {"beside pprof": beside_pprof(found), "beside inflating": beside_inflating(found)}
        tables["fixed costs"] = self.fixed_costs()
        if self.options.history:
            tables["snapshots"] = self.history()
        if not self.options.cores and hasattr(os, "sched_setaffinity"):
            all = os.sched_getaffinity(0)
            use_cores(1)
            found = {size: self.pair(size, pprof=False) for size in self.options.sizes}
            tables["one core"] = beside_inflating(found)
            os.sched_setaffinity(0, all)
        return {name: table for name, table in tables.items() if table}

    def pair(self, size, pprof=True):
        before, after = self.record(size, *SIZES[size])
        measures = {"zlib": lambda: inflate([before, after]), **self.commands(before, after)}
        found = self.rounds(size, measures)
        found["bytes"] = unpacked(before) + unpacked(after)
        if self.options.pprof and pprof:
            progress(f"{size}, pprof")
            command = self.options.pprof.split() + ["-top", "-diff_base", before, after]
            found["pprof"] = median([run(command) for _ in range(1 if size == "x" else 3)])
        return found

    def fixed_costs(self):
        before, after = self.record("small", *SMALL)
        found = self.rounds("small", self.commands(before, after))
        size = (before.stat().st_size + after.stat().st_size) / 2 / 1024
        head = f"| CPU, two profiles of {size:.0f} KB |"
        return "\n".join([
            head + "".join(f" {name} |" for name in found),
            "| --- |" + " --- |" * len(found),
            "| |" + "".join(f" {cost.cpu * 1e3:.1f} ms |" for cost in found.values()),
        ])

    def history(self):
        paths = self.record("snapshots", *SNAPSHOTS)
        measures = {
            "zlib": lambda: inflate(paths),
            "`leaks`": lambda: run([self.options.heapdiff, "leaks", *paths]),
            "`timeline`": lambda: run([self.options.heapdiff, "timeline", *paths]),
        }
        found = self.rounds("200 snapshots", measures)
        lines = [f"| {len(paths)} snapshots of one process | time | CPU | memory | of zlib's time, spread over the cores |", "| --- | --- | --- | --- | --- |"]
        for name, cost in found.items():
            memory = f"{cost.memory:.0f} MiB" if cost.memory else ""
            ratio = cost.wall * cores() / found["zlib"].wall
            lines.append(f"| {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {memory} | {'' if name == 'zlib' else f'{ratio:.2f}'} |")
        return "\n".join(lines)


def beside_pprof(found):
    if not all("pprof" in costs for costs in found.values()) or not found:
        return ""
    lines = ["| both profiles, uncompressed | heapdiff | pprof | faster | leaner | zlib alone |", "| --- | --- | --- | --- | --- | --- |"]
    for costs in found.values():
        ours, theirs = costs["diff"], costs["pprof"]
        lines.append(
            f"| {costs['bytes'] / MIB:.1f} MiB | {spelled(ours)} | {spelled(theirs)} | {theirs.wall / ours.wall:.0f} × "
            f"| {theirs.memory / ours.memory:.0f} × | {milliseconds(costs['zlib'].wall)} |"
        )
    return "\n".join(lines)


def beside_inflating(found):
    if not found:
        return ""
    names = list(found)
    lines = [
        "| time (and CPU) as multiples of zlib's, peak memory |" + "".join(f" {found[n]['bytes'] / MIB:.1f} MiB |" for n in names),
        "| --- |" + " --- |" * len(names),
    ]
    for command in ("diff", "check", "refs", "graph", "flame"):
        cells = []
        for name in names:
            zlib_, cost = found[name]["zlib"], found[name][command]
            cells.append(f" {cost.wall / zlib_.wall:.2f} ({cost.cpu / zlib_.cpu:.2f}), {cost.memory:.0f} MiB |")
        lines.append(f"| `{command}` |" + "".join(cells))
    return "\n".join(lines)


def spelled(cost):
    return f"{milliseconds(cost.wall)}, {cost.memory:.0f} MiB"


def milliseconds(seconds):
    return f"{seconds * 1e3:.0f} ms"


def write(name, table):
    """Replaces a table between its two comments, wherever it stands."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    for path in (ROOT / "README.md", ROOT / "docs/speed.md"):
        text = path.read_text()
        if begin in text:
            head, rest = text.split(begin, 1)
            path.write_text(head + begin + table + "\n" + end + rest.split(end, 1)[1])


def progress(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
