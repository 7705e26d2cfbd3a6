#!/usr/bin/python3
"""Devices on serial lines that take one stream: raw, and by XMODEM and YMODEM into lrzsz's own receivers. The whole
gateway, and a line that paces as a UART does."""
import hashlib
import random
import subprocess
import unittest

import gateway as g
from raw_device import RawDevice, Settings
from serial_line import Line
from waiting import scratch, wait_for

TRIGGER = "OTA READY"


def section(name, port, dialect, trigger=TRIGGER):
    return (f"[transport.{name}]\nplugin = serial\nport = {port}\ndialect = {dialect}\nproduct = meter\n"
            + (f"trigger = {trigger}\n" if trigger else ""))


class StreamTest(unittest.TestCase):
    """One gateway with one release, and lines for its devices."""
    SIZE = 40_000

    def setUp(self):
        self.folder = scratch(self)
        self.image = random.Random(self.id()).randbytes(self.SIZE)
        g.write_release(self.folder / "releases", "1.0.2", self.image)
        self.gateway = None

    def line(self, **settings):
        line = Line(folder=self.folder / "by-id", **settings)
        self.addCleanup(line.close)
        return line

    def start(self, *sections):
        self.gateway = g.Gateway(
            self.folder / "gw", f"[source.local]\ntype = directory\npath = {self.folder / 'releases'}\n"
            "product = meter\n[product.meter]\nmatch_path = /meter\n" + "".join(sections))
        self.addCleanup(self.gateway.__exit__, None)
        self.gateway.start()
        self.gateway.wait_for_release("meter", "1.0.2")

    def deliveries(self, state):
        return [row for row in self.gateway.get("/v1/deliveries") if row["state"] == state]

    def wait_for_transferred(self, count=1):
        wait_for(lambda: len(self.deliveries("transferred")) >= count, f"{count} deliveries are transferred")


class Raw(StreamTest):
    def device(self, **settings):
        return RawDevice(Settings(length=self.SIZE, sha256=hashlib.sha256(self.image).hexdigest(), trigger=TRIGGER,
                                  ask_seconds=0.3, again_seconds=0.3, **settings))

    def test_a_device_that_knows_length_and_hash_gets_its_bytes_without_a_stall(self):
        device = self.device()
        line = self.line(device=device)
        self.start(section("lines", line.link, "raw"))
        wait_for(lambda: device.finished == 0, "the device has its image")
        self.assertFalse(device.has("failed"), device.events)
        self.wait_for_transferred()
        taken = device.has("received")["at"] - device.has("begun")["at"]
        self.assertLess(taken, 1.3 * self.SIZE * 10 / 115200, "at the line's pace")

    def test_an_adapter_that_is_pulled_out_and_comes_back_under_another_name_goes_on(self):
        device = self.device()
        line = self.line(device=device)
        self.start(section("lines", self.folder / "by-id" / "*", "raw"))
        wait_for(lambda: device.has("progress"), "the stream is under way")
        old = line.path
        line.unplug()
        wait_for(lambda: self.gateway.transport("lines")["detail"] == "0 of 1 ports", "the port is gone")
        line.replug()
        self.assertNotEqual(line.path, old)
        wait_for(lambda: device.finished == 0, "the device has its image", 60)

    def test_two_lines_of_one_transport_do_not_wait_for_each_other(self):
        devices = [self.device(name=f"raw-{i}") for i in (1, 2)]
        for i, device in enumerate(devices):
            self.line(device=device, name=f"usb-emulated-{i}")
        self.start(section("lines", self.folder / "by-id" / "*", "raw"))
        wait_for(lambda: all(device.finished == 0 for device in devices), "both have their image", 60)
        begun = [device.has("begun")["at"] for device in devices]
        self.assertLess(abs(begun[0] - begun[1]), 5, "both at once")
        self.wait_for_transferred(2)


class Modem(StreamTest):
    """`rx` and `rb` of lrzsz are the bootloader."""
    SIZE = 20_000

    def receive(self, dialect, command, name="received.bin", trigger=TRIGGER, **line_settings):
        line = self.line(**line_settings)
        self.start(section("boot", line.link, dialect, trigger=trigger))
        wait_for(lambda: self.gateway.transport("boot")["detail"] == "1 of 1 ports", "the port is open")
        target = self.folder / "bootloader"
        target.mkdir(exist_ok=True)
        with open(line.device_path, "r+b", buffering=0) as port:
            if trigger:
                port.write(f"\r\n{trigger}\r\n".encode())
            done = subprocess.run(command, stdin=port, stdout=port, stderr=subprocess.PIPE, cwd=target, timeout=90,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        content = (target / name).read_bytes()
        self.wait_for_transferred()
        return content

    def same_with_filler(self, content):
        self.assertEqual(content[:self.SIZE], self.image)
        self.assertLess(len(content) - self.SIZE, 1024)
        self.assertEqual(set(content[self.SIZE:]) - {0x1A}, set())

    def test_xmodem_with_crc(self):
        self.same_with_filler(self.receive("xmodem", ["rx", "--binary", "--with-crc", "received.bin"]))

    def test_xmodem_with_checksum(self):
        self.same_with_filler(self.receive("xmodem", ["rx", "--binary", "received.bin"]))

    def test_ymodem(self):
        self.assertEqual(self.receive("ymodem", ["rb", "--binary"], "firmware.bin"), self.image)

    def test_xmodem_for_a_bootloader_that_only_asks_by_its_start_character(self):
        self.same_with_filler(self.receive("xmodem", ["rx", "--binary", "--with-crc", "received.bin"], trigger=""))

    def test_ymodem_for_a_bootloader_that_only_asks_by_its_start_character(self):
        content = self.receive("ymodem", ["rb", "--binary"], "firmware.bin", trigger="")
        self.assertEqual(content, self.image)
        self.assertEqual([row["mode"] for row in self.deliveries("transferred")], ["push"])

    def test_ymodem_over_a_bad_line(self):
        content = self.receive("ymodem", ["rb", "--binary"], "firmware.bin", flip=1 / 5000)
        self.assertEqual(content, self.image)


if __name__ == "__main__":
    unittest.main(verbosity=2)
