#!/usr/bin/python3
"""CBOR, SMP packets, console framing and MCUboot images: the tests' own, against values from the specifications."""
import base64
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import cbor  # noqa: E402
import mcuboot_image  # noqa: E402
import smp_packet as smp  # noqa: E402


class Cbor(unittest.TestCase):
    EXAMPLES = {  # RFC 8949, appendix A
        "00": 0, "17": 23, "1818": 24, "1903e8": 1000, "1b000000e8d4a51000": 1000000000000, "20": -1, "3903e7": -1000,
        "f4": False, "f5": True, "f6": None, "40": b"", "4401020304": b"\1\2\3\4", "6449455446": "IETF",
        "62c3bc": "\u00fc", "80": [], "8301820203820405": [1, [2, 3], [4, 5]], "a0": {},
        "a26161016162820203": {"a": 1, "b": [2, 3]},
    }
    INDEFINITE = {
        "5f42010243030405ff": b"\1\2\3\4\5", "7f657374726561646d696e67ff": "streaming", "9fff": [],
        "9f018202039f0405ffff": [1, [2, 3], [4, 5]], "bf61610161629f0203ffff": {"a": 1, "b": [2, 3]},
    }

    def test_examples_both_ways(self):
        for text, value in self.EXAMPLES.items():
            self.assertEqual(cbor.encode(value).hex(), text)
            self.assertEqual(cbor.decode(bytes.fromhex(text)), value)

    def test_indefinite_lengths(self):
        for text, value in self.INDEFINITE.items():
            self.assertEqual(cbor.decode(bytes.fromhex(text)), value)
        self.assertEqual(cbor.encode({"a": 1, "b": [2, 3]}, indefinite=True).hex(), "bf61610161629f0203ffff")

    def test_what_is_refused(self):
        for text in ("", "18", "a1", "a16161", "ff", "a2616101616102", "61ff", "c001", "1c", "0000", "81ff", "f97e00",
                     "81" * 40 + "00", "5f6161ff", "9f", "bf6161ff"):
            with self.subTest(text), self.assertRaises(cbor.CborError):
                cbor.decode(bytes.fromhex(text))


class Framing(unittest.TestCase):
    def test_one_short_packet(self):
        # The check value of this CRC over the nine digits is 31c3.
        line = b"\x06\x09" + base64.b64encode(bytes.fromhex("000b") + b"123456789" + bytes.fromhex("31c3")) + b"\n"
        self.assertEqual(smp.frame(b"123456789"), line)
        self.assertEqual(smp.Deframer().feed(line), [b"123456789"])

    def test_lines_of_at_most_127_bytes(self):
        for length in (8, 88, 89, 90, 182, 384, 2048):
            lines = smp.frame(bytes(length)).split(b"\n")
            self.assertEqual(lines.pop(), b"")
            self.assertEqual([line[:2] for line in lines], [b"\x06\x09"] + [b"\x04\x14"] * (len(lines) - 1))
            self.assertTrue(all(len(line) == 126 for line in lines[:-1]))
            self.assertLessEqual(len(lines[-1]), 126)
            self.assertEqual(len(smp.frame(bytes(length))), smp.framed_size(length))

    def test_console_text_in_between(self):
        frame = smp.frame(bytes(range(200)))
        first, rest = frame.split(b"\n", 1)
        stream = b"boot\r\n" + first + b"\nlog: \x06 something\r\n" + rest + b"tail\n"
        deframer = smp.Deframer()
        packets = [packet for at in range(len(stream)) for packet in deframer.feed(stream[at:at + 1])]
        self.assertEqual(packets, [bytes(range(200))])
        self.assertEqual(len(deframer.text), 3)

    def test_damage_is_dropped(self):
        frame = bytearray(smp.frame(bytes(300)))
        for at in (0, 5, 40, 126, 127, 130, 300, len(frame) - 1):
            damaged = bytes(frame[:at]) + bytes([frame[at] ^ 2]) + bytes(frame[at + 1:])
            deframer = smp.Deframer()
            self.assertEqual(deframer.feed(damaged), [])
            self.assertEqual(deframer.feed(b"\n" + smp.frame(b"next")), [b"next"])

    def test_a_line_too_long_is_dropped(self):
        raw = smp.frame(bytes(200)).replace(b"\n\x04\x14", b"")
        self.assertEqual(smp.Deframer().feed(raw), [])

    def test_header(self):
        packet = smp.Packet(smp.WRITE, smp.IMAGE, smp.UPLOAD, 7, {"off": 0})
        self.assertEqual(smp.encode(packet).hex(), "0a000006" + "0001" + "07" + "01" + "a1636f666600")
        self.assertEqual(smp.decode(smp.encode(packet)), packet)
        self.assertEqual(smp.encode(packet._replace(version=1))[0], 2)
        for broken in ("0a", "0a00000700010701a1636f666600", "1a00000600010701a1636f666600", "0a0000010001070100"):
            with self.subTest(broken), self.assertRaises(smp.SmpError):
                smp.decode(bytes.fromhex(broken))

    def test_errors_of_both_versions(self):
        self.assertEqual(smp.Packet(1, 1, 0, 0, {"rc": 5}, 1).rc, 5)
        self.assertEqual(smp.Packet(1, 1, 0, 0, {"err": {"group": 1, "rc": 6}}).rc, 6)
        self.assertEqual(smp.Packet(1, 1, 0, 0, {"off": 3}).rc, 0)


class McubootImage(unittest.TestCase):
    def test_whole_images(self):
        for protected in ((), [(0x50, b"needs")]):
            for header_size in (32, 512):
                data = mcuboot_image.make("1.2.3+4", mcuboot_image.body(5000, 1), protected, header_size)
                image = mcuboot_image.read(data + b"\xff" * 100)
                self.assertEqual((image.version, image.valid, image.length), ("1.2.3.4", True, len(data)))
        self.assertEqual(data[:4].hex(), "3db8f396")

    def test_the_same_seed_makes_the_same_image(self):
        self.assertEqual(mcuboot_image.body(100, 7), mcuboot_image.body(100, 7))
        self.assertNotEqual(mcuboot_image.body(100, 7), mcuboot_image.body(100, 8))

    def test_broken_images(self):
        for broken in mcuboot_image.BROKEN:
            image = mcuboot_image.read(mcuboot_image.make("1.0.0", mcuboot_image.body(1000, 1), broken=broken))
            self.assertFalse(image is not None and image.valid, broken)
        self.assertIsNotNone(mcuboot_image.read(mcuboot_image.make("1.0.0", bytes(1000), broken="hash")))


if __name__ == "__main__":
    unittest.main()
