#!/usr/bin/python3
"""Devices over Bluetooth LE that ask: ferryd, its jailed host and the plugin over a kernel's Bluetooth without
bluetoothd. Runs in the virtual machine (machine.py), as root.

    ble_pull_test.py [TEST...]
"""
import random
import sys
import unittest

from ble_rig import LIMIT, BleTest, power, wait_for

from ble_pull_link import PullLink

from smp_pull_device import PullDevice, Settings


class PullTest(BleTest):
    CHANNEL = True

    def add_device(self, number):
        power(self.ADAPTERS + number)
        self.gateway_address = power(0)

    def begin(self, cut_after=None):
        self.start("dialect = pull\n", "dialect = pycom\n")
        self.gateway.wait_for_release("meter", "1.1.0")
        device = PullDevice(self.folder / "device", Settings(dialect="pycom", again_seconds=0.5, timeout=5, tries=3))
        link = PullLink(self.ADAPTERS, self.gateway_address, device, self.CHANNEL)
        link.cut_after = cut_after and (lambda: cut_after(link))
        self.addCleanup(link.close)
        return link, device

    def wait_for_all(self, device):
        wait_for(lambda: device.finished == 0, "there is nothing newer for the device", LIMIT)
        self.assertEqual((device.state / "firmware.bin").read_bytes(), self.new)
        self.wait_for_states("installed")


class Channel(PullTest):
    """ble_library_test.py has the road without losses."""

    def test_a_torn_link_is_gone_on_with(self):
        places = random.Random(3)
        most = self.SIZE // 5
        link, device = self.begin(lambda link: places.randrange(most // 2, most) if link.losses < 5 else None)
        self.wait_for_all(device)
        self.assertEqual(link.losses, 5)
        known = self.gateway.get("/v1/devices")
        self.assertEqual([(row["id"], row["version"]) for row in known], [(link.address, "1.1.0")])
        # What was asked for when a link tore comes again, and the little that each attempt begins with.
        self.assertLess(link.received, self.SIZE + 6 * 6_000)
        print(f"{link.losses} losses, {link.received} bytes for {self.SIZE}", file=sys.stderr)


class Characteristic(Channel):
    CHANNEL = False


if __name__ == "__main__":
    unittest.main(verbosity=2)
