#!/usr/bin/python3
"""A full outbox that is sent while devices are served. 100,000 events wait in the store of a gateway whose broker was
away; the broker comes back, and what they cost is measured: disk, the time until all are sent, and how much slower
devices are served meanwhile. ferryd, its host and Debian's mosquitto (TLS, passwords, an access list) are the real
ones. The gateway has one processor to itself, as small as gateways are; devices, broker and subscriber share the other.

It is compared with a second gateway that reports to the same broker and has nothing waiting. Windows with the one and
the other take turns; whoever's turn it is not is stopped (SIGSTOP). Then the first goes on until its last event was
sent. `bytes`: 8 connections that take ranges of 64 KiB of one image, as many as there can be. `asks`: devices that were
never seen before ask for their offer, one after the other; of each, the agent writes a row down before it answers, and
tells the broker.

While other programs want the gateway's processor too, the ratios suffer: what sending takes of a second stays, what is
left for devices does not. So processor time is measured as well: what sending takes of a second, and the ratio of
`bytes` that this would leave on a processor that nobody else uses: the share of the hosts in it, over their time for a
request. Prints a Markdown table and fails where a figure is not reached."""
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

import gateway as g  # noqa: E402
import event_rig as events  # noqa: E402
from mqtt_broker import Broker  # noqa: E402
from services import Certificates  # noqa: E402

SIZE, PIECE, CONNECTIONS = 16 << 20, 64 << 10, 8
KINDS = {"bytes": "ranges of 64 KiB a second", "asks": "first asks of devices a second"}
MOST_MIB, MOST_SECONDS, LEAST_RATIO = 40, 60, 0.9


class Window:
    """What a gateway did in a while."""

    def __init__(self, gateway):
        self.pids = gateway.process.pid, gateway.transport()["pid"]
        self.begin, self.before = time.monotonic(), self.times()
        self.rate = self.seconds = self.agent = self.host_per_request = 0.0

    def times(self):
        return [g.cpu_seconds(pid) for pid in self.pids]

    def end(self, rate):
        self.rate, self.seconds = rate, time.monotonic() - self.begin
        agent, host = (after - before for before, after in zip(self.before, self.times()))
        self.agent = agent / self.seconds  # of a processor
        self.host_per_request = host / (rate * self.seconds)
        return self


class Rig:
    """The processors shared out, a broker, and a store with a release and all the events, another with the release
    alone."""

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
            # In a session of its own: Linux shares processors out by sessions (sched(7), autogroup), and one that
            # devices are in as well would give them more of the gateway's share the less it does.
            self.command = ["setsid", "taskset", "-c", str(processors[0])]
            os.sched_setaffinity(0, {processors[1]})
        g.write_release(folder / "releases", "1.0", random.Random(1).randbytes(SIZE))

    def gateway(self, name, store, more=""):
        # The events of what the benchmark does come on top of those that wait.
        text = events.sections(self.folder, self.broker, more=f"outbox_limit = {2 * self.options.events}\n{more}")
        gateway = g.Gateway(self.folder / name, text, self.build, name=name, store=store, command=self.command,
                            log_level="warning")
        gateway.start()
        gateway.wait_for_release("pump", "1.0")
        return gateway

    def full(self):
        return self.gateway("van-1", self.copy("kept"))

    def idle(self):
        """Below the topics that the access list leaves the gateway."""
        return self.gateway("idle", self.copy("empty"), "prefix = ferry/van-1\n")

    def copy(self, kept):
        store = self.folder / "stores" / kept
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.folder / kept, store)
        return store

    def make_stores(self):
        """Gives the bytes on disk that the events cost."""
        kept = self.folder / "kept"
        self.gateway("van-1", kept).stop()
        shutil.copytree(kept, self.folder / "empty")
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
                               "/pump/1.0/firmware_1.0.bin", str(SIZE), str(PIECE), "keep", str(CONNECTIONS),
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
            connection.request("GET", f"/pump/offer.json?id=d{self.asked}&version=0.9")
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
        return events.let_back(self.broker, gateway, lambda: self.subscribe(output))


class Stopped:
    """A gateway that is running in its `with` blocks alone, its host as well."""

    def __init__(self, gateway):
        self.gateway, self.pids = gateway, [gateway.process.pid, gateway.transport()["pid"]]
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        for pid in self.pids:
            os.kill(pid, number)

    def __enter__(self):
        self.signal(signal.SIGCONT)
        return self.gateway

    def __exit__(self, *_):
        self.signal(signal.SIGSTOP)

    def end(self):
        self.signal(signal.SIGKILL)


class Round:
    """One sending of all events; `pairs` are windows (without, with) of each kind."""

    def __init__(self, rig):
        self.rig = rig
        self.pairs = {kind: [] for kind in KINDS}
        self.seconds = 0.0  # in which events could be sent

    def run(self):
        rig, output = self.rig, self.rig.folder / "arrived"
        rig.asked = 0  # more than 10,000 devices are not kept
        full, idle = rig.full(), rig.idle()
        for gateway in (idle, full):
            for kind in KINDS:
                rig.serve(gateway, kind)
        subscriber = rig.connect(full, output)
        full = Stopped(full)
        events.connected(idle)
        idle = Stopped(idle)
        for turn in range(rig.options.pairs):
            for kind in KINDS:
                self.pair(idle, full, kind, turn % 2 == 0)
        with full as gateway:
            while self.waiting(gateway) > 0:
                self.seconds += self.window(gateway, "bytes").seconds
            g.wait_for(lambda: self.missing(output) == 0, "the last of them")
        for stopped in (full, idle):
            stopped.end()
        subscriber.terminate()
        subscriber.wait()
        rig.broker.stop()
        return self

    def waiting(self, gateway):
        return gateway.status()["monitor"]["waiting"]

    def window(self, gateway, kind):
        window = Window(gateway)
        return window.end(self.rig.serve(gateway, kind))

    def pair(self, idle, full, kind, idle_first):
        got = {}
        for stopped in (idle, full) if idle_first else (full, idle):
            with stopped as gateway:
                got[stopped] = self.window(gateway, kind)
                if stopped is full and self.waiting(gateway) == 0:
                    raise SystemExit("all were sent before the windows were over: fewer --pairs, or more --events")
        self.seconds += got[full].seconds
        self.pairs[kind].append((got[idle], got[full]))

    def missing(self, output):
        arrived = {json.loads(line).get("sequence") for line in output.read_text().splitlines() if line.endswith("}")}
        return len(self.rig.waiting - arrived)


def left_of_a_processor(pair):
    """The ratio of `bytes` as processor time has it."""
    without, with_events = ((1 - window.agent) / window.host_per_request for window in pair)
    return with_events / without


def table(disk, rounds, options):
    seconds = max(one.seconds for one in rounds)
    rows = [("on disk", f"{disk / 2**20:.1f} MiB", f"under {MOST_MIB} MiB", disk / 2**20 < MOST_MIB),
            ("sent after the broker came back, at most", f"{seconds:.1f} s", f"{MOST_SECONDS} s", seconds <= MOST_SECONDS)]
    pairs = {kind: [pair for one in rounds for pair in one.pairs[kind]] for kind in KINDS}
    for kind, words in KINDS.items():
        ratios = [with_events.rate / without.rate for without, with_events in pairs[kind]]
        ratio, (low, _, high) = statistics.median(ratios), statistics.quantiles(ratios, n=4)
        without, with_events = (statistics.median(pair[i].rate for pair in pairs[kind]) for i in (0, 1))
        rows.append((f"{words}: without, with, ratio (half of them between)",
                     f"{without:.0f}, {with_events:.0f}, {ratio:.2f} ({low:.2f} to {high:.2f})",
                     f"at least {LEAST_RATIO}", ratio >= LEAST_RATIO))
    share = statistics.median(with_events.agent - without.agent for without, with_events in pairs["bytes"])
    left = statistics.median(left_of_a_processor(pair) for pair in pairs["bytes"])
    rows.append(("of a processor, sending takes", f"{share:.3f}", "", True))
    rows.append(("ratio of ranges by processor time", f"{left:.2f}", "", True))
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
        disk = rig.make_stores()
        text, reached = table(disk, [Round(rig).run() for _ in range(options.rounds)], options)
    print(text)
    if not reached:
        raise SystemExit("a figure is not reached")


if __name__ == "__main__":
    main()
