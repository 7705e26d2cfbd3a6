#!/usr/bin/python3
"""What devices make happen reaches the broker, whoever is killed meanwhile: the whole gateway over http, and Debian's
mosquitto. FERRY_KILLS is the number of kills of each; ./dev soak has 50, with 10,000 events."""
import contextlib
import http.client
import json
import os
import pathlib
import queue
import random
import sqlite3
import tempfile
import threading
import unittest

import event_rig
import gateway as g
from mqtt_broker import Broker
from mqtt_listener import Listener
from mqtt_rig import ROOT
from services import Certificates, free_port

KILLS = int(os.environ.get("FERRY_KILLS", "3"))
DEVICES_FOR_EACH_KILL = 105  # of two events each, where no kill comes between them
AT_ONCE = 4
MOST_MESSAGES = 12  # for one delivery to one device, progress aside


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.certificates = Certificates(pathlib.Path(holder.name) / "certificates")

    def setUp(self):
        self.folder = g.scratch(self)
        self.port = free_port()
        self.updated = set()  # devices that have all bytes
        g.write_release(self.folder / "releases", "1.1", random.Random(7).randbytes(3000))
        self.broker = Broker(self.folder, self.certificates)
        self.addCleanup(self.broker.stop)
        self.arrivals = event_rig.Arrivals(ROOT + "event")

    def start(self, more=""):
        self.gateway = g.Gateway(self.folder / "gw", event_rig.sections(self.folder, self.broker, self.port, more),
                                 name="van-1")
        self.addCleanup(self.gateway.__exit__, None)
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")

    def listen(self):
        listener = Listener(self.broker.port, self.certificates.ca, "fleet", "reads", ["#"])
        self.addCleanup(listener.close)
        self.arrivals.add(listener)

    def connected(self):
        event_rig.connected(self.gateway)

    def ask(self, connection, path):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 204):
            raise ConnectionError(f"{path}: {answer.status}")
        return body

    def update(self, device):
        """As a device does it: asks, fetches, runs it, and asks again."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=g.TIME_LIMIT)
        try:
            if device not in self.updated:
                offer = self.ask(connection, f"/pump/offer.json?id={device}&version=1.0")
                self.ask(connection, json.loads(offer)["artifacts"][0]["url"] + f"?id={device}&version=1.0")
                self.updated.add(device)
            self.show(connection, device)
        finally:
            connection.close()

    def show(self, connection, device):
        self.ask(connection, f"/pump/offer.json?id={device}&version=1.1")

    def outcomes(self):
        """{device: state of its newest delivery}, as the store has them all."""
        return {d["id"]: (d["delivery"] or {}).get("state") for d in self.gateway.get("/v1/devices")}


class Fleet:
    """Devices that are updated one after the other, some at once, and try again for as long as nobody answers."""

    def __init__(self, case, count):
        self.case, self.left, self.done = case, queue.SimpleQueue(), 0
        self.lock = threading.Lock()
        for number in range(count):
            self.left.put(f"d{number}")
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(AT_ONCE)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while True:
            try:
                device = self.left.get_nowait()
            except queue.Empty:
                return
            g.wait_for(lambda: self.updated(device), f"{device} is updated", 2 * g.TIME_LIMIT, 0.01)  # noqa: B023
            with self.lock:
                self.done += 1

    def updated(self, device):
        try:
            self.case.update(device)
        except (OSError, http.client.HTTPException):
            return False
        return True

    def join(self):
        for thread in self.threads:
            thread.join()


class Killed(Served):
    def test_none_is_missing_when_broker_and_gateway_are_killed_at_random(self):
        self.broker.__enter__()
        self.listen()
        self.start()
        count = KILLS * DEVICES_FOR_EACH_KILL
        dice = random.Random(count)
        kills = [self.kill_gateway, self.kill_broker] * KILLS
        dice.shuffle(kills)
        moments = sorted(dice.randrange(count) for _ in kills)
        fleet = Fleet(self, count)
        for moment, kill in zip(moments, kills):
            g.wait_for(lambda at=moment: fleet.done >= at, "devices go on", 10 * g.TIME_LIMIT, 0.001)
            kill()
        fleet.join()
        self.assertEqual(fleet.done, count)
        self.show_all(count)
        self.connected()
        g.wait_for(lambda: self.gateway.status()["monitor"]["waiting"] == 0, "the outbox is empty", 2 * g.TIME_LIMIT)
        self.gateway.stop()
        self.check(count)

    def kill_gateway(self):
        self.gateway.kill()
        self.gateway.start()

    def kill_broker(self):
        self.broker.kill()
        self.arrivals.listeners[-1].read_to_the_end()
        event_rig.let_back(self.broker, self.gateway, self.listen)

    def show_all(self, count):
        """A device asks again and again; what it had said right before a kill was not yet written down."""
        def all_installed():
            states = self.outcomes()
            missing = [f"d{n}" for n in range(count) if states.get(f"d{n}") != "installed"]
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=g.TIME_LIMIT)
            for device in missing:
                self.show(connection, device)
            connection.close()
            return not missing
        g.wait_for(all_installed, "all devices are known to run it", 2 * g.TIME_LIMIT, 0.2)

    def check(self, count):
        with contextlib.closing(sqlite3.connect(f"file:{self.gateway.store}/catalog.db?mode=ro", uri=True)) as catalog:
            last, = catalog.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
            self.assertEqual(catalog.execute("SELECT count(*) FROM outbox").fetchone(), (0,))
        self.arrivals.listeners[-1].close()
        twice = self.arrivals.check(self, last)
        # A repetition is known by its number: none stands for two events, and no outcome has two.
        told = {}
        for event in self.arrivals.events():
            known = told.setdefault(event["sequence"], event)
            self.assertEqual(known, event)
        self.assertGreaterEqual(len(told), 200 * KILLS)
        devices = {kind: sorted(e["detail"]["device"] for e in told.values() if e["kind"] == kind)
                   for kind in ("delivered", "installed")}
        self.assertEqual(devices["installed"], sorted(f"d{n}" for n in range(count)))
        # Of a transfer whose end nobody was there to note, the device's new version is the first news.
        self.assertEqual(len(devices["delivered"]), len(set(devices["delivered"])))
        print(f"{last} events of {count} devices over http; broker and ferryd killed {KILLS} times each: 0 missing, "
              f"{twice} more than once")


class Bounded(Served):
    LIMIT, DEVICES = 30, 40

    def test_a_full_outbox_gives_up_steps_before_outcomes_and_says_how_many(self):
        self.start(f"outbox_limit = {self.LIMIT}\n")
        for number in range(self.DEVICES):
            self.update(f"d{number}")
        g.wait_for(lambda: set(self.outcomes().values()) == {"installed"}, "all are installed")
        # fetched and verified once; delivered and installed of each device.
        dropped = 2 + 2 * self.DEVICES - self.LIMIT
        g.wait_for(lambda: self.gateway.status()["counters"]["events_dropped"] == dropped, "they are counted")
        g.wait_for(lambda: self.gateway.status()["monitor"]["waiting"] == self.LIMIT, "the rest waits")
        shown = self.gateway.ctl("status")
        self.assertIn(f"{dropped} events_dropped", shown)
        self.assertIn(f"{self.LIMIT} events wait", shown)
        self.broker.__enter__()
        self.listen()
        self.connected()
        g.wait_for(lambda: len(self.arrivals.events()) >= self.LIMIT, "what was kept")
        kept = [(event["kind"], event["detail"]["device"]) for event in self.arrivals.events()]
        self.assertEqual(kept, [("installed", f"d{n}") for n in range(self.DEVICES - self.LIMIT, self.DEVICES)])


class Messages(Served):
    def test_a_device_over_http_costs_few(self):
        self.broker.__enter__()
        self.listen()
        self.start()
        self.connected()
        self.update("a")
        listener = self.arrivals.listeners[0]

        def told_of_device():
            shown = [json.loads(payload) for payload in listener.of(ROOT + "device/pump/a")]
            return shown and (shown[-1]["delivery"] or {}).get("state") == "installed"
        g.wait_for(told_of_device, "the device")
        g.wait_for(lambda: [e for e in self.arrivals.events() if e["kind"] == "installed"], "the outcome")
        about = [topic.removeprefix(ROOT) for topic, payload, _ in list(listener.messages)
                 if topic.startswith((ROOT + "device/", ROOT + "transfer/"))
                 or topic == ROOT + "event" and '"device":"a"' in payload]
        print(f"one delivery over http: {len(about)} messages {sorted(about)}")
        self.assertLessEqual(len(about), MOST_MESSAGES)


if __name__ == "__main__":
    unittest.main(verbosity=2)
