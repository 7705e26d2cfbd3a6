#!/usr/bin/python3
"""Devices that ask over a serial line, by the same names as over HTTP: the whole gateway, and a line that paces as a
UART does."""
import json
import os
import random
import select
import tty
import unittest

import gateway as g
import smp_packet
from serial_line import Line
from smp_pull_device import PullDevice, Settings
from waiting import scratch, wait_for

FACTOR = 6


class Pull(unittest.TestCase):
    SIZE = 60_000

    def setUp(self):
        self.folder = scratch(self)
        self.releases = self.folder / "releases"
        self.image = random.Random(5).randbytes(self.SIZE)
        self.publish("1.1.0", self.image)
        self.gateway = None

    def publish(self, version, content):
        g.write_release(self.releases, version, content, {"flash/main.py": b"print('%s')\n" % version.encode()})

    def start(self, dialect, product=""):
        sections = (f"[source.local]\ntype = directory\npath = {self.releases}\nproduct = tracker\n"
                    f"[product.tracker]\ndialect = {dialect}\n{product}"
                    f"[transport.lines]\nplugin = serial\nport = {self.folder / 'by-id' / '*'}\ndialect = pull\n"
                    f"product = tracker\nbaud = {115200 * FACTOR}\n"
                    f"[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\nproduct = tracker\n")
        self.gateway = g.Gateway(self.folder / "gw", sections)
        self.addCleanup(self.gateway.__exit__, None)
        self.gateway.start()
        self.gateway.wait_for_release("tracker", "1.1.0")

    def device(self, dialect, line_settings=None, **settings):
        """A device that is plugged in now."""
        device = PullDevice(self.folder / "device", Settings(dialect=dialect, again_seconds=0.5, **settings))
        line = Line(folder=self.folder / "by-id", device=device, factor=FACTOR, **(line_settings or {}))
        self.addCleanup(line.close)
        return line, device

    def check(self, device, version="1.1.0"):
        wait_for(lambda: device.finished == 0, "there is nothing newer for the device", 120)
        self.assertEqual(device.version, version)

    def test_pycom_over_a_line_gets_files_and_firmware(self):
        self.start("pycom")
        _, device = self.device("pycom")
        self.check(device)
        self.assertEqual((device.state / "firmware.bin").read_bytes(), self.image)
        self.assertEqual((device.state / "files/flash/main.py").read_bytes(), b"print('1.1.0')\n")
        wait_for(lambda: any(row["state"] == "installed" for row in self.gateway.get("/v1/deliveries")),
                 "the gateway knows that it is installed")

    def test_plain_over_a_line(self):
        self.start("plain", "device_version = query:version\n")
        _, device = self.device("plain", smp_version=1)
        self.check(device)
        self.assertEqual((device.state / "firmware.bin").read_bytes(), self.image)

    def test_names_and_bytes_are_those_of_http(self):
        self.start("pycom")
        status, _, body = g.fetch(self.gateway.port(), "/tracker/manifest.json?current_ver=1.0.0")
        self.assertEqual(status, 200)
        _, device = self.device("get", path="/tracker/manifest.json?current_ver=1.0.0")
        self.check(device, "1.0.0")
        here, there = json.loads((device.state / "firmware.bin").read_bytes()), json.loads(body)
        self.assertEqual(here["version"], there["version"])
        self.assertEqual(here["firmware"]["hash"], there["firmware"]["hash"])
        self.assertEqual([entry["hash"] for entry in here["new"]], [entry["hash"] for entry in there["new"]])

    def test_a_download_that_broke_off_goes_on(self):
        self.start("pycom")
        line, device = self.device("get", path="/tracker/1.1.0/firmware_1.1.0.bin")
        wait_for(lambda: device.has("progress"), "the image is on its way")
        line.unplug()
        line.replug()
        self.check(device, "1.0.0")
        self.assertTrue(device.has("resumed"))
        self.assertEqual((device.state / "firmware.bin").read_bytes(), self.image)

    def test_a_bad_line_brings_right_bytes(self):
        self.start("pycom")
        _, device = self.device("pycom", {"flip": 1 / 3000, "lose_line": 1 / 200, "seed": 3}, timeout=0.4, tries=20)
        self.check(device)
        self.assertEqual((device.state / "firmware.bin").read_bytes(), self.image)

    def test_what_is_not_there_is_refused(self):
        self.start("pycom")
        _, device = self.device("get", path="/tracker/9.9.9/none.bin")
        wait_for(lambda: device.has("failed"), "the device is told")

    def test_tools_see_the_gateway_as_a_device(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        tty.setraw(slave)
        (self.folder / "by-id").mkdir()
        (self.folder / "by-id/usb-tool").symlink_to(os.ttyname(slave))
        os.close(slave)
        self.start("pycom")
        wait_for(lambda: "1 of 1" in self.gateway.transport("lines")["detail"], "the port is open")
        os.write(master, smp_packet.frame(smp_packet.encode(smp_packet.Packet(0, 1, 0, 7, {}))))
        frames, packets = smp_packet.Deframer(), []
        while not packets:
            self.assertTrue(select.select([master], [], [], 20)[0], "an answer")
            packets = frames.feed(os.read(master, 4096))
        image, = smp_packet.decode(packets[0]).body["images"]
        self.assertEqual(self.gateway.get("/v1/status")["version"], image["version"])
        self.assertTrue(image["active"] and image["confirmed"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
