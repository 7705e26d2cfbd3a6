#!/usr/bin/python3
"""Devices over Bluetooth LE that are told: ferryd, its jailed host and the plugin over a kernel's Bluetooth without
bluetoothd. Runs in the virtual machine (machine.py), as root.

    ble_push_test.py [TEST...]
"""
import random
import statistics
import sys
import time
import unittest

from ble_rig import LIMIT, BleTest, wait_for


class Push(BleTest):
    def test_a_device_is_brought_to_the_newest_release(self):
        self.start()
        device = self.devices[0]
        self.wait_for_confirmed(device)
        self.wait_for_states("installed")
        known = self.gateway.get("/v1/devices")
        self.assertEqual([(row["id"], row["version"]) for row in known], [(self.links[0].address, "1.1.0")])
        self.assertEqual(len(self.events(device, "upload_begun")), 1)
        self.assertEqual(len(self.events(device, "reset")), 1)
        self.assertEqual(device.sent_twice, 0)


class Chosen(BleTest):
    DEVICES = 2

    def test_a_device_that_is_not_named_is_left_alone(self):
        self.start(f"addresses = {self.links[0].address}\n")
        self.wait_for_confirmed(self.devices[0])
        self.assertEqual(self.links[1].links, 0)


class Torn(BleTest):
    SIZE = 200_000
    LOSSES = 30

    def test_nothing_acknowledged_is_sent_again(self):
        places = random.Random(7)
        link, device = self.links[0], self.devices[0]
        # Each link carries some of it, so that all losses are in mid-transfer.
        most = self.SIZE // self.LOSSES
        link.cut_after = lambda: places.randrange(most // 2, most) if link.losses < self.LOSSES else None
        self.start()
        self.wait_for_confirmed(device)
        self.wait_for_states("installed")
        self.assertEqual(link.losses, self.LOSSES)
        self.assertEqual(len(self.events(device, "upload_begun")), 1)
        self.assertEqual(device.sent_twice, 0)
        print(f"{link.losses} losses, {link.links} links, {time.monotonic() - self.began:.0f} s", file=sys.stderr)


class TwoAdapters(BleTest):
    ADAPTERS, DEVICES = 2, 8
    BOOT_SECONDS = 3.0

    def test_all_of_eight_devices_are_brought_there_and_none_starves(self):
        self.start()
        ended = {}

        def all_there():
            for device in self.devices:
                if device.has("confirmed", version="1.1.0"):
                    ended.setdefault(device.name, time.monotonic() - self.began)
            return len(ended) == self.DEVICES
        wait_for(all_there, "all devices run it for good", LIMIT)
        self.wait_for_states("installed")
        mean, slowest = statistics.mean(ended.values()), max(ended.values())
        print(f"8 devices: mean {mean:.1f} s, slowest {slowest:.1f} s", file=sys.stderr)
        self.assertLessEqual(slowest, 2 * mean)


if __name__ == "__main__":
    unittest.main(verbosity=2)
