#!/usr/bin/python3
"""Looks at what changed with clang as well (-fsyntax-only): it warns where GCC 12 silently miscompiles or ignores.
Takes the build folder of a preset that compiles with clang, and the files that changed; a header that changed has
the whole product looked at. (`./dev sanitize` compiles everything with it.)"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

TESTS = str(pathlib.Path(__file__).resolve().parents[1]) + "/"


def command_of(entry):
    words = shlex.split(entry["command"])
    while os.path.basename(words[0]) == "ccache":
        words.pop(0)
    words[words.index("-o"):words.index("-o") + 2] = ["-fsyntax-only"]
    return words


def run(entry):
    done = subprocess.run(command_of(entry), cwd=entry["directory"], capture_output=True, text=True)
    return done.returncode, done.stderr


def is_product(entry):
    return not entry["file"].startswith(entry["directory"] + "/tests/")


def holds(entry, changed):
    """Whether what is compiled there is one of those files, or is joined of them."""
    text = pathlib.Path(entry["file"]).read_text()
    return any(name == entry["file"] or f'"{name}"' in text for name in changed)


def main():
    entries = json.loads(pathlib.Path(sys.argv[1], "compile_commands.json").read_text())
    changed = [str(pathlib.Path(name).resolve()) for name in sys.argv[2:]]
    whole = any(name.endswith((".hpp", ".h")) and not name.startswith(TESTS) for name in changed)
    entries = [entry for entry in entries if (whole and is_product(entry)) or holds(entry, changed)]
    # The long ones first, so that the last minute is not one file alone.
    entries.sort(key=lambda entry: "asio" not in entry["command"])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, errors in pool.map(run, entries):
            if status != 0:
                failed += 1
                print(errors)
    print(f"clang: {len(entries)} compilations, {failed} refused")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
