#!/usr/bin/python3
"""The product's GATT client, reassembly and SMP client over a kernel's Bluetooth without bluetoothd, from one virtual
controller to an emulated device on another. Runs in the virtual machine (machine.py), as root.

    ble_test.py --build build/dev
"""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

import l2cap
from ble_smp_device import BleSmpDevice

import mcuboot_image  # by ble_smp_device's path

GATEWAY, DEVICE = "00:AA:01:00:00:00", "00:AA:01:01:00:01"
SIZE = 150_000
build = pathlib.Path("build/dev")


def setUpModule():
    global emulator
    emulator = subprocess.Popen(["btvirt", "-L", "-l2"], stdout=subprocess.DEVNULL)
    for adapter in (0, 1):
        deadline = time.monotonic() + 20
        while True:
            management = l2cap.Management(adapter)
            try:
                management.power()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            finally:
                management.close()


def tearDownModule():
    Push.device.ending = True
    emulator.kill()
    emulator.wait()


class Push(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = BleSmpDevice(1, DEVICE, mcuboot_image.make("1.0.0", b"old"))

    def setUp(self):
        self.device.smp.upload = None
        self.device.smp.events.clear()
        self.device.smp.sent_twice = 0
        self.image = mcuboot_image.make("1.0.1", random.Random(self.id()).randbytes(SIZE))
        self.file = pathlib.Path(tempfile.mkstemp()[1])
        self.file.write_bytes(self.image)

    def push(self):
        """The probe's exit status and what it printed."""
        probe = subprocess.run([build / "tests/vm/ble_push_probe", GATEWAY, DEVICE, self.file,
                                mcuboot_image.read(self.image).hash.hex()],
                               capture_output=True, text=True, timeout=60)
        print(self.id(), probe.returncode, probe.stdout.strip().replace("\n", "; "), probe.stderr, flush=True)
        return probe.returncode, probe.stdout

    def assert_there(self):
        self.assertEqual(bytes(self.device.smp.flash.slots[1]), self.image)

    def test_whole(self):
        status, said = self.push()
        self.assertEqual(status, 0, said)
        self.assertIn("MTU 247", said)
        self.assert_there()

    def test_the_link_torn_at_random_moments_goes_on_where_it_was(self):
        places = random.Random(7)
        torn = 0
        while True:
            self.device.cut_after = places.randrange(10_000, 60_000) if torn < 4 else None
            status, said = self.push()
            if status == 0:
                break
            self.assertEqual(status, 3, said)
            torn += 1
        self.assertGreaterEqual(torn, 2)
        self.assert_there()
        # What the device had acknowledged is not sent again: it began once and resumed each time.
        self.assertEqual(len([e for e in self.device.smp.events if e["event"] == "upload_begun"]), 1)
        self.assertEqual(len([e for e in self.device.smp.events if e["event"] == "upload_resumed"]), torn)
        self.assertEqual(self.device.smp.sent_twice, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=build)
    options, rest = parser.parse_known_args()
    build = options.build
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
