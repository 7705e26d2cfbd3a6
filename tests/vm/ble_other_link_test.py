#!/usr/bin/python3
"""A device that is reached over Bluetooth LE and over another link: one device, one delivery. Runs in the virtual
machine (machine.py), as root.

    ble_other_link_test.py [TEST...]
"""
import time
import unittest

from ble_rig import BleTest, wait_for

from udp_link import UNBOUND_LINES, UdpLink

GATEWAY = ("127.0.0.1", 1337)


class SecondLink(UdpLink):
    """Of a device that has its power from elsewhere: what it knows of an upload stays in its RAM. It speaks first."""

    def run(self):
        self.device.send = self.from_device
        self.from_device(b"here", time.monotonic())
        while not self.ends:
            self.turn()


class OtherLink(BleTest):
    SIZE = 100_000
    CUT = 40_000  # bytes, after which the device leaves Bluetooth
    SETTINGS = UNBOUND_LINES

    def test_what_began_over_ble_ends_over_udp(self):
        link, device = self.links[0], self.devices[0]
        link.cut_after, link.leaves = lambda: self.CUT, True
        self.start("device_id = info\n[transport.wifi]\nplugin = udp\nproduct = meter\ndevice_id = info\n"
                   f"listen = {GATEWAY[0]}:{GATEWAY[1]}\npoll_interval = 500ms\n")
        wait_for(lambda: not link.is_alive(), "it has left Bluetooth")
        held = device.upload.offset
        self.assertGreater(held, self.CUT // 2)
        begun = self.gateway.get("/v1/deliveries")
        self.assertEqual([(row["device"], row["transport"]) for row in begun], [(device.name, "nearby")])
        other = SecondLink(device, gateway=GATEWAY)
        self.addCleanup(other.close)
        self.wait_for_confirmed(device)
        self.wait_for_states("installed")
        ended = self.gateway.get("/v1/deliveries")
        self.assertEqual([(row["id"], row["device"], row["transport"]) for row in ended],
                         [(begun[0]["id"], device.name, "wifi")])
        self.assertEqual([row["id"] for row in self.gateway.get("/v1/devices")], [device.name])
        # What the device said it holds is where it went on.
        self.assertEqual(len(self.events(device, "upload_begun")), 1)
        self.assertEqual(self.events(device, "upload_resumed")[-1]["offset"], held)
        self.assertEqual(device.sent_twice, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
