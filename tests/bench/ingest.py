#!/usr/bin/python3
"""How fast a release comes in: a source pulling it into the store, against the same bytes by `curl -o`, `sync` and
`sha256sum`, both from the same nginx over TLS on loopback, taken in turns.

Prints a Markdown table: the ratio of throughputs (median over rounds, and the range), the processor time of both, and bytes written to
the disk over the payload: as the kernel charged them to each process (write_bytes less cancelled_write_bytes), and
sectors of the block device where the folder lies on one. That must be a real disk; the default is the build folder's."""
import argparse
import hashlib
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
import services  # noqa: E402
import site_writer  # noqa: E402

MIB = 1 << 20


def sectors_written(folder):
    """Bytes that the folder's block device has taken so far, or None when it lies on none."""
    device = os.stat(folder).st_dev
    try:
        text = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text()
    except OSError:
        return None
    return int(text.split()[6]) * 512


def measured(folder, *commands):
    """Runs commands one after the other; gives seconds, CPU seconds, bytes charged, bytes on the device."""
    os.sync()
    device, written = sectors_written(folder), 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    for command in commands:
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
        output = process.stdout.read()
        # Ended but not yet waited for: its counters are still there.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines():
            name, count = line.split(": ")
            # What was truncated before the kernel had written it never reached the disk.
            written += {"write_bytes": 1, "cancelled_write_bytes": -1}.get(name, 0) * int(count)
        if process.wait() != 0:
            raise SystemExit(f"{command[0]} failed: {output!r}")
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.sync()
    device_after = sectors_written(folder)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "written": written,
            "device": None if device is None else device_after - device, "output": output}


def pull(probe, folder, cloud, certificates, public_key, digest):
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    ini = folder / "ferry.ini"
    ini.write_text(f"[storage]\npath = {store}\n[product.meter]\n[source.cloud]\ntype = https\n"
                   f"url = https://127.0.0.1:{cloud.port}/\npublic_key = {public_key}\nca_file = {certificates.ca}\n")
    result = measured(folder, [probe, ini, "pull"])
    if f"{digest} whole" not in result.pop("output").decode():
        raise SystemExit("the pulled artifact is not the one that was published")
    return result


def download(folder, cloud, certificates, url, digest):
    target = folder / "downloaded"
    target.unlink(missing_ok=True)
    result = measured(folder,
                      ["curl", "-sS", "--fail", "--cacert", certificates.ca, "-o", target,
                       f"https://127.0.0.1:{cloud.port}/{url}"],
                      ["sync", target], ["sha256sum", target])
    if digest not in result.pop("output").decode():
        raise SystemExit("curl brought other bytes")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench", help="build folder")
    parser.add_argument("--size", type=int, default=256, help="MiB")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", help="where both write; default: the build folder")
    parser.add_argument("--json", help="file that gets the figures")
    options = parser.parse_args()
    probe = pathlib.Path(options.build).resolve() / "tests/integration/source_probe"
    with tempfile.TemporaryDirectory(dir=options.folder or options.build, prefix="bench-ingest-") as name:
        folder = pathlib.Path(name).resolve()
        os.chmod(folder, 0o755)
        certificates = services.Certificates(folder / "tls")
        key, public_key = site_writer.make_key(folder)
        site = site_writer.SiteWriter(folder / "site", key)
        content = os.urandom(options.size * MIB)
        digest = hashlib.sha256(content).hexdigest()
        url = site.add("1.0", [("firmware", "firmware_1.0.bin", content)])[0]["url"]
        site.publish()
        del content
        ours, theirs = [], []
        with services.Nginx(folder / "nginx", site.folder, certificates) as cloud:
            download(folder, cloud, certificates, url, digest)  # warms the page cache for both
            for _ in range(options.rounds):
                ours.append(pull(probe, folder, cloud, certificates, public_key, digest))
                theirs.append(download(folder, cloud, certificates, url, digest))
    report(options, ours, theirs)


def report(options, ours, theirs):
    payload = options.size * MIB
    ratios = sorted(theirs[i]["seconds"] / ours[i]["seconds"] for i in range(options.rounds))

    def median(rows, key):
        return statistics.median(row[key] for row in rows)
    result = {
        "payload_bytes": payload, "rounds": options.rounds,
        "throughput_ratio": statistics.median(ratios), "lowest_ratio": ratios[0], "highest_ratio": ratios[-1],
        "ferry_mib_per_second": options.size / median(ours, "seconds"),
        "curl_mib_per_second": options.size / median(theirs, "seconds"),
        "ferry_cpu_seconds": median(ours, "cpu"), "curl_cpu_seconds": median(theirs, "cpu"),
        "ferry_written_over_payload": median(ours, "written") / payload,
        "curl_written_over_payload": median(theirs, "written") / payload,
    }
    if ours[0]["device"] is not None:
        result["ferry_device_over_payload"] = median(ours, "device") / payload
        result["curl_device_over_payload"] = median(theirs, "device") / payload
    print(f"Ingest of {options.size} MiB over TLS from nginx, {options.rounds} rounds in turns, medians.\n")
    print("| | ferry | curl -o + sync + sha256sum | ratio | to reach |\n|---|---|---|---|---|")
    print(f"| throughput, MiB/s | {result['ferry_mib_per_second']:.0f} | {result['curl_mib_per_second']:.0f} | "
          f"{result['throughput_ratio']:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | at least 1.2 |")
    print(f"| processor time, s | {result['ferry_cpu_seconds']:.2f} | {result['curl_cpu_seconds']:.2f} | "
          f"{result['ferry_cpu_seconds'] / result['curl_cpu_seconds']:.2f} | |")
    print(f"| bytes written to disk over payload | {result['ferry_written_over_payload']:.3f} | "
          f"{result['curl_written_over_payload']:.3f} | | at most 1.2 |")
    if "ferry_device_over_payload" in result:
        print(f"| as the device counts, with what others wrote | {result['ferry_device_over_payload']:.3f} | "
              f"{result['curl_device_over_payload']:.3f} | | |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
