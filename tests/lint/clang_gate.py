#!/usr/bin/python3
"""Compiles the product with clang as well (-fsyntax-only): it warns where GCC 12 silently miscompiles or
ignores. Takes the build folder whose compile_commands.json lists the files, then any tests to be looked at
as well: those that changed. The fuzz targets are built by clang anyway."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

# GCC's own warnings, which clang does not know.
GCC_ONLY = {"-Wno-maybe-uninitialized", "-Wno-restrict", "-Wno-stringop-overflow", "-Wno-tsan"}


def command_of(entry):
    words = shlex.split(entry["command"])
    while words and os.path.basename(words[0]) == "ccache":
        words.pop(0)
    compiler = "clang-14" if entry["file"].endswith(".c") else "clang++-14"
    kept, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word in ("-c", "-MD", "-MMD") or word in GCC_ONLY:
            continue
        else:
            kept.append(word)
    return [compiler, *kept, "-fsyntax-only"]


def run(entry):
    done = subprocess.run(command_of(entry), cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], done.returncode, done.stderr


def main():
    entries = json.loads(pathlib.Path(sys.argv[1], "compile_commands.json").read_text())
    also = {str(pathlib.Path(name).resolve()) for name in sys.argv[2:]}
    tests = str(pathlib.Path(__file__).resolve().parents[1])
    entries = [entry for entry in entries if entry["file"] in also or not entry["file"].startswith(tests)]
    entries = [entry for entry in entries if "asio_impl" not in entry["file"]]
    # The long ones first, so that the last minute is not one file alone.
    entries.sort(key=lambda entry: "asio" not in entry["command"])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, status, errors in pool.map(run, entries):
            if status != 0:
                failed += 1
                print(errors)
    print(f"clang: {len(entries)} files, {failed} refused")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
