"""The emulated SMP device of tests/devices behind a GATT server on a Bluetooth adapter of its own: SMP's service with
one characteristic, written without response, notifying. It advertises, serves one link after the other, drops its link
when it restarts, and can tear it after so many written bytes."""
import contextlib
import pathlib
import select
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "devices"))
import smp_packet

import l2cap

SERVICE = bytes.fromhex("8d53dc1d1db74cd3868b8a527460aa84")[::-1]
CHARACTERISTIC = bytes.fromhex("da2e7828fbce4e01ae9e261174997c48")[::-1]
FIRST, DECLARATION, VALUE, CONFIGURATION = 0x10, 0x11, 0x12, 0x13
MTU = 247
NONE, UNSUPPORTED = 0x0A, 0x06
ADVERTISED = b"\x11\x07" + SERVICE  # all of its 128-bit services
LONGEST_LOSS = 10  # seconds until the kernel has heard of a loss
LONGEST_WAIT = 0.5  # seconds; then it looks whether it shall end
# Seconds after which it advertises anew. Not sooner: a link that comes up in this very moment trips btvirt.
UNHEARD = 3.0


class BleLink(threading.Thread):
    """`adapter` is the number of one that nobody else uses, powered; `device` an SmpDevice."""

    def __init__(self, adapter, device):
        super().__init__(daemon=True)
        self.device = device
        self.began = time.monotonic()
        self.management = l2cap.Management(adapter)
        self.address = self.management.address()
        self.server = l2cap.listen(self.address)
        self.link = None
        self.links = 0  # that came up
        self.losses = 0  # that were torn
        self.cut_after = None  # a function that gives bytes, for each link anew; None as its value: this one holds
        self.left = None  # bytes until this link is torn
        self.leaves = False  # once a link was torn, the device is out of this one's reach for good
        self.gone = False  # it has left so
        self.ending = False
        self.advertises = False
        self.heard_at = 0.0  # when a scan could have heard of it
        self.start()

    def close(self):
        self.ending = True
        self.join()
        self.drop()
        self.server.close()
        self.management.close()

    def now(self):
        return time.monotonic() - self.began

    def run(self):
        self.device.power_on(None, self.now())
        while not self.ending:
            self.device.tick(self.now())
            if self.link and not self.device.up:
                self.tear()
            self.advertise(self.device.up and not self.gone)
            if self.gone and not self.advertises:
                return
            self.wait()

    def advertise(self, on):
        """A device that is connected does not; the kernel begins again by itself when the link has ended."""
        try:
            if on and not self.advertises:
                self.management.advertise(ADVERTISED)
                self.heard_at = self.now()
            elif self.advertises and not on:
                self.management.stop_advertising()
        except l2cap.Refused:
            return  # the controller is between two links; again at the next turn
        self.advertises = on

    def wait(self):
        due = self.device.next_due()
        wait = LONGEST_WAIT if due is None else min(LONGEST_WAIT, max(0.0, due - self.now()))
        ready, _, _ = select.select([self.link or self.server], [], [], wait)
        self.device.tick(self.now())
        if not self.device.up or self.gone:
            return
        if self.link is None and self.now() - self.heard_at >= UNHEARD:
            self.heard_at = self.now()
            self.management.advertise_again()
        if not ready:
            return
        if self.link is None:
            self.accept()
        else:
            self.read()

    def accept(self):
        self.link = l2cap.accept(self.server)
        self.links += 1
        self.held, self.subscribed = b"", False
        self.left = self.cut_after() if self.cut_after else None

    def drop(self):
        if self.link:
            self.link.close()
            self.heard_at = self.now()
        self.link = None

    def tear(self):
        """The link is lost, and nothing more of what was on its way is heard or said."""
        self.management.tear()
        self.link.settimeout(LONGEST_LOSS)
        with contextlib.suppress(OSError):
            while self.link.recv(1024):
                pass
        self.drop()

    def read(self):
        try:
            packet = self.link.recv(1024)
            answer = self.attribute(packet) if packet else None
            if answer:
                self.link.send(answer)
        except OSError:
            packet = b""
        if not packet:
            self.drop()
        elif self.left is not None and self.left <= 0:
            self.losses += 1
            self.tear()
            self.gone = self.leaves

    # The Attribute Protocol.

    def refuse(self, packet, code):
        handle = struct.unpack_from("<H", packet.ljust(3, b"\0"), 1)[0]
        return struct.pack("<BBHB", 1, packet[0], handle, code)

    def attribute(self, packet):
        code = packet[0]
        if code == 0x02:
            return struct.pack("<BH", 3, MTU)
        if code == 0x06 and packet[5:] == b"\x00\x28" + SERVICE and packet[1:3] <= bytes([FIRST, 0]):
            return struct.pack("<BHH", 7, FIRST, CONFIGURATION)
        start = struct.unpack_from("<H", packet.ljust(3, b"\0"), 1)[0]
        if code == 0x10 and packet[5:] == b"\x00\x28" and start <= FIRST:
            return struct.pack("<BBHH", 0x11, 20, FIRST, CONFIGURATION) + SERVICE
        if code == 0x08 and packet[5:] == b"\x03\x28" and start <= DECLARATION:
            return struct.pack("<BBHBH", 9, 21, DECLARATION, 0x14, VALUE) + CHARACTERISTIC
        if code == 0x04 and start <= CONFIGURATION:
            return struct.pack("<BBHH", 5, 1, CONFIGURATION, 0x2902)
        if code == 0x12 and packet[1:3] == bytes([CONFIGURATION, 0]):
            self.subscribed = packet[3:] == b"\1\0"
            return b"\x13"
        if code == 0x52 and packet[1:3] == bytes([VALUE, 0]):
            return self.written(packet[3:])
        if code & 0x41:  # a command, an answer
            return None
        return self.refuse(packet, NONE if code in (0x04, 0x06, 0x08, 0x10) else UNSUPPORTED)

    def written(self, value):
        if self.left is not None:
            self.left -= len(value)
            if self.left <= 0:
                return
        self.held += value
        while len(self.held) >= 8 and len(self.held) >= 8 + int.from_bytes(self.held[2:4], "big"):
            size = 8 + int.from_bytes(self.held[2:4], "big")
            request, self.held = self.held[:size], self.held[size:]
            answer, _ = self.device.answer(request)
            if answer is None or not self.subscribed:
                continue
            answer = smp_packet.encode(answer)
            for at in range(0, len(answer), MTU - 3):
                self.link.send(struct.pack("<BH", 0x1B, VALUE) + answer[at:at + MTU - 3])
