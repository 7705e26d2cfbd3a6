#!/usr/bin/python3
"""The emulated SMP device: its life from upload to confirmation, its buffers, and each of its quirks. Virtual time."""
import tempfile
import unittest

from virtual_client import NoAnswer, VirtualClient

import mcuboot_image
import smp_packet as smp
from smp_device import Settings, SmpDevice

OLD = mcuboot_image.make("1.0.0", mcuboot_image.body(3000, 1))
NEW = mcuboot_image.make("1.1.0", mcuboot_image.body(5000, 2))


def client_of(folder=None, version=2, **settings):
    client = VirtualClient(SmpDevice(OLD, Settings(**settings), folder), version=version)
    client.boot()
    return client


class Life(unittest.TestCase):
    def installed(self, **settings):
        """A client whose device has booted NEW for the first time."""
        client = client_of(**settings)
        client.upload(NEW)
        self.mark(client)
        client.reset()
        client.boot()
        return client

    def mark(self, client, confirm=False):
        digest = mcuboot_image.read(NEW).hash
        return client.call(smp.IMAGE, smp.STATE, {"hash": digest, "confirm": confirm}, write=True)["images"]

    def test_a_new_device(self):
        images = client_of().images()
        self.assertEqual(images, [{"image": 0, "slot": 0, "version": "1.0.0", "hash": mcuboot_image.read(OLD).hash,
                                   "bootable": True, "confirmed": True, "active": True}])

    def test_upload_test_reset_confirm(self):
        client = client_of()
        self.assertEqual(client.upload(NEW), {"off": len(NEW)})
        self.assertEqual([image["version"] for image in client.images()], ["1.0.0", "1.1.0"])
        self.assertTrue(self.mark(client)[1]["pending"])
        client.reset()
        client.boot()
        new, old = client.images()
        self.assertEqual((new["version"], new["active"], new.get("confirmed")), ("1.1.0", True, None))
        self.assertEqual(old["version"], "1.0.0")
        client.call(smp.IMAGE, smp.STATE, {"confirm": True}, write=True)
        self.assertTrue(client.images()[0]["confirmed"])
        client.reset()
        client.boot()
        self.assertEqual(client.device.version, "1.1.0")

    def test_unconfirmed_reverts_at_the_next_reset(self):
        client = self.installed()
        client.reset()
        client.boot()
        self.assertEqual(client.device.version, "1.0.0")
        self.assertTrue(client.device.has("booted", reverted=True))

    def test_permanent_needs_no_confirmation(self):
        client = client_of()
        client.upload(NEW)
        self.assertTrue(self.mark(client, confirm=True)[1]["permanent"])
        for _ in range(2):
            client.reset()
            client.boot()
        self.assertEqual(client.device.version, "1.1.0")

    def test_revert_silent_and_refused(self):
        client = client_of(revert="silent", watchdog_seconds=1)
        client.upload(NEW)
        self.mark(client)
        client.reset()
        client.boot()
        self.assertEqual(client.device.version, "1.0.0")
        self.assertTrue(client.device.has("watchdog"))
        client = self.installed(revert="refuse")
        with self.assertRaises(smp.SmpError):
            client.call(smp.IMAGE, smp.STATE, {"confirm": True}, write=True)
        self.assertTrue(client.line.run(10, lambda: client.device.has("booted", reverted=True)))

    def test_self_confirm(self):
        client = self.installed(self_confirm=1.0)
        self.assertTrue(client.line.run(2, lambda: client.device.has("confirmed")))

    def test_flash_outlives_the_power_and_ram_does_not(self):
        with tempfile.TemporaryDirectory() as folder:
            client = client_of(folder)
            client.upload(NEW, until=2000)
            again = client_of(folder)
            self.assertEqual(again.piece(NEW, 2048).body, {"off": 0})
            again.upload(NEW)
            self.mark(again)
            last = client_of(folder)
            self.assertEqual(last.device.version, "1.1.0")
            self.assertFalse(last.device.has("booted")["confirmed"])
            self.assertEqual(client_of(folder).device.version, "1.0.0")

    def test_slow_boot_is_silent(self):
        client = client_of(boot_seconds=5)
        client.reset()
        with self.assertRaises(NoAnswer):
            client.ask(smp.OS, smp.ECHO, {"d": "x"}, write=True)
        client.boot()


class Uploads(unittest.TestCase):
    def refused(self, rc, image, client=None, **fields):
        with self.assertRaises(smp.SmpError) as caught:
            (client or client_of()).upload(image, **fields)
        self.assertEqual(caught.exception.rc, rc)

    def test_resume_by_the_same_sha(self):
        client = client_of()
        client.upload(NEW, until=2000)
        self.assertEqual(client.piece(NEW, 0).body, {"off": 2048})
        self.assertEqual(client.upload(NEW), {"off": len(NEW)})
        self.assertEqual(client.device.has("upload_resumed")["offset"], 2048)

    def test_another_sha_begins_afresh(self):
        client = client_of()
        client.upload(NEW, until=2000)
        self.assertEqual(client.piece(OLD, 0).body, {"off": 256})

    def test_wrong_offsets_are_answered_with_the_expected_one(self):
        client = client_of()
        self.assertEqual(client.piece(NEW, 512).body, {"off": 0})
        client.piece(NEW, 0)
        self.assertEqual(client.piece(NEW, 512).body, {"off": 256})
        self.assertEqual(client.piece(NEW, 256).body, {"off": 512})
        self.assertEqual(client.piece(NEW, 256).body, {"off": 512})
        self.assertEqual(client.device.sent_twice, 1)

    def test_recovery_never_resumes_at_0_but_tells_its_offset(self):
        client = client_of(recovery=True)
        client.upload(NEW, until=2000)
        self.assertEqual(client.piece(NEW, 1024).body, {"off": 2048})
        self.assertEqual(client.piece(NEW, 2048).body, {"off": 2304})
        self.assertEqual(client.piece(NEW, 0).body, {"off": 256})

    def test_primary_runs_what_was_uploaded(self):
        client = client_of(primary=True, recovery=True)
        client.upload(NEW)
        client.reset()
        client.boot()
        self.assertEqual(client.device.version, "1.1.0")

    def test_refusals(self):
        self.refused(smp.INVALID, mcuboot_image.make("2.0.0", bytes(1000), broken="magic"))
        self.refused(smp.INVALID, NEW[:20])
        self.refused(smp.UNKNOWN, NEW, client_of(slot_size=4096))
        self.refused(smp.BAD_STATE, mcuboot_image.make("0.9.0", bytes(1000)), upgrade=True)
        client = client_of()
        client.upload(mcuboot_image.make("0.9.0", bytes(1000)))
        client.upload(NEW, upgrade=True)
        digest = mcuboot_image.read(NEW).hash
        client.call(smp.IMAGE, smp.STATE, {"hash": digest}, write=True)
        self.refused(smp.NO_ENTRY, NEW, client)
        answer = client.ask(smp.IMAGE, smp.UPLOAD, {"off": 0, "data": NEW[:64]}, write=True)
        self.assertEqual(answer.rc, smp.INVALID)

    def test_busy_so_many_times(self):
        client = client_of(busy=2)
        self.assertEqual([client.piece(NEW, 0).rc for _ in range(3)], [smp.BUSY, smp.BUSY, smp.OK])

    def test_match_and_corruption(self):
        self.assertEqual(client_of(match=True).upload(NEW), {"off": len(NEW), "match": True})
        self.assertEqual(client_of(match=True, corrupt="body").upload(NEW)["match"], False)
        client = client_of(corrupt="hash")
        client.upload(NEW)
        got = client.images()[1]["hash"]
        self.assertNotEqual(got, mcuboot_image.read(NEW).hash)
        client = client_of(corrupt="body")
        client.upload(NEW)
        client.call(smp.IMAGE, smp.STATE, {"hash": mcuboot_image.read(NEW).hash}, write=True)
        client.reset()
        client.boot()
        self.assertEqual(client.device.version, "1.0.0")
        self.assertTrue(client.device.has("booted", refused=True))

    def test_erase(self):
        client = client_of()
        client.upload(NEW)
        self.assertEqual(client.call(smp.IMAGE, smp.ERASE, {}, write=True), {})
        self.assertEqual(len(client.images()), 1)
        client = client_of(erase_rc7=True)
        client.upload(NEW)
        self.assertEqual(client.ask(smp.IMAGE, smp.ERASE, {}, write=True).rc, smp.TOO_LONG)
        self.assertEqual(len(client.images()), 1)


class Console(unittest.TestCase):
    def test_os_group(self):
        client = client_of(name="meter-7")
        self.assertEqual(client.call(smp.OS, smp.ECHO, {"d": "hello"}, write=True), {"r": "hello"})
        self.assertEqual(client.call(smp.OS, smp.PARAMETERS), {"buf_size": 384, "buf_count": 4})
        self.assertEqual(client.call(smp.OS, smp.INFO, {"format": "n"}), {"output": "meter-7"})
        self.assertEqual(client.call(smp.OS, smp.BOOTLOADER), {"bootloader": "MCUboot"})
        for group, command in ((smp.FILES, smp.FILE), (63, 0)):
            self.assertEqual(client.ask(group, command, {"name": "/x", "off": 0}, write=True).rc, smp.UNSUPPORTED)
        self.assertEqual(client_of(parameters=False).ask(smp.OS, smp.PARAMETERS, {}).rc, smp.UNSUPPORTED)

    def test_versions(self):
        answer = client_of(v1=True).ask(63, 0, {})
        self.assertEqual((answer.version, answer.body), (1, {"rc": 8}))
        answer = client_of().ask(63, 0, {})
        self.assertEqual((answer.version, answer.body), (2, {"err": {"group": 63, "rc": 8}}))
        self.assertEqual(client_of(version=1).ask(63, 0, {}).body, {"rc": 8})

    def test_indefinite_answers(self):
        client = client_of(indefinite=True)
        self.assertEqual(client.images()[0]["version"], "1.0.0")

    def burst(self, packets, size, **settings):
        """So many echoes at once, without waiting; gives the client and how many were answered."""
        client = client_of(**settings)
        sequences = [client.send(smp.OS, smp.ECHO, {"d": "x" * size}, write=True) for _ in range(packets)]
        client.line.run(10)
        return client, sum(client.answer_to(sequence) is not None for sequence in sequences)

    def test_lines_faster_than_they_are_drained_are_dropped_in_silence(self):
        client, answered = self.burst(1, 300, line_buffers=2, line_seconds=0.040)
        self.assertEqual(answered, 0)
        self.assertGreater(client.device.console.dropped_lines, 0)
        self.assertEqual(self.burst(1, 300, line_buffers=2, line_seconds=0.005)[1], 1)
        self.assertEqual(self.burst(1, 300, line_buffers=4, line_seconds=0.020)[1], 1)

    def test_too_large_a_window_loses_packets(self):
        self.assertEqual(self.burst(8, 200, packet_seconds=0.02)[1], 8)
        client, answered = self.burst(8, 200, packet_seconds=0.2)
        self.assertLess(answered, 8)
        self.assertGreater(client.device.console.dropped_packets, 0)

    def test_larger_than_a_packet_buffer_is_dropped(self):
        self.assertEqual(self.burst(1, 360)[1], 1)
        self.assertEqual(self.burst(1, 380)[1], 0)

    def test_noise_between_and_within_answers(self):
        client = client_of(noise=1.0)
        self.assertEqual(client.call(smp.OS, smp.ECHO, {"d": "x"}, write=True), {"r": "x"})
        self.assertTrue(any(b"temperature" in line for line in client.deframer.text))
        client = client_of(torn=0.5, seed=3)
        client.upload(NEW)
        self.assertEqual(len(client.images()), 2)

    def test_a_window_of_two_fills_the_line_and_one_does_not(self):
        image = mcuboot_image.make("1.1.0", mcuboot_image.body(100_000, 2))
        share = []
        for window in (1, 2):
            client = client_of()
            seconds = client.upload_in_windows(image, window)
            share.append(client.device.upload_wire * 10 / 115200 / seconds)
        self.assertLess(share[0], 0.92)
        self.assertGreater(share[1], 0.98)

    def test_upload_over_a_bad_line(self):
        client = VirtualClient(SmpDevice(OLD), flip=1 / 1000, lose_line=1 / 100)
        client.boot()
        client.upload(NEW)
        self.assertTrue(client.device.has("uploaded", version="1.1.0"))


if __name__ == "__main__":
    unittest.main()
