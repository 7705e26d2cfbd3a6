#!/usr/bin/python3
"""The device-side library against the real gateway over a serial line."""
import os
import tty
import types
import unittest

import rig
import ferry_ota
import gateway as g
from emulated_files import PowerCut
from ferry_ota import errors
from ferry_ota.serial_pull import SerialPull


class OverSerial(rig.GatewayCase):
    """The device's end of the line is the pty's master; the gateway opens the other by a name that stays."""

    @classmethod
    def setUpClass(cls):
        cls.ours, theirs = os.openpty()
        cls.addClassCleanup(os.close, cls.ours)
        tty.setraw(theirs)
        port = g.scratch(types.SimpleNamespace(addCleanup=cls.addClassCleanup)) / "meter"
        port.symlink_to(os.ttyname(theirs))
        cls.gateway = cls.start_gateway(f"[transport.line]\nplugin = serial\nport = {port}\ndialect = pull\n"
                                        "baud = 921600\nproduct = tracker\n")
        os.close(theirs)

    def device(self):
        return rig.Device(self, SerialPull(rig.Uart(self.ours), timeout_ms=5000))

    def test_power_cut_at_many_steps(self):
        """The device ends with the new release, whatever had been gathered before."""
        for step in (1, 9, 20, 27, 60):
            device = self.device()
            with self.assertRaises(PowerCut):
                device.ota(rig.FaultyFiles(str(device.folder), step)).update()
            with self.subTest(step=step):
                self.finish(device)

    def test_update_confirm_and_nothing_newer(self):
        self.finish(self.device())

    def test_a_name_that_is_not_there(self):
        link = self.device().transport
        with self.assertRaisesRegex(errors.HttpError, "404"):
            link.open("/flash/none.py", 0, "")
        with self.assertRaises(errors.RangeError):
            link.open("/firmware_1.0.1.bin", len(rig.IMAGE), "")

    def finish(self, device):
        ota = device.ota()
        ota.boot()
        self.assertIn(device.runs(), ("old", "new"))
        if ota.phase != "trial":
            self.assertEqual(ota.update(), ferry_ota.INSTALLED)
        ota = device.ota()
        self.assertEqual((ota.boot(), device.runs()), (ferry_ota.TRIAL, "new"))
        self.assertTrue(ota.confirm())
        self.assertEqual(ota.update(), ferry_ota.CURRENT)


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
