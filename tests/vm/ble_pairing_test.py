#!/usr/bin/python3
"""Devices over Bluetooth LE whose product demands pairing with a passkey: ferryd, its jailed host and the plugin, by
bluetoothd. Runs in the virtual machine (machine.py), as root.

    ble_pairing_test.py [TEST...]
"""
import pathlib
import re
import subprocess
import sys
import unittest

from ble_bluez_test import WithDaemon
from ble_rig import LIMIT, Air, image, wait_for

import gateway as g

AGENT = pathlib.Path(__file__).with_name("pairing_agent.py")
PASSKEY, OTHER = "907314", "271828"
P256_BY_PASSKEY = "3"  # of bluetoothd's files: a key of LE Secure Connections, authenticated


class PairingTest(WithDaemon):
    """The device, and bluetoothd for it, does what its agent does."""
    SIZE = 20_000
    CAPABILITY, DEVICE_PASSKEY = "KeyboardOnly", PASSKEY

    def add_device(self, number):
        super().add_device(number)
        self.agent = self.folder / "agent.log"
        with self.agent.open("wb") as log:
            agent = subprocess.Popen([sys.executable, AGENT, self.CAPABILITY, self.DEVICE_PASSKEY], stdout=log)
        self.addCleanup(agent.wait)
        self.addCleanup(agent.kill)
        wait_for(lambda: self.answers("registered"), "the device's agent is registered")

    def start(self):
        secret = self.folder / "passkey"
        secret.write_text(PASSKEY + "\n")
        secret.chmod(0o600)
        super().start(f"passkey_file = {secret}\n", "retry_delay = 100ms\npairing = passkey\n")

    def answers(self, word):
        return len(re.findall(f"^{word}", self.agent.read_text(), re.MULTILINE))

    def bond(self):
        """What bluetoothd keeps of the gateway's bond with the device."""
        file = self.state / Air.answers(0) / self.links[0].address / "info"
        return file.read_text() if file.exists() else ""

    def delivery(self):
        rows = self.gateway.get("/v1/deliveries")
        return rows[0] if rows else {"state": "", "cause": ""}

    def check_refused(self, reason):
        wait_for(lambda: self.delivery()["state"] == "failed", "its delivery has ended", LIMIT)
        self.assertEqual(self.delivery()["cause"], "refused_unpaired")
        self.assertIn(reason, self.delivery()["detail"])
        self.assertEqual(self.devices[0].requests, 0)
        wait_for(lambda: "LongTermKey" not in self.bond(), "no bond is left")

    def check_told_to_nobody(self):
        seen = self.gateway.log_text() + str(self.gateway.status()) + str(self.gateway.get("/v1/deliveries"))
        self.assertIsNone(re.search(f"(?<![0-9a-f]){PASSKEY}(?![0-9a-f])", seen))


class RightPasskey(PairingTest):
    def test_a_device_is_paired_once_and_brought_two_releases(self):
        self.start()
        device = self.devices[0]
        self.wait_for_confirmed(device)
        self.wait_for_states("installed")
        self.check_told_to_nobody()
        self.assertRegex(self.bond(), rf"LongTermKey\]\n[^\[]*Authenticated={P256_BY_PASSKEY}\n")
        # bluetoothd has the bond, and so the next ferryd.
        self.gateway.stop()
        self.new = image("1.2.0", self.SIZE, 3)
        g.write_release(self.folder / "releases", "1.2.0", self.new)
        self.gateway.start()
        wait_for(lambda: device.has("confirmed", version="1.2.0"), "it runs the next one, too", LIMIT)
        self.assertEqual(self.answers("asked"), 1)


class WrongPasskey(PairingTest):
    DEVICE_PASSKEY = OTHER

    def test_the_delivery_is_refused_and_nothing_sent(self):
        self.start()
        self.check_refused("it does not take the passkey")
        self.check_told_to_nobody()


class JustWorks(PairingTest):
    CAPABILITY = "NoInputNoOutput"

    def test_the_delivery_is_refused_and_the_bond_removed(self):
        self.start()
        self.check_refused("just works")


if __name__ == "__main__":
    unittest.main(verbosity=2)
