#!/usr/bin/python3
"""Pulling over a serial line, on a pty, from a server of its own that damages what it sends."""
import base64
import binascii
import os
import random
import select
import struct
import threading
import tty
import unittest

import rig
import ferry_ota
from emulated_gateway import manifest_of
from ferry_ota import errors
from ferry_ota.serial_pull import SerialPull


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    if number < 256:
        return bytes([major << 5 | 24, number])
    return struct.pack(">BH" if number < 65536 else ">BI", major << 5 | (25 if number < 65536 else 26), number)


def encoded(value):
    """CBOR of what an answer may have in it."""
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    # Of indefinite length, as real servers send it.
    return b"\xbf" + b"".join(encoded(key) + encoded(item) for key, item in value.items()) + b"\xff"


def asked(body):
    """{"name": text, "off": number} of a request; a map of definite length with nothing else in it."""
    found, at = {}, 1
    for _ in range(body[0] & 0x1F):
        key = body[at + 1:at + 1 + (body[at] & 0x1F)].decode()
        at += 1 + len(key)
        major, low = body[at] >> 5, body[at] & 0x1F
        size = {24: 1, 25: 2, 26: 4}.get(low, 0)
        number = int.from_bytes(body[at + 1:at + 1 + size], "big") if size else low
        at += 1 + size
        if major == 3:
            found[key] = body[at:at + number].decode()
            at += number
        else:
            found[key] = number
    return found


class Server(threading.Thread):
    """An SMP server with a file-system group. `answer(command, question, values)` may change an answer's values;
    `send(text)` may change the lines. `block`: bytes in an answer."""

    def __init__(self, names, block=300):
        super().__init__(daemon=True)
        self.names = names
        self.block = block
        self.answer = lambda command, question, values: values
        self.send = lambda text: text
        self.asked = []
        self.failed = None
        self.ours, self.theirs = os.openpty()
        for end in (self.ours, self.theirs):
            tty.setraw(end)
        self.ended, self.end = os.pipe()
        self.start()

    def close(self):
        os.write(self.end, b"x")
        self.join(10)
        for descriptor in (self.ours, self.theirs, self.ended, self.end):
            os.close(descriptor)

    def run(self):
        text = b""
        while True:
            ready, _, _ = select.select([self.ours, self.ended], [], [])
            if self.ended in ready:
                return
            text += os.read(self.ours, 4096)
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                self.line(line)

    def line(self, line):
        raw = base64.b64decode(line[2:], validate=True)
        self.packet = raw if line[:2] == b"\x06\x09" else self.packet + raw
        length, = struct.unpack(">H", self.packet[:2])
        if len(self.packet) < length + 2:
            return
        assert len(line) < 127 and binascii.crc_hqx(self.packet[2:], 0) == 0
        packet = self.packet[2:-2]
        operation, _, size, group, sequence, command = struct.unpack(">BBHHBB", packet[:8])
        assert (operation & 7, group, size) == (0, 8, len(packet) - 8)
        question = asked(packet[8:])
        self.asked.append((command, question.get("name"), question.get("off", 0)))
        body = encoded(self.answer(command, question, self.values(command, question)))
        answer = struct.pack(">BBHHBB", 1, 0, len(body), group, sequence, command) + body
        os.write(self.ours, self.send(self.lines(answer)))

    def values(self, command, question):
        data = self.names.get(question["name"])
        if data is None:
            return {"rc": 5}
        if command == 1:
            return {"len": len(data)}
        at = question["off"]
        values = {"off": at, "data": data[at:at + self.block]}
        if not at:
            values["len"] = len(data)
        return values

    @staticmethod
    def lines(packet):
        whole = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", binascii.crc_hqx(packet, 0))
        pieces = [whole[at:at + 93] for at in range(0, len(whole), 93)]
        return b"".join((b"\x04\x14" if number else b"\x06\x09") + base64.b64encode(piece) + b"\n"
                        for number, piece in enumerate(pieces))


class OverLine(unittest.TestCase):
    def setUp(self):
        text, names = manifest_of(rig.OLD, rig.NEW, "1.0.1", "1.0.0", rig.IMAGE)
        names["/manifest.json?current_ver=1.0.0"] = text.encode()
        names["/manifest.json?current_ver=1.0.1"] = b"null"
        self.server = Server(names, block=1500)
        self.addCleanup(self.server.close)

    def device(self, packet=2048, timeout_ms=3000, tries=8):
        return rig.Device(self, SerialPull(rig.Uart(self.server.theirs), packet, timeout_ms, tries))

    def updated(self, device):
        self.assertEqual(device.ota().update(), ferry_ota.INSTALLED)
        ota = device.ota()
        self.assertEqual(ota.boot(), ferry_ota.TRIAL)
        self.assertTrue(ota.confirm())
        self.assertEqual((device.runs(), device.ota().update()), ("new", ferry_ota.CURRENT))

    def test_update(self):
        self.updated(self.device())
        blocks = [question for question in self.server.asked if question[0] == 0]
        self.assertEqual(len(blocks), len(set(blocks)))

    def test_console_noise_in_between(self):
        self.server.send = lambda text: b"[00:01] <inf> uart: hello\r\n\x06" + text.replace(b"\n", b"\nnoise\x04\r\n")
        self.updated(self.device())

    def test_damaged_and_lost_lines(self):
        chance = random.Random(3)

        def damage(text):
            text = bytearray(text)
            if chance.random() < 0.15:
                text[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
            if chance.random() < 0.05:
                del text[:chance.randrange(len(text))]
            return bytes(text) if chance.random() > 0.05 else b""
        self.server.send = damage
        self.updated(self.device(timeout_ms=60))

    def test_a_device_that_restarts_goes_on_where_it_was(self):
        for status in (True, False):
            with self.subTest(status=status):
                device = self.device(timeout_ms=50, tries=2)
                left = [60]

                def silent(text):
                    left[0] -= 1
                    return text if left[0] > 0 else b""
                self.server.send = silent
                with self.assertRaises(errors.LinkError):
                    device.ota().update()
                self.server.send = lambda text: text
                if not status:
                    self.server.answer = lambda command, question, values: values if command == 0 else {"rc": 8}
                before = len(self.server.asked)
                device = self.restarted(device)
                self.updated(device)
                resumed = [offset for command, name, offset in self.server.asked[before:]
                           if command == 0 and name.startswith("/firmware") and offset]
                # Of 60 answers some are given twice on a busy machine.
                self.assertGreater(min(resumed), 10_000)

    def restarted(self, device):
        device.transport = SerialPull(rig.Uart(self.server.theirs), timeout_ms=3000)
        return device

    def test_refusals_are_named(self):
        for code, kind, words in ((5, errors.HttpError, "404 not found"), (11, errors.SmpError, "access denied"),
                                  (10, errors.SmpError, "busy")):
            self.server.answer = lambda command, question, values, code=code: {"rc": code}
            with self.assertRaisesRegex(kind, words):
                self.device().ota().update()

    def test_answers_that_make_no_sense(self):
        for wrong in ({"off": 1, "data": b"x", "len": 9}, {"off": 0, "data": b"", "len": 9}, {"off": 0, "data": b"x"},
                      {"off": 0, "data": b"xx", "len": 1}, {"off": 0, "data": "text", "len": 4}, {"len": 5}, {},
                      {"off": 0, "data": b"x", "len": "9"}):
            self.server.answer = lambda command, question, values, wrong=wrong: wrong
            device = self.device()
            with self.assertRaises(errors.ProtocolError):
                device.ota().update()
            self.assertEqual(device.runs(), "old")

    def test_a_packet_that_does_not_fit(self):
        with self.assertRaisesRegex(errors.LinkError, "too long"):
            self.device(packet=512, timeout_ms=50, tries=2).ota().manifest()

    def test_nobody_there(self):
        self.server.send = lambda text: b""
        with self.assertRaisesRegex(errors.LinkError, "no answer"):
            self.device(timeout_ms=20, tries=2).ota().update()


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
