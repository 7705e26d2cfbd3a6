"""The emulated SMP device of tests/devices behind a GATT server on a Bluetooth adapter: SMP's service with one
characteristic, written without response, notifying. Its link can be torn after so many written bytes."""
import pathlib
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "devices"))
import smp_packet
from smp_device import Settings, SmpDevice

import l2cap

SERVICE = bytes.fromhex("8d53dc1d1db74cd3868b8a527460aa84")[::-1]
CHARACTERISTIC = bytes.fromhex("da2e7828fbce4e01ae9e261174997c48")[::-1]
FIRST, DECLARATION, VALUE, CONFIGURATION = 0x10, 0x11, 0x12, 0x13
MTU = 247
NONE, UNSUPPORTED = 0x0A, 0x06


class BleSmpDevice(threading.Thread):
    """Serves one link after the other until the process ends."""

    def __init__(self, adapter, address, image, settings=None):
        super().__init__(daemon=True)
        self.smp = SmpDevice(image, settings or Settings(buf_size=2475, buf_count=6))
        self.smp.boot()
        self.server = l2cap.listen(address)
        self.management = l2cap.Management(adapter)
        self.cut_after = None  # bytes written from now on
        self.ending = False  # the adapter goes away
        self.start()

    def run(self):
        while not self.ending:
            self.management.advertise(b"\x11\x07" + SERVICE)
            link = l2cap.accept(self.server)
            self.held, self.subscribed = b"", False
            try:
                self.serve(link)
            except OSError as error:
                print("device:", error, flush=True)
            link.close()

    def serve(self, link):
        while packet := link.recv(1024):
            answer = self.attribute(packet, link)
            if answer:
                link.send(answer)
            if self.cut_after is not None and self.cut_after <= 0:
                self.cut_after = None
                return

    def refuse(self, packet, code):
        return struct.pack("<BBHB", 1, packet[0], struct.unpack_from("<H", packet, 1)[0], code)

    def attribute(self, packet, link):
        code = packet[0]
        if code == 0x02:
            return struct.pack("<BH", 3, MTU)
        if code == 0x06 and packet[5:] == b"\x00\x28" + SERVICE and packet[1:3] <= bytes([FIRST, 0]):
            return struct.pack("<BHH", 7, FIRST, CONFIGURATION)
        if code == 0x08 and struct.unpack_from("<H", packet, 1)[0] <= DECLARATION:
            return struct.pack("<BBHBH", 9, 21, DECLARATION, 0x14, VALUE) + CHARACTERISTIC
        if code == 0x04:
            return struct.pack("<BBHH", 5, 1, CONFIGURATION, 0x2902)
        if code == 0x12 and packet[1:3] == bytes([CONFIGURATION, 0]):
            self.subscribed = packet[3:] == b"\1\0"
            return b"\x13"
        if code == 0x52 and packet[1:3] == bytes([VALUE, 0]):
            self.written(packet[3:], link)
            return None
        if code & 0x41:  # a command, an answer
            return None
        return self.refuse(packet, NONE if code in (0x06, 0x08, 0x10) else UNSUPPORTED)

    def written(self, value, link):
        if self.cut_after is not None:
            self.cut_after -= len(value)
        self.held += value
        while len(self.held) >= 8 and len(self.held) >= 8 + int.from_bytes(self.held[2:4], "big"):
            size = 8 + int.from_bytes(self.held[2:4], "big")
            request, self.held = self.held[:size], self.held[size:]
            answer, _ = self.smp.answer(request)
            if answer is None or not self.subscribed:
                continue
            answer = smp_packet.encode(answer)
            for at in range(0, len(answer), MTU - 3):
                link.send(struct.pack("<BH", 0x1B, VALUE) + answer[at:at + MTU - 3])
