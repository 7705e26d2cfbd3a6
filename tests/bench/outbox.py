#!/usr/bin/python3
"""A full outbox that is sent while devices are served. 100,000 events wait in the store of a gateway whose broker was
away; the broker comes back, and what they cost is measured: disk, the time until all are sent, and how much slower
devices are served meanwhile. ferryd, its host and Debian's mosquitto (TLS, passwords, an access list) are the real
ones. The gateway has one processor to itself, as small as gateways are. Devices have the other, with as much of it as
they want; what broker and subscriber get of it is left over, since in the field they are other machines.

Windows without and with events take turns in the same run: for those without, the broker is stopped (SIGSTOP). Then
devices are served until the last event was sent. `bytes`: 8 connections that take ranges of 64 KiB of one image, as many
as there can be. `asks`: devices that were never seen before ask for their offer, one after the other; of each, the agent
writes a row down before it answers. While other programs want the gateway's processor too, the ratios suffer: what
sending takes of a second stays, what is left for devices does not. So its share of a processor is measured as well.
Prints a Markdown table and fails where a figure is not reached."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In place of this folder, whose http.py would stand in for the library's.
sys.path[0] = str(ROOT / "tests" / "integration")

import http.client  # noqa: E402

import event_rig as events  # noqa: E402
import gateway as g  # noqa: E402
from mqtt_broker import Broker  # noqa: E402
from services import Certificates  # noqa: E402

SIZE, PIECE, CONNECTIONS = 16 << 20, 64 << 10, 8
KINDS = {"bytes": "ranges of 64 KiB a second", "asks": "first asks of devices a second"}
MOST_MIB, MOST_SECONDS, LEAST_RATIO = 40, 60, 0.9
SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = bench
[product.bench]
device_id = query:id
device_version = query:version
[transport.wifi]
plugin = http
listen = 127.0.0.1:0
[monitor]
broker = 127.0.0.1:{port}
ca_file = {ca}
user = van-1
password_file = {folder}/password
outbox_limit = {limit}
"""


def give_way(pid):
    """To all other programs, also where the kernel shares out processors by sessions (sched(7), autogroup)."""
    os.setpriority(os.PRIO_PROCESS, pid, 19)
    session = pathlib.Path(f"/proc/{pid}/autogroup")
    if session.exists():
        session.write_text("19")


class Rig:
    """The processors shared out, a broker, and a store with a release and all the events."""

    def __init__(self, folder, options):
        self.folder, self.options, self.build = folder, options, g.Build(options.build)
        certificates = Certificates(folder / "certificates")
        # mosquitto would drop what the subscriber does not read at once.
        self.broker = Broker(folder, certificates, more="max_queued_messages 0\n")
        self.login = ["-h", "127.0.0.1", "-p", str(self.broker.port), "--cafile", str(certificates.ca)]
        self.asked = 0
        self.command = []
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) > 1:
            self.command = ["taskset", "-c", str(processors[0])]
            os.sched_setaffinity(0, {processors[1]})
        password = folder / "password"
        password.write_text("right\n")
        password.chmod(0o600)
        g.write_release(folder / "releases", "1.0", random.Random(1).randbytes(SIZE))
        # Those of what the benchmark does come on top.
        self.text = SECTIONS.format(folder=folder, port=self.broker.port, ca=certificates.ca,
                                    limit=2 * options.events)

    def gateway(self, store=None):
        return g.Gateway(self.folder / "gw", self.text, self.build, name="van-1", store=store, command=self.command,
                         log_level="warning")

    def make_store(self):
        """Gives the bytes on disk that the events cost."""
        kept = self.folder / "kept"
        with self.gateway(kept) as gateway:
            gateway.start()
            gateway.wait_for_release("bench", "1.0")
            gateway.stop()
        before = events.bytes_on_disk(kept)
        events.fill(self.build.folder / "tests/integration/monitor_probe", kept, self.options.events)
        used = events.bytes_on_disk(kept) - before
        self.waiting = events.waiting(kept)
        return used

    def serve(self, gateway, kind):
        """How many are served in a second."""
        return self.serve_bytes(gateway) if kind == "bytes" else self.serve_asks(gateway)

    def serve_bytes(self, gateway):
        done = subprocess.run([self.build.folder / "tests/bench/http_load", str(gateway.port()),
                               "/bench/1.0/firmware_1.0.bin", str(SIZE), str(PIECE), "keep", str(CONNECTIONS),
                               str(self.options.seconds)], capture_output=True, text=True, check=True)
        count = json.loads(done.stdout)
        if count["errors"]:
            raise SystemExit(f"{count['errors']} requests failed")
        return count["requests"] / count["seconds"]

    def serve_asks(self, gateway):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=60)
        begin, done = time.monotonic(), 0
        while time.monotonic() - begin < self.options.seconds:
            self.asked += 1
            connection.request("GET", f"/bench/offer.json?id=d{self.asked}&version=0.9")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"an ask was answered by {answer.status}")
            done += 1
        connection.close()
        return done / (time.monotonic() - begin)

    def subscribe(self, output):
        """A subscriber that writes down what it gets; it listens as soon as its mark has come back."""
        with open(output, "wb") as file:
            subscriber = subprocess.Popen(["nice", "-n", "19", "mosquitto_sub", *self.login, "-u", "fleet", "-P",
                                           "reads", "-t", "ferry/van-1/event", "-t", "ferry/mark/command"],
                                          stdout=file, preexec_fn=g.die_with_parent)

        def marked():
            subprocess.run(["mosquitto_pub", *self.login, "-u", "operator", "-P", "says", "-t", "ferry/mark/command",
                            "-m", "{}"], check=True)
            return output.stat().st_size > 0
        g.wait_for(marked, "the subscriber listens")
        return subscriber

    def connect(self, gateway, output):
        """The broker comes back; nothing is sent before there is somebody to count it."""
        gateway.process.send_signal(signal.SIGSTOP)
        self.broker.__enter__()
        give_way(self.broker.process.pid)
        subscriber = self.subscribe(output)
        gateway.process.send_signal(signal.SIGCONT)
        gateway.ask("POST", "/v1/monitor/test")
        g.wait_for(lambda: gateway.status()["monitor"]["state"] == "connected", "the connection", interval=0.005)
        return subscriber


class Round:
    """One sending of all events; `pairs` are (without, with) of each kind."""

    def __init__(self, rig):
        self.rig = rig
        self.pairs = {kind: [] for kind in KINDS}
        self.shares = []  # of a processor that ferryd needs for the events, of pairs of `bytes`
        self.seconds = 0.0  # in which the broker ran

    def run(self):
        rig = self.rig
        store, output = rig.folder / "gw" / "store", rig.folder / "arrived"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(rig.folder / "kept", store)
        rig.asked = 0  # more than 10,000 devices are not kept
        with rig.gateway() as gateway:
            gateway.start()
            gateway.wait_for_release("bench", "1.0")
            for kind in KINDS:
                rig.serve(gateway, kind)
            subscriber = rig.connect(gateway, output)
            for turn in range(rig.options.pairs):
                for kind in KINDS:
                    self.pair(gateway, kind, turn % 2 == 0)
            while self.waiting(gateway) > 0:
                self.timed(gateway, "bytes")
            g.wait_for(lambda: self.missing(output) == 0, "the last of them")
        subscriber.terminate()
        subscriber.wait()
        rig.broker.stop()
        return self

    def waiting(self, gateway):
        return gateway.status()["monitor"]["waiting"]

    def timed(self, gateway, kind):
        begin = time.monotonic()
        rate = self.rig.serve(gateway, kind)
        self.seconds += time.monotonic() - begin
        return rate

    def pair(self, gateway, kind, stopped_first):
        got, share = {}, {}
        for stopped in (stopped_first, not stopped_first):
            begin, before = time.monotonic(), g.cpu_seconds(gateway.process.pid)
            if stopped:
                self.rig.broker.process.send_signal(signal.SIGSTOP)
                got[True] = self.rig.serve(gateway, kind)
                self.rig.broker.process.send_signal(signal.SIGCONT)
            else:
                got[False] = self.timed(gateway, kind)
            share[stopped] = (g.cpu_seconds(gateway.process.pid) - before) / (time.monotonic() - begin)
        if self.waiting(gateway) == 0:
            raise SystemExit("all were sent before the windows were over: fewer --pairs, or more --events")
        self.pairs[kind].append((got[True], got[False]))
        if kind == "bytes":
            self.shares.append(share[False] - share[True])

    def missing(self, output):
        arrived = {json.loads(line).get("sequence") for line in output.read_text().splitlines() if line.endswith("}")}
        return len(self.rig.waiting - arrived)


def table(disk, rounds, options):
    seconds = max(one.seconds for one in rounds)
    rows = [("on disk", f"{disk / 2**20:.1f} MiB", f"under {MOST_MIB} MiB", disk / 2**20 < MOST_MIB),
            ("sent after the broker came back, at most", f"{seconds:.1f} s", f"{MOST_SECONDS} s", seconds <= MOST_SECONDS)]
    for kind, words in KINDS.items():
        pairs = [pair for one in rounds for pair in one.pairs[kind]]
        ratio = statistics.median(with_events / without for without, with_events in pairs)
        without, with_events = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        rows.append((f"{words}: without, with, ratio", f"{without:.0f}, {with_events:.0f}, {ratio:.2f}",
                     f"at least {LEAST_RATIO}", ratio >= LEAST_RATIO))
    share = statistics.median(share for one in rounds for share in one.shares)
    rows.append(("of a processor, sending takes", f"{share:.3f}", "", True))
    lines = [f"{options.events} events, {options.rounds} rounds with {options.pairs} pairs of windows of "
             f"{options.seconds} s of each kind, medians; load average of the machine {os.getloadavg()[0]:.1f}.", "",
             "| what | measured | to reach |", "|---|---|---|"]
    lines += [f"| {what} | {measured} | {bound} |" for what, measured, bound, _ in rows]
    return "\n".join(lines), all(reached for *_, reached in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench", help="build folder")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a window")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ferry-bench-") as scratch:
        rig = Rig(pathlib.Path(scratch), options)
        disk = rig.make_store()
        text, reached = table(disk, [Round(rig).run() for _ in range(options.rounds)], options)
    print(text)
    if not reached:
        raise SystemExit("a figure is not reached")


if __name__ == "__main__":
    main()
