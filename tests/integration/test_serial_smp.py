#!/usr/bin/python3
"""Devices that are told by SMP over serial lines, from noticing them to the confirmed image: the whole gateway, lines
that pace as a UART does, devices with MCUboot's slots."""
import unittest

from told_rig import ToldTest, image  # first: it makes the devices known
from serial_line import Line
from smp_device import Settings, SmpDevice
from waiting import wait_for


class SmpTest(ToldTest):
    """Devices on serial lines."""
    PACE = "poll_interval = 500ms\nprobe_timeout = 500ms\n"

    def device(self, line_settings=None, settings=None, running=None):
        device = SmpDevice(running or self.OLD, Settings(**{"name": "meter-1", **(settings or {})}))
        line = Line(folder=self.folder / "by-id", device=device, **(line_settings or {}))
        self.addCleanup(line.close)
        return line, device

    def start(self, transport="", product=""):
        self.start_gateway(f"[transport.lines]\nplugin = serial\nport = {self.folder / 'by-id' / '*'}\n"
                           f"product = meter\n{self.PACE}{transport}", product)


class Told(SmpTest):
    def test_a_device_that_is_plugged_in_is_updated_and_confirmed(self):
        _, device = self.device()
        self.start()
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")
        self.wait_for_state("installed")
        self.assertEqual(len(self.deliveries()), 1)
        # None at all, but that a busy machine answers late now and then.
        self.assertLessEqual(device.sent_twice, 3)
        self.assertEqual(bytes(device.flash.slots[0]), self.NEW)

    def test_its_node_name_can_be_its_id(self):
        _, device = self.device()
        self.start(transport="device_id = info\n")
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")
        self.assertEqual({row["device"] for row in self.deliveries()}, {"meter-1"})

    def test_a_device_that_confirms_itself_is_left_to_it(self):
        _, device = self.device(settings={"self_confirm": 1.0})
        self.start(product="confirm = device\n")
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")
        self.wait_for_state("installed")

    def test_a_device_that_is_plugged_in_later_is_noticed(self):
        line, device = self.device({"plugged": False})
        self.start()
        self.gateway.wait_for_release("meter", "1.1.0")
        line.replug()
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")

    def test_an_idle_device_gets_what_is_published_later(self):
        _, device = self.device(running=self.NEW)
        self.start()
        wait_for(lambda: self.gateway.get("/v1/devices"), "the device is known")
        self.publish("1.2.0", image("1.2.0", seed=3))
        wait_for(lambda: device.has("confirmed", version="1.2.0"), "the device runs the later one")

    def test_devices_without_parameters_and_with_every_quirk(self):
        quirks = {"parameters": False, "v1": True, "indefinite": True, "erase_rc7": True, "noise": 0.2, "torn": 0.2}
        _, device = self.device(settings=quirks)
        self.start()
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")
        self.wait_for_state("installed")


class Refusals(SmpTest):
    """Each a named outcome, and none for ever."""

    def failed(self, cause, settings=None, content=None):
        self.publish(content=content)
        _, device = self.device(settings=settings)
        self.start(product="attempts = 2\n")
        row = self.wait_for_state("failed")
        self.assertEqual(row["cause"], cause, row)
        before = device.requests
        wait_for(lambda: device.requests > before + 3, "it is still looked at")
        uploads = [event for event in device.events if event["event"] in ("upload_begun", "upload_refused")]
        self.assertLessEqual(len(uploads), 2, "no more attempts than allowed")
        self.assertEqual(device.version, "1.0.0")
        return device

    def test_an_image_that_is_too_big(self):
        self.failed("refused_size", {"slot_size": 16_000})

    def test_a_firmware_that_is_no_image(self):
        self.failed("refused_image", content=b"\x7fELF" + bytes(5000))

    def test_an_image_that_is_older_than_its_release_says(self):
        self.failed("refused_downgrade", content=image("0.9.0"))

    def test_a_busy_device_is_tried_again(self):
        _, device = self.device(settings={"busy": 12})
        self.start()
        wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good")

    def test_an_image_that_goes_wrong_in_the_device(self):
        device = self.failed("failed", {"corrupt": "hash"})
        self.assertTrue(device.has("erased"))

    def test_an_image_that_the_bootloader_refuses(self):
        _, device = self.device(settings={"corrupt": "body"})
        self.start(product="attempts = 1\n")
        wait_for(lambda: device.has("booted", refused=True), "the bootloader refuses it")
        self.wait_for_state("rolled_back")
        self.assertEqual(device.version, "1.0.0")

    def test_a_device_that_reverts_after_its_test(self):
        _, device = self.device(settings={"revert": "refuse", "watchdog_seconds": 1.0})
        self.start(product="attempts = 1\nconfirm = device\n")
        wait_for(lambda: device.has("booted", reverted=True), "it goes back")
        self.wait_for_state("rolled_back")
        self.assertEqual(device.version, "1.0.0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
