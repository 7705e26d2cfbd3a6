"""What the tests and ./dev bench of the outbox share: a gateway that serves devices over http and reports to a broker,
a store full of events, a broker that comes back, and how what arrived is looked at."""
import contextlib
import json
import pathlib
import signal
import sqlite3
import subprocess

from mqtt_broker import password_file
from waiting import wait_for

# As long as those that the agent writes of a delivery.
DETAIL = {"device": "pump-0123456789", "product": "pump", "from": "1.0.12", "version": "1.1.0", "transport": "wifi",
          "proven": False, "cause": "", "detail": "", "attempts": 0}
TOGETHER = 1000  # events in one order to the probe
SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = pump
[product.pump]
device_id = query:id
device_version = query:version
[transport.wifi]
plugin = http
listen = 127.0.0.1:{http}
[monitor]
broker = 127.0.0.1:{broker.port}
ca_file = {broker.certificates.ca}
user = van-1
password_file = {password}
{more}
"""


def sections(folder, broker, http=0, more=""):
    """Of a gateway named van-1: releases of the product `pump` lie in the folder, `more` goes into [monitor]."""
    return SECTIONS.format(folder=folder, broker=broker, password=password_file(folder), http=http, more=more)


def connected(gateway):
    """Waits for it; the next attempt comes now, and not when its time has come."""
    def reached():
        with contextlib.suppress(OSError):  # it may be killed meanwhile
            if gateway.status()["monitor"]["state"] == "connected":
                return True
            gateway.ask("POST", "/v1/monitor/test")
        return False
    wait_for(reached, "the connection", interval=0.01)


def let_back(broker, gateway, listen):
    """Starts the broker; the gateway is let in when `listen` has, whose result is returned: what nobody listens to,
    the broker acknowledges and nobody could know."""
    gateway.process.send_signal(signal.SIGSTOP)
    broker.__enter__()
    listener = listen()
    gateway.process.send_signal(signal.SIGCONT)
    connected(gateway)
    return listener


def orders(count):
    """What tells monitor_probe to append so many events."""
    return [{"do": "events", "count": min(TOGETHER, count - done), "detail": DETAIL}
            for done in range(0, count, TOGETHER)]


def fill(probe, store, count):
    """Appends events to a store whose ferryd does not run, by the product's own storage code."""
    settings = {"gateway": "van-1", "host": "127.0.0.1", "port": 1, "tls": False}
    lines = "".join(json.dumps(order) + "\n" for order in orders(count))
    subprocess.run([probe, store, json.dumps(settings)], input=lines, text=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def waiting(store):
    """The sequence numbers in the outbox of a store whose ferryd does not run."""
    with contextlib.closing(sqlite3.connect(pathlib.Path(store) / "catalog.db")) as catalog:
        return {sequence for sequence, in catalog.execute("SELECT sequence FROM outbox")}


def bytes_on_disk(store):
    """Of the catalog, which the outbox is in, its journals included."""
    return sum(file.stat().st_size for file in pathlib.Path(store).glob("catalog.db*"))


class Arrivals:
    """The sequence numbers of events that several listeners got one after the other, a new one after each death of
    the broker."""

    def __init__(self, topic):
        self.topic = topic
        self.listeners = []

    def add(self, listener):
        self.listeners.append(listener)
        return listener

    def events(self):
        return [json.loads(payload) for listener in self.listeners for payload in listener.of(self.topic)]

    def check(self, test, total):
        """Each arrived, and in order: repetitions aside, no event comes before an older one. Gives how many came more
        than once."""
        sequences = [event["sequence"] for event in self.events()]
        firsts = list(dict.fromkeys(sequences))
        test.assertEqual(sorted(set(range(1, total + 1)) - set(firsts)), [], "missing")
        test.assertEqual(firsts, list(range(1, total + 1)), "in order, repetitions aside")
        return len(sequences) - len(firsts)

