"""A whole gateway that reports to a broker, for tests of what it says and hears: devices are played over the transport
`puppet`, or fetch over http."""
import json
import pathlib
import random
import tempfile
import unittest

import event_rig
import gateway as g
import puppets as p
from mqtt_broker import Broker, password_file
from mqtt_listener import Listener
from services import Certificates

SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = pump
[transport.line]
plugin = puppet
[product.pump]
[monitor]
broker = 127.0.0.1:{port}
ca_file = {ca}
user = van-1
password_file = {password}
{more}
"""
ROOT = "ferry/van-1/"


class Reporting(unittest.TestCase):
    writes = ()  # topics of the gateway's beside its own

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.certificates = Certificates(pathlib.Path(holder.name) / "certificates")

    def setUp(self):
        self.folder = g.scratch(self)
        self.image, self.name = p.mcuboot_image(random.Random(7).randbytes(20000))
        g.write_release(self.folder / "releases", "1.1", self.image)
        self.password = password_file(self.folder)
        self.broker = Broker(self.folder, self.certificates, writes=self.writes)
        self.broker.__enter__()
        self.addCleanup(self.broker.stop)
        build = g.Build()
        build.plugins = build.folder / "tests" / "plugins"
        self.gateway = g.Gateway(self.folder / "gw", "", build, name="van-1")
        self.addCleanup(self.gateway.__exit__, None)
        self.strings = None

    def configure(self, more="", port=None):
        self.gateway.configure(SECTIONS.format(
            folder=self.folder, port=port or self.broker.port, ca=self.certificates.ca, password=self.password,
            more=more))

    def start(self, more=""):
        self.configure(more)
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.connect()
        self.wait_for_monitor("connected")

    def connect(self):
        self.strings = p.Strings(self.gateway.port("line"))
        self.addCleanup(self.strings.close)

    def monitor(self):
        return self.gateway.status()["monitor"]

    def wait_for_monitor(self, state):
        if state == "connected":
            return event_rig.connected(self.gateway)
        g.wait_for(lambda: self.monitor()["state"] == state, f"the monitor is {state}")

    def listener(self, user="fleet", password="reads", topics=("#",)):
        listener = Listener(self.broker.port, self.certificates.ca, user, password, topics)
        self.addCleanup(listener.close)
        return listener

    def bring(self, device):
        """Does all that the device is told."""
        while device.obey(self.strings):
            pass


def values(listener, topic):
    """The JSON that came at a topic, in order."""
    return [json.loads(payload) for payload in listener.of(ROOT + topic) if payload]
