"""A whole gateway and emulated devices around it, each with a virtual controller of its own (btvirt). The first
controllers are the gateway's. For the virtual machine of machine.py, as root."""
import contextlib
import contextlib
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
import gateway as g
from waiting import scratch, wait_for

import l2cap
from ble_link import BleLink

import mcuboot_image  # by ble_link's path
from smp_device import Settings, SmpDevice

LIMIT = 240  # seconds that what is waited for may take


class Air:
    """So many controllers, all within reach of each other."""

    def __init__(self, count):
        self.emulator = subprocess.Popen(["btvirt", "-L", f"-l{count}"], stdout=subprocess.DEVNULL)
        for adapter in range(count):
            wait_for(lambda number=adapter: self.answers(number), f"hci{adapter} is there", 20)

    @staticmethod
    def answers(adapter):
        try:
            with contextlib.closing(l2cap.Management(adapter)) as management:
                return management.address()
        except OSError:
            return None

    def close(self):
        self.emulator.kill()
        self.emulator.wait()
        wait_for(lambda: self.answers(0) is None, "no adapter is left", 20)


def power(adapter):
    """Switches it on, also where bluetoothd is doing so just now; gives its address."""
    management = l2cap.Management(adapter)

    def done():
        with contextlib.suppress(l2cap.Refused):
            management.power()
            return True
    try:
        wait_for(done, f"hci{adapter} is on", 20)
        return management.address()
    finally:
        management.close()


def image(version, size, seed):
    return mcuboot_image.make(version, mcuboot_image.body(size, seed))


class BleTest(unittest.TestCase):
    SIZE = 60_000
    ADAPTERS = 1  # of the gateway
    DEVICES = 1
    BOOT_SECONDS = 0.5
    SETTINGS = {}  # more of the devices'

    def setUp(self):
        self.old, self.new = image("1.0.0", 1000, 1), image("1.1.0", self.SIZE, 2)
        self.folder = scratch(self)
        g.write_release(self.folder / "releases", "1.1.0", self.new)
        self.air = Air(self.ADAPTERS + self.DEVICES)
        self.addCleanup(self.air.close)
        self.devices, self.links = [], []
        for number in range(self.DEVICES):
            self.add_device(number)
        self.gateway = None

    def add_device(self, number):
        adapter = self.ADAPTERS + number
        power(adapter)
        self.devices.append(SmpDevice(self.old, Settings(name=f"meter-{number}", buf_size=2475, buf_count=6,
                                                         boot_seconds=self.BOOT_SECONDS, **self.SETTINGS)))
        self.links.append(BleLink(adapter, self.devices[-1]))
        self.addCleanup(self.links[-1].close)

    def start(self, keys="", product="retry_delay = 100ms\n"):
        adapters = " ".join(f"hci{number}" for number in range(self.ADAPTERS))
        self.gateway = g.Gateway(
            self.folder / "gw", f"[source.local]\ntype = directory\npath = {self.folder / 'releases'}\nproduct = meter\n"
            f"[product.meter]\n{product}"
            f"[transport.nearby]\nplugin = ble\nproduct = meter\nadapters = {adapters}\n{keys}", log_level="debug")
        self.addCleanup(self.end_gateway)
        self.began = time.monotonic()
        self.gateway.start()

    def end_gateway(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in result.failures + result.errors)
        self.gateway.__exit__(AssertionError if failed else None)

    def wait_for_confirmed(self, device, limit=LIMIT):
        wait_for(lambda: device.has("confirmed", version="1.1.0"), f"{device.name} runs it for good", limit)
        self.assertEqual(bytes(device.flash.slots[0]), self.new)

    def wait_for_states(self, state):
        wait_for(lambda: [row["state"] for row in self.gateway.get("/v1/deliveries")] == [state] * self.DEVICES,
                 f"all deliveries are {state}", LIMIT)

    def events(self, device, name):
        return [event for event in device.events if event["event"] == name]
