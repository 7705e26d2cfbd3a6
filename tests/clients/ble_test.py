#!/usr/bin/python3
"""Pulling over Bluetooth LE byte by byte: the device-side library over linux_ble.py, with pairs of sockets in place of
the kernel's, from a gateway that speaks the Attribute Protocol."""
import contextlib
import os
import socket
import struct
import threading
import unittest

import ferry_ota
import linux_ble
from emulated_files import EmulatedFiles
from emulated_gateway import FOLDERS, IMAGE, NEW, OLD, WORK, MemoryFirmware, device, release
from emulated_smp import SmpServer
from ferry_ota import ble, errors
from linux_ble import LinuxBle, UUID

ADDRESS = "0a:00:00:00:00:01"
FIRST, PACKETS, CONFIGURATION, PSM, LAST = 0x10, 0x12, 0x13, 0x15, 0x15
FLAGS = b"\x02\x01\x06"
ADVERTISED = FLAGS + b"\x11\x07" + UUID(ble.SERVICE).wire
CHANNEL = 0x80
DECLARATIONS = ((0x11, 0x14, PACKETS, ble.PACKETS), (0x14, 0x02, PSM, ble.PSM))


class Far:
    """The gateway, and what takes the place of KernelSockets. `lose_after`: bytes to the device after which the link
    is lost, once."""

    def __init__(self, psm, block=1900, mtu=185, sdu=64):
        self.server = SmpServer(release(image=IMAGE).names, block)
        self.psm = psm
        self.mtu = mtu
        self.sdu = sdu
        self.heard = [(ADDRESS, linux_ble.LE_PUBLIC, ADVERTISED)]
        self.silent = False
        self.lose_after = None
        self.lost = 0
        self.ways = set()
        self.failures = []
        self.threads = []
        self.ends = []

    # As KernelSockets.

    def advertisements(self, seconds):
        yield from self.heard

    def attributes(self, address, kind, seconds):
        assert (address, kind) == (ADDRESS, linux_ble.LE_PUBLIC)
        return self.serve(Attributes(self).packet)

    def channel(self, address, kind, psm, mtu, seconds):
        if psm != self.psm:
            raise ConnectionRefusedError
        held = Held(self.server)

        def packet(data, send):
            assert len(data) <= self.sdu
            self.ways.add("channel")
            for answer in held.answers(data):
                for at in range(0, len(answer), mtu):
                    send(answer[at:at + mtu])
        return self.serve(packet), self.sdu

    # Within.

    def serve(self, packet):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ends.append(ours)
        thread = threading.Thread(target=self.run, args=(ours, packet), daemon=True)
        self.threads.append(thread)
        thread.start()
        return theirs

    def run(self, ours, packet):
        def send(data):
            if self.lose_after is not None:
                self.lose_after -= len(data)
                if self.lose_after < 0:
                    self.lose_after = None
                    self.lost += 1
                    for end in self.ends:
                        with contextlib.suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)
            ours.send(data)
        try:
            while data := ours.recv(2048):
                packet(data, send)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the device left, or the link was lost
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            ours.close()

    def close(self):
        for thread in self.threads:
            thread.join(60)


class Held:
    def __init__(self, server):
        self.server = server
        self.held = b""

    def answers(self, data):
        self.held += data
        while len(self.held) >= 8 and len(self.held) >= (size := 8 + int.from_bytes(self.held[2:4], "big")):
            request, self.held = self.held[:size], self.held[size:]
            yield self.server.answer(request)


class Attributes:
    """The gateway's server of one connection."""

    def __init__(self, far):
        self.far = far
        self.held = Held(far.server)
        self.mtu = 23
        self.subscribed = False

    def packet(self, data, send):
        assert len(data) <= self.mtu
        if data[0] == linux_ble.WRITE_COMMAND:
            return self.written(struct.unpack_from("<H", data, 1)[0], data[3:], send)
        if not self.far.silent:
            send(self.answer(data) or struct.pack("<BBHB", linux_ble.ERROR, data[0], 0, linux_ble.NOT_FOUND))

    def answer(self, data):
        if data[0] == linux_ble.MTU_REQUEST:
            self.mtu = min(self.far.mtu, struct.unpack_from("<H", data, 1)[0])
            return struct.pack("<BH", linux_ble.MTU_ANSWER, self.far.mtu)
        if data[0] == linux_ble.READ_REQUEST and data[1:] == struct.pack("<H", PSM):
            return struct.pack("<BH", linux_ble.READ, self.far.psm)
        first, last = struct.unpack_from("<HH", data, 1)
        if data[0] == linux_ble.TYPE_VALUE_REQUEST and data[5:] == b"\x00\x28" + UUID(ble.SERVICE).wire:
            return struct.pack("<BHH", linux_ble.TYPE_VALUE, FIRST, LAST)
        if data[0] == linux_ble.TYPE_REQUEST:
            for handle, properties, value, uuid in DECLARATIONS:
                if first <= handle <= last:
                    return struct.pack("<BBHBH", linux_ble.TYPE, 21, handle, properties, value) + UUID(uuid).wire
        if data[0] == linux_ble.INFORMATION_REQUEST and first <= CONFIGURATION <= last:
            return struct.pack("<BBHH", linux_ble.INFORMATION, 1, CONFIGURATION, linux_ble.CONFIGURATION)
        return None

    def written(self, handle, value, send):
        if handle == CONFIGURATION:
            self.subscribed = value == b"\x01\x00"
            return
        assert handle == PACKETS
        self.far.ways.add("characteristic")
        for answer in self.held.answers(value):
            assert self.subscribed
            for at in range(0, len(answer), self.mtu - 3):
                send(struct.pack("<BH", linux_ble.NOTIFICATION, PACKETS) + answer[at:at + self.mtu - 3])


class OverBle(unittest.TestCase):
    def far(self, *arguments, **options):
        far = Far(*arguments, **options)
        self.addCleanup(lambda: self.assertEqual(far.failures, []))
        self.addCleanup(far.close)
        return far

    def link(self, far, channels=True, **options):
        made = ble.BlePull(LinuxBle(far, channels), **{"timeout_ms": 60_000, **options})
        self.addCleanup(made.disconnect)
        return made

    def updated(self, far, channels=True):
        files, firmware = EmulatedFiles(content=OLD, folders=FOLDERS), MemoryFirmware()
        self.assertEqual(device(self.link(far, channels), files, firmware).update(), ferry_ota.INSTALLED)
        self.assertEqual((files.content(WORK), firmware.images["new"]), (NEW, IMAGE))

    def test_update(self):
        for psm, channels, way in ((CHANNEL, True, "channel"), (0, True, "characteristic"),
                                   (CHANNEL, False, "characteristic")):
            for block in (100, 1900):
                with self.subTest(way=way, block=block):
                    far = self.far(psm, block=block)
                    self.updated(far, channels)
                    self.assertEqual(far.ways, {way})

    def test_smallest_mtu(self):
        far = self.far(0, mtu=23)
        self.updated(far)
        self.assertEqual(far.ways, {"characteristic"})

    def test_link_lost(self):
        for psm in (CHANNEL, 0):
            for after in (300, 450, 600, 1000, 1700):
                with self.subTest(psm=psm, after=after):
                    far = self.far(psm, block=200)
                    far.lose_after = after
                    self.updated(far)
                    self.assertEqual(far.lost, 1)
                    blocks = [question for question in far.server.asked if question[0] == 0]
                    self.assertLessEqual(len(blocks) - len(set(blocks)), 1)

    def test_advertisements(self):
        far = self.far(CHANNEL)
        other = "0b:00:00:00:00:01"
        for heard in (b"", FLAGS, b"\x11", b"\x11\x07", b"\x05\x07abcd", b"\x00\x00\x07", b"\xff\x07" + b"x" * 20,
                      ADVERTISED[:-1], b"\x11\x06" + bytes(16)):
            far.heard = [(other, linux_ble.LE_RANDOM, heard)]
            with self.assertRaisesRegex(errors.LinkError, "none advertises"):
                self.link(far, connect_ms=10).connect()
        many = b"\x21\x06" + bytes(16) + UUID(ble.SERVICE).wire
        far.heard = [(other, linux_ble.LE_RANDOM, b"\x11\x07"), (ADDRESS, linux_ble.LE_PUBLIC, many)]
        self.link(far).connect()

    def test_a_gateway_that_does_not_answer(self):
        far = self.far(CHANNEL)
        far.silent = True
        with self.assertRaisesRegex(errors.LinkError, "TimeoutError"):
            self.link(far, connect_ms=100).connect()


class Bytes(unittest.TestCase):
    """What the kernel takes and tells."""

    def test_addresses(self):
        self.assertEqual(linux_ble.sockaddr_l2("00:AA:01:02:03:04", linux_ble.LE_RANDOM, channel=4),
                         bytes.fromhex("1f00" "0000" "04030201aa00" "0400" "02" "00"))
        self.assertEqual(linux_ble.sockaddr_l2(None, linux_ble.LE_PUBLIC, psm=0x80),
                         bytes.fromhex("1f00" "8000" "000000000000" "0000" "01" "00"))

    def test_found_device(self):
        event = bytes.fromhex("04030201aa00" "02" "c0" "00000000" "0300") + FLAGS + b"more"
        self.assertEqual(linux_ble.found(event), ("00:aa:01:02:03:04", linux_ble.LE_RANDOM, FLAGS))


if __name__ == "__main__":
    unittest.main(verbosity=int(os.environ.get("FERRY_VERBOSE", "1")))
