#!/usr/bin/python3
"""The library of devices that run MicroPython, under CPython, over a kernel's Bluetooth and against the real gateway.
Runs in the virtual machine (machine.py), as root.

    ble_library_test.py [TEST...]
"""
import pathlib
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parents[2] / folder)
                for folder in ("tests/clients", "tests/clients/portable", "clients/micropython")]
import ferry_ota
import rig
from ble_rig import Air, power
from ferry_ota.ble import BlePull
from linux_ble import KernelSockets, LinuxBle

GATEWAY, DEVICE = 0, 1  # numbers of adapters


class Library(rig.GatewayCase):
    def setUp(self):
        air = Air(2)
        self.addCleanup(air.close)
        power(GATEWAY)
        self.address = power(DEVICE)
        self.addCleanup(self.doClassCleanups)
        self.start_gateway(f"[transport.nearby]\nplugin = ble\ndialect = pull\nproduct = tracker\nadapters = hci{GATEWAY}\n")

    def update(self, channels):
        link = BlePull(LinuxBle(KernelSockets(DEVICE, self.address), channels))
        device = rig.Device(self, link)
        ota = device.ota()
        ota.boot()
        self.assertEqual(ota.update(), ferry_ota.INSTALLED)
        ota = device.ota()
        self.assertEqual((ota.boot(), device.runs()), (ferry_ota.TRIAL, "new"))
        self.assertTrue(ota.confirm())
        self.assertEqual(ota.update(), ferry_ota.CURRENT)

    def test_finds_the_gateway_and_updates_over_a_channel(self):
        self.update(True)

    def test_updates_over_the_characteristic(self):
        self.update(False)


if __name__ == "__main__":
    unittest.main(verbosity=2)
