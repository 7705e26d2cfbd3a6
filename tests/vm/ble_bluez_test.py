#!/usr/bin/python3
"""Devices over Bluetooth LE by way of bluetoothd: ferryd, its jailed host and the plugin, over the system's bus. Runs
in the virtual machine (machine.py), as root.

    ble_bluez_test.py [TEST...]
"""
import contextlib
import os
import subprocess
import sys
import unittest

import ble_pull_test as pull
import ble_push_test as push
from ble_rig import BleTest, wait_for

BUS = "/run/dbus/system_bus_socket"
DAEMON = "/usr/libexec/bluetooth/bluetoothd"


class WithDaemon(BleTest):
    """bluetoothd has every adapter before a device takes its own: whoever listens last is connected to."""

    def add_device(self, number):
        if number == 0:
            os.makedirs(os.path.dirname(BUS), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(BUS)
            self.run_daemon("dbus-daemon", "--system", "--nofork", "--nopidfile")
            wait_for(lambda: os.path.exists(BUS), "the system's bus")
            self.state = self.folder / "bluetooth"
            self.state.mkdir()
            self.run_daemon(DAEMON, "-n", STATE_DIRECTORY=str(self.state))
            wait_for(self.has_adapters, "bluetoothd has every adapter")
        super().add_device(number)

    def run_daemon(self, *command, **environment):
        log = open(self.folder / (os.path.basename(command[0]) + ".log"), "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})

        def end():
            process.kill()
            process.wait()
            log.close()
        self.addCleanup(end)

    def has_adapters(self):
        asked = subprocess.run(["dbus-send", "--system", "--print-reply", "--dest=org.bluez", "/",
                                "org.freedesktop.DBus.ObjectManager.GetManagedObjects"], capture_output=True, text=True,
                               check=False, timeout=30)
        return all(f'"/org/bluez/hci{number}"' in asked.stdout for number in range(self.ADAPTERS + self.DEVICES))

    def start(self, keys="", *more):
        super().start("backend = bluez\n" + keys, *more)


class BluezPush(WithDaemon):
    SIZE = 60_000
    LOSSES = 5
    test_nothing_acknowledged_is_sent_again = push.Torn.test_nothing_acknowledged_is_sent_again


class BluezChannel(WithDaemon, pull.PullTest):
    def test_a_device_fetches_its_image(self):
        link, device = self.begin()
        self.wait_for_all(device)
        self.assertEqual(link.links, 1)


class BluezCharacteristic(BluezChannel):
    CHANNEL = False


if __name__ == "__main__":
    unittest.main(verbosity=2)
