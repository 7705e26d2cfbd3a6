#!/usr/bin/env python3
"""How much of the trust code (agent/source/tuf/) its tests walk: runs them in a build of the preset `coverage`, and
prints lines and branches of each file.

Usage: trust_code.py --build BUILD [--least PERCENT] [--missing] [--counted]

The exit status is 0 when every test passed and at least PERCENT of all branches were taken.

What counts as a branch is what somebody decided: a condition, a loop, a case. GCC also makes two of every call that
may throw, one for the exception and one for its absence, and more in what it clears away behind an exception. This
room throws and catches nothing, so that build compiles it without exceptions, and they are not there. Should one be
marked as an exception's nevertheless, it is left out with the one beside it.
"""
import argparse
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRUST_CODE = pathlib.Path("agent/source/tuf")
# Whole sessions of the client and of the source, and what fuzzing found.
SESSIONS = r"^(corpus_replay\.tuf_|integration\.(tuf|source\.tuf))"


class Coverage:
    """Counts of one source file, added up over all objects that were made of it."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.Counter()  # by line, function and number

    def add(self, report):
        for line in report["lines"]:
            number = line["line_number"]
            self.lines[number] += line["count"]
            for index, count in enumerate(decided(line["branches"])):
                self.branches[number, line.get("function_name", ""), index] += count

    @staticmethod
    def share(counts):
        return sum(1 for count in counts.values() if count > 0), len(counts)


def decided(branches):
    """Counts of the branches that stand in the source. The two ways out of a call stand side by side."""
    counts, index = [], 0
    while index < len(branches):
        pair = branches[index:index + 2]
        if any(branch["throw"] for branch in pair):
            index += 2
            continue
        counts.append(branches[index]["count"])
        index += 1
    return counts


def run_tests(build):
    for counter in build.glob(f"{TRUST_CODE}/**/*.gcda"):
        counter.unlink()
    programs = sorted(path for path in (build / "tests/unit/tuf").glob("*_test") if path.is_file())
    for program in programs:
        subprocess.run([program, "--gtest_brief=1"], check=True)
    subprocess.run(["ctest", "-j2", "--output-on-failure", "--no-tests=error", "-R", SESSIONS,
                    "-LE", "measured"], cwd=build, check=True)


def collect(build):
    files = collections.defaultdict(Coverage)
    for notes in sorted((build / TRUST_CODE).glob("**/*.gcno")):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["gcov", "--branch-probabilities", "--json-format", notes.resolve()], cwd=folder, check=True,
                           capture_output=True)
            for written in pathlib.Path(folder).glob("*.gcov.json.gz"):
                report = json.loads(gzip.decompress(written.read_bytes()))
                for part in report["files"]:
                    path = (build / part["file"]).resolve()
                    if path.parent == ROOT / TRUST_CODE:
                        files[path.name].add(part)
    return files


def percent(share):
    taken, of = share
    return 100.0 * taken / of if of else 100.0


def show(files, missing):
    total_lines, total_branches = [0, 0], [0, 0]
    print(f"{'':24}{'lines':>20}{'branches':>22}")
    for name in sorted(files):
        lines, branches = Coverage.share(files[name].lines), Coverage.share(files[name].branches)
        for total, share in ((total_lines, lines), (total_branches, branches)):
            total[0] += share[0]
            total[1] += share[1]
        show_row(name, lines, branches)
        if missing:
            gaps = sorted({line for (line, _, _), count in files[name].branches.items() if count == 0})
            gaps += [f"line {line}" for line, count in sorted(files[name].lines.items()) if count == 0]
            print(f"    not taken: {', '.join(map(str, gaps))}" if gaps else "    all taken")
    show_row("total", total_lines, total_branches)
    return percent(total_branches)


def show_row(name, lines, branches):
    def cell(share):
        return f"{percent(share):.1f} % ({share[0]}/{share[1]})"
    print(f"{name:24}{cell(lines):>20}{cell(branches):>22}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--least", type=float, default=95.0, help="percent of all branches")
    parser.add_argument("--missing", action="store_true", help="name the lines of branches that no test takes")
    parser.add_argument("--counted", action="store_true", help="show what an earlier run counted")
    options = parser.parse_args()
    if not options.counted:
        run_tests(options.build)
    files = collect(options.build.resolve())
    if not files:
        sys.exit(f"trust_code.py: {options.build} was not built with the preset coverage")
    reached = show(files, options.missing)
    if reached < options.least:
        sys.exit(f"trust_code.py: {reached:.1f} % of the branches are taken, {options.least:.0f} % are asked for")
    print(f"coverage: {reached:.1f} % of the branches of {TRUST_CODE}/ are taken")


if __name__ == "__main__":
    main()
