#!/usr/bin/python3
"""The devices that ask, by SMP or for raw bytes, against a gateway of a few lines in virtual time."""
import hashlib
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import mcuboot_image  # noqa: E402
import raw_device  # noqa: E402
import smp_packet as smp  # noqa: E402
import smp_pull_device  # noqa: E402
from serial_wire import VirtualLine  # noqa: E402

IMAGE = mcuboot_image.body(20_000, 5)
FILE = b"print('new')\n"


def sha1(content):
    return hashlib.sha1(content).hexdigest()


class Gateway:
    """An SMP server of `files` {name: content} at the other end of a virtual line."""

    def __init__(self, device, files, piece=256, **faults):
        self.line = VirtualLine(device, **faults)
        self.files, self.piece = files, piece
        self.deframer = smp.Deframer()
        self.seen = 0
        self.asked = []

    def serve(self, seconds, until):
        """Answers until the condition holds; says whether it did within so much time."""
        end = self.line.now + seconds
        while not until():
            seen = self.seen
            if self.line.now >= end or not self.line.run(end - self.line.now,
                                                         lambda: until() or len(self.line.received) > seen):
                return False
            data, self.seen = self.line.received[seen:], len(self.line.received)
            for raw in self.deframer.feed(data):
                packet = smp.decode(raw)
                self.asked.append((packet.command, packet.body))
                self.line.send(smp.frame(smp.encode(packet.answer(self.answer(packet)))))
        return True

    def answer(self, packet):
        body = packet.body
        content = self.files.get(body["name"])
        if content is None:
            return {"err": {"group": packet.group, "rc": smp.NO_ENTRY}}
        if packet.command == smp.STATUS:
            return {"len": len(content)}
        offset = body.get("off", 0)
        if packet.command == smp.HASH:
            content = content[offset:offset + body.get("len", len(content))]
            return {"type": "sha256", "off": offset, "len": len(content), "output": hashlib.sha256(content).digest()}
        return {"off": offset, "data": content[offset:offset + self.piece],
                **({"len": len(content)} if offset == 0 else {})}


def pycom_site():
    host = "http://192.168.4.1:8000"
    manifest = {"delete": [], "update": [], "version": "1.0.1", "previous_version": "1.0.0",
                "new": [{"URL": f"{host}/1.0.1/flash/main.py", "dst_path": "/flash/main.py", "hash": sha1(FILE)}],
                "firmware": {"URL": f"{host}/firmware_1.0.1.bin", "hash": sha1(IMAGE)}}
    return {"/manifest.json?current_ver=1.0.0": json.dumps(manifest).encode(),
            "/manifest.json?current_ver=1.0.1": b"null", "/1.0.1/flash/main.py": FILE, "/firmware_1.0.1.bin": IMAGE}


class Pull(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def device(self, **settings):
        return smp_pull_device.PullDevice(self.folder, smp_pull_device.Settings(**settings))

    def test_pycom(self):
        device = self.device()
        gateway = Gateway(device, pycom_site())
        self.assertTrue(gateway.serve(60, lambda: device.finished == 0))
        self.assertEqual(device.version, "1.0.1")
        self.assertEqual((self.folder / "firmware.bin").read_bytes(), IMAGE)
        self.assertEqual((self.folder / "files/flash/main.py").read_bytes(), FILE)

    def test_plain(self):
        offer = {"product": "meter", "version": "2.0", "artifacts": [
            {"role": "firmware", "url": "/meter/2.0/firmware_2.0.bin", "length": len(IMAGE),
             "sha256": hashlib.sha256(IMAGE).hexdigest()}]}
        device = self.device(dialect="plain", root="/meter")
        gateway = Gateway(device, {"/meter/offer.json?version=1.0.0": json.dumps(offer).encode(),
                                   "/meter/2.0/firmware_2.0.bin": IMAGE})
        self.assertTrue(gateway.serve(60, lambda: device.finished == 0))
        self.assertEqual(device.version, "2.0")

    def test_resumes_at_its_offset_after_power_was_lost(self):
        device = self.device(dialect="get", path="/image")
        gateway = Gateway(device, {"/image": IMAGE})
        self.assertTrue(gateway.serve(60, lambda: device.has("progress")))
        again = self.device(dialect="get", path="/image")
        gateway = Gateway(again, {"/image": IMAGE})
        self.assertTrue(gateway.serve(60, lambda: again.finished == 0))
        self.assertGreaterEqual(again.has("downloaded")["from_offset"], 16 * 1024)
        self.assertEqual((self.folder / "firmware.bin").read_bytes(), IMAGE)

    def test_begins_afresh_when_the_file_is_another(self):
        (self.folder / "part.bin").write_bytes(IMAGE[:999] + b"?")
        (self.folder / "part.name").write_text("/image")
        device = self.device(dialect="get", path="/image")
        self.assertTrue(Gateway(device, {"/image": IMAGE}).serve(60, lambda: device.finished == 0))
        self.assertEqual(device.has("downloaded")["from_offset"], 0)
        self.assertFalse(device.has("resumed") or device.has("failed"))

    def test_a_bad_line(self):
        device = self.device(timeout=0.3)
        gateway = Gateway(device, pycom_site(), flip=1 / 1000, lose_line=1 / 100)
        self.assertTrue(gateway.serve(300, lambda: device.finished == 0))
        self.assertGreater(device.sent_again, 0)
        self.assertEqual((self.folder / "firmware.bin").read_bytes(), IMAGE)

    def test_an_absent_file_is_a_failure_that_is_tried_again(self):
        device = self.device(dialect="get", path="/none")
        gateway = Gateway(device, {})
        self.assertTrue(gateway.serve(60, lambda: device.has("failed")))
        gateway.files["/none"] = IMAGE
        self.assertTrue(gateway.serve(60, lambda: device.finished == 0))


class Raw(unittest.TestCase):
    def line(self, **settings):
        digest = hashlib.sha256(IMAGE).hexdigest()
        device = raw_device.RawDevice(raw_device.Settings(length=len(IMAGE), sha256=digest, **settings))
        line = VirtualLine(device)
        self.assertTrue(line.run(5, lambda: b"OTA READY\r\n" in line.received))
        return device, line

    def test_receives_without_framing(self):
        device, line = self.line()
        line.send(IMAGE)
        self.assertTrue(line.run(10, lambda: device.finished == 0))
        self.assertEqual(bytes(device.content), IMAGE)

    def test_asks_again_while_nothing_comes(self):
        device, line = self.line(ask_seconds=1.0)
        line.run(3.5)
        self.assertEqual(line.received.count(b"OTA READY"), 4)

    def fails(self, why, device, line):
        self.assertTrue(line.run(10, lambda: device.has("failed")))
        self.assertEqual(device.has("failed")["why"], why)
        count = line.received.count(b"OTA READY")
        self.assertTrue(line.run(5, lambda: line.received.count(b"OTA READY") > count))
        line.send(IMAGE)
        self.assertTrue(line.run(10, lambda: device.finished == 0))

    def test_a_stall_fails(self):
        device, line = self.line(stall_seconds=0.2)
        line.send(IMAGE[:5000])
        line.run(5000 / 11520 + 0.15)
        line.send(IMAGE[5000:6000])
        line.run(1000 / 11520 + 0.15)
        self.assertFalse(device.has("failed"))
        self.fails("stalled", device, line)

    def test_wrong_bytes_fail(self):
        device, line = self.line()
        line.send(b"?" + IMAGE[1:])
        self.fails("wrong hash", device, line)

    def test_a_buffer_that_is_not_emptied_fails(self):
        device, line = self.line(write_rate=5000.0)
        line.send(IMAGE)
        self.assertTrue(line.run(10, lambda: device.has("failed")))
        self.assertEqual(device.has("failed")["why"], "overrun")


if __name__ == "__main__":
    unittest.main()
