#!/usr/bin/python3
"""Storage against a plain file: ratios of the same work done both ways, in the same run, interleaved.

usage: storage.py --build FOLDER [--repetitions N]
"""

import argparse
import json
import statistics
import subprocess


def measure(program, repetitions):
    output = subprocess.run(
        [program, "--benchmark_format=json", f"--benchmark_repetitions={repetitions}",
         "--benchmark_enable_random_interleaving=true"],
        check=True, capture_output=True, text=True).stdout
    times = {}
    for run in json.loads(output)["benchmarks"]:
        if run["run_type"] == "iteration":
            scale = {"ns": 1e-3, "ms": 1e3}[run["time_unit"]]
            times.setdefault(run["run_name"], []).append(run["real_time"] * scale)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    subprocess.run(["cmake", "--build", options.build, "--target", "storage_bench"], check=True,
                   stdout=subprocess.DEVNULL)
    times = measure(f"{options.build}/tests/bench/storage_bench", options.repetitions)
    print(f"{'':24} {'pack':>12} {'plain file':>12} {'time, pack : file':>18}")
    for size in (512, 4096, 65536):
        pack, plain = times[f"pack_read/{size}"], times[f"file_read/{size}"]
        print(f"read {size:6} bytes        {pack:9.2f} µs {plain:9.2f} µs {pack / plain:18.2f}")
    pack, plain = (times[f"{kind}_ingest/iterations:3/real_time"] for kind in ("pack", "file"))
    print(f"ingest of 64 MiB         {pack / 1e3:9.0f} ms {plain / 1e3:9.0f} ms {pack / plain:18.2f}")
    print(f"first read of 64 MiB, each chunk checked: {times['pack_first_read'] / 1e3:.0f} ms")


if __name__ == "__main__":
    main()
