#!/usr/bin/python3
"""What may happen to a push over a serial line: the adapter is pulled out, the gateway is killed, the line is bad,
another device is plugged in. Lines and devices pass their time faster than the clock; the ports' rate fits that."""
import os
import random
import unittest

import gateway as g
from serial_fleet import Fleet
from serial_line import Line
from smp_device import Settings, SmpDevice
from test_serial_smp import SmpTest, image
from waiting import wait_for

FACTOR = 8
EVENTS = int(os.environ.get("FERRY_EVENTS", "50"))
# Deliveries over the bad line.
BAD = int(os.environ.get("FERRY_BAD_LINES", "100"))
FAST = f"baud = {115200 * FACTOR}\n"


class FaultTest(SmpTest):
    SIZE = 300_000
    PACE = "poll_interval = 200ms\nprobe_timeout = 250ms\n"

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("FERRY_SEED", random.randrange(1 << 30)))
        self.random = random.Random(self.seed)
        self.NEW = image("1.1.0", self.SIZE, seed=2)

    def moments(self):
        """Offsets at which something happens."""
        return sorted(self.random.randrange(1, len(self.NEW)) for _ in range(EVENTS))

    @staticmethod
    def offset(line):
        return line.on_device(lambda device, _: device.upload.offset if device.upload else 0)

    def wait_for_offset(self, line, device, moment):
        wait_for(lambda: self.offset(line) >= moment or device.has("uploaded"), f"the device has {moment} bytes",
                 60, 0.002)

    def check(self, device, events):
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good", 90)
        self.wait_for_state("installed")
        self.assertEqual(bytes(device.flash.slots[0]), self.NEW)
        self.assertEqual(len(self.deliveries()), 1)
        print(f"seed {self.seed}: {events} events, {device.sent_twice} packets came twice")
        self.assertLessEqual(device.sent_twice, events, f"seed {self.seed}")


class Interrupted(FaultTest):
    def test_unplugged_at_random_moments_goes_on_where_it_was(self):
        line, device = self.device({"factor": FACTOR})
        self.start(FAST)
        for moment in self.moments():
            self.wait_for_offset(line, device, moment)
            line.unplug(power=False)
            wait_for(lambda: "0 of 1" in self.gateway.transport("lines")["detail"], "the port is gone")
            line.replug()
        self.check(device, EVENTS)

    def test_gateway_killed_at_random_moments_goes_on_where_it_was(self):
        line, device = self.device({"factor": FACTOR})
        self.start(FAST)
        for moment in self.moments():
            self.wait_for_offset(line, device, moment)
            self.gateway.kill()
            self.gateway.start()
        self.check(device, EVENTS)

    def test_a_device_that_lost_its_power_begins_again(self):
        line, device = self.device({"factor": FACTOR})
        self.start(FAST)
        self.wait_for_offset(line, device, self.SIZE // 2)
        line.power_cycle()
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good", 90)
        self.assertEqual(bytes(device.flash.slots[0]), self.NEW)

    def test_a_device_swapped_for_another_in_mid_upload_mixes_nothing(self):
        line, first = self.device({"factor": FACTOR})
        second = SmpDevice(self.OLD, Settings(name="meter-2"))
        self.start(FAST + "device_id = info\n")
        self.wait_for_offset(line, first, self.SIZE // 2)
        line.attach(second)
        wait_for(lambda: second.has("confirmed", version="1.1.0"), "the second runs it for good", 90)
        self.assertEqual(bytes(second.flash.slots[0]), self.NEW)
        self.assertEqual(first.version, "1.0.0")


class Many(FaultTest):
    SIZE = 8_000

    def fleet(self, count, lines, at_once=8, **line_settings):
        devices = [SmpDevice(self.OLD, Settings(name=f"meter-{i}")) for i in range(count)]
        made = [Line(folder=self.folder / "by-id", name=f"usb-{i}", seed=i + 1, factor=FACTOR, plugged=False,
                     device=SmpDevice(), **line_settings) for i in range(lines)]
        for line in made:
            self.addCleanup(line.close)
        self.start(FAST + "device_id = info\n", f"at_once = {at_once}\nstop_after = 0\nattempts = 50\n")
        self.gateway.wait_for_release("meter", "1.1.0")
        self.installed = set()
        return devices, Fleet(made, devices, done=lambda device: device.name in self.installed)

    def turn(self, fleet):
        """Somebody at the bench looks at the gateway's list, and plugs in the next devices."""
        self.installed = {row["device"] for row in self.deliveries() if row["state"] == "installed"}
        return fleet.turn()

    def all_right(self, devices):
        self.assertEqual(self.installed, {device.name for device in devices})
        self.assertEqual([device.name for device in devices if bytes(device.flash.slots[0]) != self.NEW], [])

    def test_a_bad_line_delivers_all_the_same(self):
        devices, fleet = self.fleet(BAD, 20, at_once=20, flip=1 / 1000, lose_line=1 / 100)
        wait_for(lambda: self.turn(fleet), f"{BAD} deliveries over bad lines", 540, 0.1)
        self.all_right(devices)

    def test_fifty_devices_on_eight_ports(self):
        devices, fleet = self.fleet(50, 8)
        memory, most = 0, 0

        def turn():
            nonlocal memory, most
            memory = max(memory, g.private_memory(self.gateway.process.pid))
            uploading = sum(device.upload is not None for device in devices)
            most = max(most, uploading)
            return self.turn(fleet)
        wait_for(turn, "50 deliveries", 300, 0.05)
        self.all_right(devices)
        # From the moment at which a device was plugged in until it ran the release for good.
        times = sorted(seconds for _, _, seconds in fleet.history)
        print(f"50 devices on 8 ports: {times[len(times) // 2]:.1f} s each, {times[-1]:.1f} s at most, {most} uploads "
              f"at once, {memory / 2**20:.1f} MiB private to the agent")
        self.assertGreaterEqual(most, 4, "ports are used at the same time")
        if not self.gateway.build.sanitized:
            self.assertLessEqual(memory, 16 << 20)

    def test_the_policy_bounds_how_many_at_once(self):
        devices, fleet = self.fleet(6, 6, at_once=2)
        most = 0

        def turn():
            nonlocal most
            most = max(most, sum(device.upload is not None for device in devices))
            return self.turn(fleet)
        wait_for(turn, "6 deliveries", 120, 0.02)
        self.assertLessEqual(most, 2)
        self.all_right(devices)


if __name__ == "__main__":
    unittest.main(verbosity=2)
